"""What to do next, from the finished trials and nothing else: both shells run the same loop over `next_step`.

It is a function of its arguments: a run that is interrupted anywhere goes on from its recorded trials as if nothing had
happened.
"""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.conditions import Reason
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources, Trial
from modelprofiler.core.adaptive import adaptive_step, best_so_far
from modelprofiler.core.axis import Limits
from modelprofiler.core.grid import grid_problems, grid_recommendation, grid_step
from modelprofiler.core.judge import WITHOUT_SIZE
from modelprofiler.core.run import Run
from modelprofiler.core.steps import Environment, GiveUp, Recommend, RunTrial, Step
from modelprofiler.errors import Problem

MOST_INCONCLUSIVE = 3
"""Trials in a row at one size that may say nothing about it."""


def problems(spec: ModelProfileSpec, resources: EffectiveResources) -> list[Problem]:
    """Return what keeps the range from being searched as the profile asks; to be called before anything runs."""
    return grid_problems(spec, resources)


def next_step(
    spec: ModelProfileSpec,
    resources: EffectiveResources,
    container_name: str,
    environment: Environment,
    trials: Sequence[Trial],
) -> Step:
    """Return the next step of a run.

    Parameters
    ----------
    spec
        The profile as it is now: its objectives judge all trials again.
    resources
        The range, defaults filled in.
    container_name
        The profiled container.
    environment
        Where the trials run.
    trials
        All finished trials of the run, in the order of their index.
    """
    run = Run.of(spec, resources, container_name, environment, trials)
    step = grid_step(run) if spec.search.strategy == "Grid" else adaptive_step(run)
    if not isinstance(step, RunTrial):
        return step
    if silent := _inconclusive(run, step.limits):
        last = silent[-1]
        return GiveUp(
            Reason.UNRELIABLE,
            f"{len(silent)} trials in a row at {step.limits} said nothing about it; the last was "
            f"{last.outcome.value}: {last.message}",
        )
    if run.trials_left <= 0:
        why = f"search.maxTrials of {spec.search.max_trials} was reached"
        return _best(run, why) or GiveUp(Reason.TRIALS_EXHAUSTED, _nothing_passed(run, why))
    return step


def step_at_deadline(
    spec: ModelProfileSpec,
    resources: EffectiveResources,
    container_name: str,
    environment: Environment,
    trials: Sequence[Trial],
) -> Step:
    """Return how a run ends when search.deadline has passed: the best so far, or nothing; see `next_step`."""
    run = Run.of(spec, resources, container_name, environment, trials)
    why = f"search.deadline of {spec.search.deadline} passed"
    return _best(run, why) or GiveUp(Reason.DEADLINE_EXCEEDED, _nothing_passed(run, why))


def _best(run: Run, why: str) -> Recommend | None:
    """Return what can be recommended when no more trials may run; nothing when none passed."""
    if run.smallest_passing is None:
        return None
    if run.spec.search.strategy == "Grid":
        return grid_recommendation(run)
    return best_so_far(run, why)


def _inconclusive(run: Run, limits: Limits) -> list[Trial]:
    """Return the last trials when all of them were at this size and said nothing, and they were too many."""
    found: list[Trial] = []
    for trial in reversed(run.trials):
        if trial.outcome not in WITHOUT_SIZE or Limits.from_size(trial.limits) != limits:
            break
        found.insert(0, trial)
    return found if len(found) >= MOST_INCONCLUSIVE else []


def _nothing_passed(run: Run, why: str) -> str:
    if not run.trials:
        return f"{why} before the first trial was finished."
    last = run.trials[-1]
    return f"{why} before any size passed; the last trial was {last.outcome.value}: {last.message}"
