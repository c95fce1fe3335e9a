"""The next step of a run: that of the search, unless the deadline has passed or the machine cannot enforce limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.estimate import estimate
from modelprofiler.core.search.step import next_step, step_at_deadline
from modelprofiler.core.search.workload import Workload, baseline_step, compared
from modelprofiler.core.steps import Environment, Recommend, RunTrial, Step


@dataclass(frozen=True, slots=True)
class Subject:
    """What a run searches; the same for all of its steps.

    Attributes
    ----------
    spec
        The profile as it is now: all trials are judged by its objectives.
    resources
        The range, with defaults filled in.
    container_name
        The profiled container.
    environment
        Where the trials run.
    not_enforced
        Why the limits of a trial cannot be enforced, as a part of a sentence; empty where they can.
    workload
        The workload that the server is a copy of, if it is one.
    """

    spec: ModelProfileSpec
    resources: EffectiveResources
    container_name: str
    environment: Environment
    not_enforced: str = ""
    workload: Workload | None = None


def progress(subject: Subject, trials: Sequence[Trial], elapsed_seconds: float | None) -> Step:
    """Return the next step of a run, in a cluster as on this machine.

    Parameters
    ----------
    subject
        What the run searches.
    trials
        All finished trials of the run, in the order of their index.
    elapsed_seconds
        Time since the run left the queue, to be compared with search.deadline; None for a run that has not started.
    """
    if subject.workload is None:
        return _searched(subject, trials, elapsed_seconds)
    # How today's size does is no evidence for the search, which knows the sizes of its range.
    step = _searched(subject, [t for t in trials if t.purpose is not Purpose.BASELINE], elapsed_seconds)
    ceiling = Limits.ceiling(subject.resources)
    baseline = baseline_step(subject.workload, ceiling, trials) if isinstance(step, RunTrial) else None
    return baseline or compared(step, subject.workload, ceiling, trials)


def _searched(subject: Subject, trials: Sequence[Trial], elapsed_seconds: float | None) -> Step:
    s = subject
    step = next_step(s.spec, s.resources, s.container_name, s.environment, trials)
    if isinstance(step, RunTrial) and trials and s.not_enforced:
        # Only the whole machine can be measured: one trial, and the forecast that follows from it.
        step = estimate(s.spec, s.resources, s.container_name, s.environment, trials, why=s.not_enforced) or step
    deadline = s.spec.search.deadline.seconds
    if isinstance(step, RunTrial) and elapsed_seconds is not None and elapsed_seconds > deadline:
        step = step_at_deadline(s.spec, s.resources, s.container_name, s.environment, trials)
    return _unverified(step, s.not_enforced) if s.not_enforced else step


def _unverified(step: Step, why: str) -> Step:
    """Return a recommendation as NotVerified: where limits are not enforced, a pass is no proof; other steps stay."""
    if not isinstance(step, Recommend):
        return step
    recommendation = step.recommendation.model_copy(update={"verification": None})
    message = f"The recommended size was not verified: {why}."
    return replace(step, recommendation=recommendation, reason=Reason.NOT_VERIFIED, message=message)
