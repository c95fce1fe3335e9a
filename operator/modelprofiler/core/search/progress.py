"""The next step of a run as it stands: the search, ended by the deadline, on a machine that may not enforce limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Trial
from modelprofiler.core.search.estimate import estimate
from modelprofiler.core.search.step import next_step, step_at_deadline
from modelprofiler.core.steps import Environment, Recommend, RunTrial, Step


@dataclass(frozen=True, slots=True)
class Subject:
    """What is searched; the same for all steps of a run.

    Attributes
    ----------
    spec
        The profile as it is now: its objectives judge all trials again.
    resources
        The range, defaults filled in.
    container_name
        The profiled container.
    environment
        Where the trials run.
    not_enforced
        Why the sizes of trials cannot be enforced, as a part of a sentence; empty where they can.
    """

    spec: ModelProfileSpec
    resources: EffectiveResources
    container_name: str
    environment: Environment
    not_enforced: str = ""


def progress(subject: Subject, trials: Sequence[Trial], elapsed_seconds: float | None) -> Step:
    """Return the next step of a run; both shells run the same loop over it.

    Parameters
    ----------
    subject
        What is searched.
    trials
        All finished trials of the run, in the order of their index.
    elapsed_seconds
        How much of search.deadline is used up; None for a run that has not begun.
    """
    s = subject
    step = next_step(s.spec, s.resources, s.container_name, s.environment, trials)
    if isinstance(step, RunTrial) and trials and s.not_enforced:
        # No size but the whole machine can be tried: one trial, and what follows from it.
        step = estimate(s.spec, s.resources, s.container_name, s.environment, trials, why=s.not_enforced) or step
    deadline = s.spec.search.deadline.seconds
    if isinstance(step, RunTrial) and elapsed_seconds is not None and elapsed_seconds > deadline:
        step = step_at_deadline(s.spec, s.resources, s.container_name, s.environment, trials)
    return _unverified(step, s.not_enforced) if s.not_enforced else step


def _unverified(step: Step, why: str) -> Step:
    """Return a recommendation as one that was not verified: where limits are not enforced, passing proves nothing."""
    if not isinstance(step, Recommend):
        return step
    recommendation = step.recommendation.model_copy(update={"verification": None})
    message = f"What is recommended was not tried: {why}."
    return replace(step, recommendation=recommendation, reason=Reason.NOT_VERIFIED, message=message)
