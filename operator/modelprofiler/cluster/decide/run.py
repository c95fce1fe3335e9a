"""A run as it stands: what it has recorded, the trial in progress, and the next move of that trial. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import ActiveTrial, Purpose, Stage, Trial
from modelprofiler.cluster.decide.actions import Action
from modelprofiler.cluster.gather.observation import LoadJob
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.pause import not_before
from modelprofiler.core.steps import RunTrial, Step, Window
from modelprofiler.load.result import LoadResult

POLL_SECONDS = 2.0
"""Children are watched. Some things cause no event, such as a deadline that passes or a sample that arrives."""

LONGEST_PROGRESS_MESSAGE = 1024
"""Maximum number of characters in `modelprofiler.api.trial.ActiveTrial.message`."""


@dataclass(frozen=True)
class RunInCluster:
    """What is known of a run in a cluster apart from its children."""

    profile: ModelProfile
    run_hash: str
    settings: Settings
    trials: Sequence[Trial]
    step: Step
    active: ActiveTrial | None
    now: datetime
    hold: bool = False
    """Begin no trial, because the profile is suspended. A trial whose load already runs goes on to its end."""
    node: str | None = None
    """Node of the reference trial, once there is one."""
    host: str | None = None
    """Host name of the node that the volumes ask for, if they do."""
    wants_reader: bool = False
    """Whether a node reader is to run beside the server."""

    @property
    def ready_within(self) -> float:
        """Seconds that a server may take until it is ready."""
        objective = self.profile.spec.objectives.max_time_to_ready
        longest = self.settings.ready_timeout_seconds
        return min(longest, objective.seconds) if objective else longest

    def recorded(self, job: LoadJob) -> Trial | None:
        """Return the row of a load Job's trial, if that is recorded."""
        return self.trials[job.trial - 1] if job.trial <= len(self.trials) else None


@dataclass(frozen=True)
class TrialInProgress:
    """The trial that runs, or the next one where none runs."""

    index: int
    purpose: Purpose
    limits: Limits
    fresh: bool
    window: Window
    started: datetime
    job: LoadJob | None
    seconds: float | None = None
    """Length of the window of a trial whose Job is not created yet, where it is not load.duration."""

    @classmethod
    def of(cls, run: RunInCluster, job: LoadJob | None) -> TrialInProgress | None:
        """Return the trial in progress: the one whose Job runs, as it was begun, or else the next step.

        Parameters
        ----------
        job
            That of the trial after the recorded ones, if there is one.
        """
        index = len(run.trials) + 1
        started = run.active.start_time if run.active and run.active.index == index else run.now
        # A pause before the trial is not a part of it: its start time is when the pause ends.
        started = max(started, not_before(run.trials) or started)
        if job is not None:
            window: Window = "Measure" if job.window == "Measure" else "Decide"
            return cls(index, job.purpose, job.limits, job.incarnation == index, window, started, job)
        if run.hold or not isinstance(run.step, RunTrial):
            return None
        step = run.step
        return cls(index, step.purpose, step.limits, step.fresh, step.window, started, None, step.seconds)

    def at(self, stage: Stage, message: str) -> ActiveTrial:
        """Return what the status says of the trial."""
        return ActiveTrial(
            index=self.index,
            purpose=self.purpose,
            limits=self.limits.to_size(),
            stage=stage,
            message=message[:LONGEST_PROGRESS_MESSAGE],
            start_time=self.started,
        )


@dataclass(frozen=True)
class Move:
    """What a run does now, what it records, and when to look again."""

    actions: tuple[Action, ...] = ()
    active: ActiveTrial | None = None
    record: Trial | None = None
    """A finished trial to append."""
    record_result: LoadResult | None = None
    """What its load left, for the report."""
    amend: Trial | None = None
    """A finished trial whose usage has come in, to replace its row."""
    idle: bool = False
    """Nothing of the run is left in the cluster."""
    wake: float = POLL_SECONDS
    """Seconds until the next look, if no child changes before."""
