"""Following a run: a line for each trial as it finishes, until the run ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from modelprofiler.api.conditions import ConditionType
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.core.status import is_accepted
from modelprofiler.errors import ClusterUnavailable, InvalidInput, ModelProfilerError, NotFound, Refused
from modelprofiler.plugin.kubectl import PROFILES, Kubectl
from modelprofiler.report.formats import printable
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import line_of
from modelprofiler.report.summary import condition

POLL_SECONDS = 4.0
"""Between two looks. A trial takes half a minute or longer, and a login program may run for each look."""

PATIENCE_SECONDS = 180.0
"""How long the API server may be away, as while a control plane is upgraded, before following ends."""

UNSEEN_SECONDS = 30.0
"""An operator that serves the namespace has seen a new profile by then: it needs one or two seconds."""

UNAUTHORIZED = 401
"""The status of an answer to somebody whose login is over: waiting changes nothing."""

_NOT_LOOKED_AT = (
    f"No operator has looked at the profile for {UNSEEN_SECONDS:g} s: is modelprofiler installed in this cluster, and "
    "does it serve this namespace?"
)
_NOT_BEGUN = (
    f"The new run has not begun within {UNSEEN_SECONDS:g} s: the operator is not running, or other profiles are first. "
    "The status still has the result of an earlier run."
)

_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Writes how a run proceeds.

    Parameters
    ----------
    out
        Where to: standard error, as the result is on standard output.
    width
        Columns of the terminal; None where `out` is none. Only a terminal gets a line that is written over.
    """

    def __init__(self, out: TextIO, width: int | None) -> None:
        self._out = out
        self._width = width
        self._shown: set[tuple[str | None, int]] = set()
        self._last = ""

    @classmethod
    def on(cls, out: TextIO) -> Progress:
        """Return the progress for a stream."""
        return cls(out, shutil.get_terminal_size().columns if out.isatty() else None)

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self.clear()
        print(" ".join(printable(line).split()), file=self._out, flush=True)

    def clear(self) -> None:
        """Remove the line that is written over."""
        if self._width is not None and self._last:
            self._out.write(_CLEAR_LINE)
            self._out.flush()
        if self._width is not None:
            self._last = ""

    def show(self, profile: ModelProfile) -> None:
        """Write the trials that have finished since, and what the run does now."""
        status = profile.status
        for trial in status.trials:
            if (status.run_hash, trial.index) not in self._shown:
                self._shown.add((status.run_hash, trial.index))
                self.say(line_of(trial))
        finished = condition(RunRecord(profile), ConditionType.FINISHED)
        if finished is None or finished.status == "True":
            return
        if self._width is None:
            if finished.reason != self._last:  # a log needs no word about every stage of every trial
                self.say(f"{finished.reason}: {finished.message}")
            self._last = finished.reason
            return
        line = " ".join(printable(finished.message).split())[: max(self._width - 1, 0)]
        if line != self._last:
            self._out.write(f"{_CLEAR_LINE}{line}")
            self._out.flush()
            self._last = line


@dataclass
class Follower:
    """Looks at a profile until its run has ended.

    Attributes
    ----------
    kubectl, progress
        How to look, and where to write.
    clock, sleep
        Seconds that only grow, and waiting for some.
    """

    kubectl: Kubectl
    progress: Progress
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    _seen: float = field(default=0.0, init=False)

    def follow(self, name: str, before: Object | None, timeout: float) -> Object | None:
        """Return the profile at the end of its run; None where the time is over before.

        Parameters
        ----------
        before
            The status of the profile before it was changed: what was measured for another spec, or before a rerun, is
            no result of this run. None where every result counts.
        timeout
            In seconds.

        Raises
        ------
        ModelProfilerError
            When the profile was deleted, cannot be read, or the cluster stays away.
        """
        begun = self._seen = self.clock()
        reported = False
        while True:
            data = self._look(name)
            waited = self.clock() - begun
            if data is not None:
                profile = _parsed(data)
                current = profile.status.observed_generation == profile.metadata.generation
                old = before is not None and data.get("status") == before
                if current and not _is_of_earlier_run(profile) and not (old and waited <= UNSEEN_SECONDS):
                    before = None
                    self.progress.show(profile)
                    if _has_ended(profile):
                        self.progress.clear()
                        return data
                elif waited > UNSEEN_SECONDS and not reported:
                    reported = True
                    self.progress.say(_NOT_BEGUN if current else _NOT_LOOKED_AT)
            if waited + POLL_SECONDS > timeout:
                self.progress.clear()
                return None
            self.sleep(POLL_SECONDS)

    def _look(self, name: str) -> Object | None:
        """Return the profile; None where the API server does not answer for a while."""
        try:
            data = self.kubectl.get(PROFILES, name)
        except NotFound as error:
            raise ModelProfilerError(f"the ModelProfile {name} was deleted while its run was followed") from error
        except (ClusterUnavailable, Refused) as error:
            is_final = isinstance(error, Refused) and error.status == UNAUTHORIZED
            if is_final or self.clock() - self._seen > PATIENCE_SECONDS:
                raise
            return None  # also 429, 500 or 503, and what an API server that has just started does not know yet
        self._seen = self.clock()
        return data


def _parsed(data: Object) -> ModelProfile:
    try:
        return ModelProfile.parse(data)
    except InvalidInput as error:
        raise ModelProfilerError(
            f"the ModelProfile cannot be read; is this plugin older than the operator? {error}"
        ) from error


def _is_of_earlier_run(profile: ModelProfile) -> bool:
    """Return whether a result says that it is of another value of the annotation that asks for a new run."""
    begun = profile.status.provenance
    asked = profile.metadata.annotations.get(RERUN_ANNOTATION)
    return begun is not None and is_accepted(profile.status) and begun.rerun != asked


def _has_ended(profile: ModelProfile) -> bool:
    finished = condition(RunRecord(profile), ConditionType.FINISHED)
    return finished is not None and finished.status == "True"
