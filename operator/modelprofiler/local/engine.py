"""A run on this machine, from its first trial to its recommendation: the same search as in a cluster.

What a run is at is its list of finished trials, on disk: each is written before the next begins, so a run that is
interrupted anywhere goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Trial
from modelprofiler.core.conditions import RunState
from modelprofiler.core.judge import rejudge
from modelprofiler.core.pause import not_before
from modelprofiler.core.search.progress import Subject, progress
from modelprofiler.core.status import RunIdentity, run_status, samples_read
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step
from modelprofiler.local.host import Host
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Listener
from modelprofiler.local.trials import Trials
from modelprofiler.report.record import write_profile, write_trial

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an interrupted run has left.

    Attributes
    ----------
    trials
        Its finished trials.
    started, completed
        When it began, and when it ended; None where it has not.
    resources
        The range that it searched.
    """

    trials: Sequence[Trial] = ()
    started: datetime | None = None
    completed: datetime | None = None
    resources: EffectiveResources | None = None

    @property
    def spent(self) -> float:
        """Seconds that its trials have taken, towards search.deadline; not what lay between two interrupted runs."""
        return sum((t.completion_time - t.start_time).total_seconds() for t in self.trials)


class Engine:
    """Goes through a run.

    Parameters
    ----------
    prepared
        The run.
    host
        What of this machine is the server's, and what the load's.
    directory
        Where the run is kept; it exists.
    listener
        Is told how it goes on.
    earlier
        What an interrupted run of the same hash has left.
    """

    def __init__(
        self, prepared: Prepared, host: Host, directory: Path, listener: Listener, earlier: Earlier | None = None
    ) -> None:
        self._prepared = prepared
        self._host = host
        self._directory = directory
        self._listener = listener
        self._earlier = earlier or Earlier()
        self._trials: list[Trial] = list(rejudge(prepared.profile.spec, self._earlier.trials))
        self._started = datetime.now(UTC)
        self._subject = Subject(
            prepared.profile.spec,
            prepared.resources,
            prepared.server.container_name,
            "Local",
            not_enforced=host.unlimited or "",
        )

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to measure: an earlier run had ended, or its trials suffice."""
        return not isinstance(self._next(), RunTrial)

    async def run(self) -> ModelProfile:
        """Run to the end and return the profile with its status."""
        if not self.has_ended:
            self._write(self._profile(active="The first trial is about to begin."))
        trials = Trials(self._prepared, self._host, self._directory, self._listener)
        try:
            while isinstance(step := self._next(), RunTrial):
                await self._pause()
                record = await trials.run(step, len(self._trials) + 1, self._trials)
                write_trial(self._directory, record)
                self._trials.append(record.trial)
                self._write(self._profile(active="Deciding what to try next."))
                self._listener.finished_trial(record)
        finally:
            await trials.close()
        profile = self._profile(result=step)
        self._write(profile)
        self._listener.ended(profile)
        return profile

    async def _pause(self) -> None:
        """Wait before a trial that repeats one which said nothing: what was in the way may pass."""
        until = not_before(self._trials)
        seconds = (until - datetime.now(UTC)).total_seconds() if until is not None else 0.0
        if seconds > 0:
            self._listener.said(f"waiting {seconds:.0f} s, as the last trial said nothing: {self._trials[-1].message}")
            await asyncio.sleep(seconds)

    def _next(self) -> Step:
        elapsed = self._earlier.spent + (datetime.now(UTC) - self._started).total_seconds()
        return progress(self._subject, self._trials, elapsed)

    def _profile(self, *, active: str = "", result: Recommend | GiveUp | None = None) -> ModelProfile:
        prepared, profile = self._prepared, self._prepared.profile
        now = datetime.now(UTC)
        anew = len(self._trials) > len(self._earlier.trials)
        completed = now if anew or self._earlier.completed is None else self._earlier.completed
        used = next((t.usage for t in reversed(self._trials) if t.usage is not None), None)
        metrics = samples_read(used.source) if used else None
        status = run_status(
            profile.status,
            RunState(profile.metadata.generation, active=active, result=result, metrics=metrics),
            RunIdentity(prepared.run_hash, prepared.dataset, prepared.resources, prepared.provenance),
            now,
            trials=self._trials,
            started=self._earlier.started or self._started,
            completed=None if result is None else completed,
        )
        return profile.model_copy(update={"status": status})

    def _write(self, profile: ModelProfile) -> None:
        write_profile(self._directory, profile)
