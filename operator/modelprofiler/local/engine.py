"""A run on this machine from its first trial to its recommendation: the same search as in a cluster.

The state of a run is its list of finished trials. Each is written to disk before the next begins, so a run that is
interrupted anywhere can be resumed.
"""

from __future__ import annotations

import asyncio
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
from modelprofiler.core.rows import with_forecast
from modelprofiler.core.search.progress import Subject, progress
from modelprofiler.core.status import RunIdentity, run_status, samples_read
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step
from modelprofiler.local.placement import Placement
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Listener
from modelprofiler.local.trials import TrialRunner
from modelprofiler.report.record import write_profile, write_trial


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """The record of an interrupted run that is resumed.

    Attributes
    ----------
    trials
        Its finished trials.
    started, completed
        When it began and when it ended; None for what has not happened.
    resources
        The range that it searched.
    """

    trials: Sequence[Trial] = ()
    started: datetime | None = None
    completed: datetime | None = None
    resources: EffectiveResources | None = None

    @property
    def trial_seconds(self) -> float:
        """The time that its trials took, which counts towards search.deadline; the time since then does not."""
        return sum((t.completion_time - t.start_time).total_seconds() for t in self.trials)


class Engine:
    """Runs one trial after the other until the search ends.

    Parameters
    ----------
    prepared
        The run.
    placement
        Where on this machine it runs.
    directory
        Where the run is recorded; it exists.
    listener
        Receives the progress.
    earlier
        The record of an interrupted run with the same hash.
    """

    def __init__(
        self,
        prepared: Prepared,
        placement: Placement,
        directory: Path,
        listener: Listener,
        earlier: EarlierRun | None = None,
    ) -> None:
        self._prepared = prepared
        self._placement = placement
        self._directory = directory
        self._listener = listener
        self._earlier = earlier or EarlierRun()
        self._trials: list[Trial] = list(rejudge(prepared.profile.spec, self._earlier.trials))
        self._started = datetime.now(UTC)
        self._subject = Subject(
            prepared.profile.spec,
            prepared.resources,
            prepared.server.container_name,
            "Local",
            not_enforced=placement.limits_problem or "",
        )

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to measure: the earlier run had ended, or its trials suffice."""
        return not isinstance(self._next_step(), RunTrial)

    async def run(self) -> ModelProfile:
        """Run to the end and return the profile with its status."""
        if not self.has_ended:
            self._write(self._profile(active="The first trial is about to begin."))
        runner = TrialRunner(self._prepared, self._placement, self._directory, self._listener)
        try:
            while isinstance(step := self._next_step(), RunTrial):
                await self._pause()
                record = await runner.run(step, len(self._trials) + 1, self._trials)
                write_trial(self._directory, record)
                self._trials.append(record.trial)
                self._write(self._profile(active="Deciding what to try next."))
                self._listener.on_trial_finished(record)
        finally:
            await runner.close()
        profile = self._profile(result=step)
        self._write(profile)
        self._listener.on_run_finished(profile)
        return profile

    async def _pause(self) -> None:
        """Wait before a trial that repeats an inconclusive one: what disturbed that may end meanwhile."""
        until = not_before(self._trials)
        seconds = (until - datetime.now(UTC)).total_seconds() if until is not None else 0.0
        if seconds > 0:
            reason = f"the last trial was inconclusive: {self._trials[-1].message}"
            self._listener.on_wait(f"waiting {seconds:.0f} s, because {reason}")
            await asyncio.sleep(seconds)

    def _next_step(self) -> Step:
        elapsed = self._earlier.trial_seconds + (datetime.now(UTC) - self._started).total_seconds()
        return progress(self._subject, self._trials, elapsed)

    def _profile(self, *, active: str = "", result: Recommend | GiveUp | None = None) -> ModelProfile:
        """Return the profile with the status of the run as it stands now."""
        prepared, profile = self._prepared, self._prepared.profile
        now = datetime.now(UTC)
        usage = next((t.usage for t in reversed(self._trials) if t.usage is not None), None)
        metrics = samples_read(usage.source) if usage else None
        status = run_status(
            profile.status,
            RunState(profile.metadata.generation, active=active, result=result, metrics=metrics),
            RunIdentity(
                prepared.run_hash,
                with_forecast(profile.spec, prepared.dataset, "Local"),
                prepared.resources,
                prepared.provenance,
            ),
            now,
            trials=self._trials,
            started=self._earlier.started or self._started,
            completed=None if result is None else self._completed(now),
        )
        return profile.model_copy(update={"status": status})

    def _completed(self, now: datetime) -> datetime:
        """Return when the run ended: a resumed run that measured nothing more keeps its time."""
        measured_more = len(self._trials) > len(self._earlier.trials)
        return now if measured_more else self._earlier.completed or now

    def _write(self, profile: ModelProfile) -> None:
        write_profile(self._directory, profile)
