"""The next step of the search, which follows from the profile and the finished trials alone.

A run that is interrupted anywhere therefore continues from its recorded trials as if nothing had happened.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.judge import NO_EVIDENCE
from modelprofiler.core.search.adaptive import adaptive_step, step_below
from modelprofiler.core.search.confirm import best_so_far, confirm_step
from modelprofiler.core.search.grid import grid_problems, grid_recommendation, grid_step
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.soak import soak_step
from modelprofiler.core.steps import Environment, GiveUp, Recommend, RunTrial, Step
from modelprofiler.core.threads import needs_new_pools
from modelprofiler.errors import Problem

MOST_INCONCLUSIVE = 3
"""Consecutive inconclusive trials at one size after which the search continues without this size. With the pauses
between them they span a minute or more, which outlasts most disturbances."""


def problems(spec: ModelProfileSpec, resources: EffectiveResources) -> list[Problem]:
    """Return why the range cannot be searched as the profile asks; to be called before the first trial."""
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
        The profile as it is now: all trials are judged by its objectives.
    resources
        The range, with defaults filled in.
    container_name
        The profiled container.
    environment
        Where the trials run.
    trials
        All finished trials of the run, in the order of their index.
    """
    run = Run.of(spec, resources, container_name, environment, trials)
    step = grid_step(run) if spec.search.strategy == "Grid" else adaptive_step(run)
    if isinstance(step, Recommend):
        step = _soak(run, step) or step
    if not isinstance(step, RunTrial):
        return step
    if inconclusive := _inconclusive(run, step.limits):
        return _without_size(run, inconclusive)
    if run.trials_left <= 0:
        why = f"search.maxTrials of {spec.search.max_trials} was reached"
        return _best(run, why) or GiveUp(Reason.TRIALS_EXHAUSTED, _nothing_passed(run, why))
    if not step.fresh and needs_new_pools(spec, step.limits, trials):
        return replace(step, fresh=True)
    return step


def _soak(run: Run, step: Recommend) -> RunTrial | None:
    """Return the soak that a recommendation needs; None where it needs none, or was not measured itself."""
    limits = Limits.from_size(step.recommendation.requests)
    return soak_step(run, limits) if any(o.passed for o in run.at(limits)) else None


def step_at_deadline(
    spec: ModelProfileSpec,
    resources: EffectiveResources,
    container_name: str,
    environment: Environment,
    trials: Sequence[Trial],
) -> Step:
    """Return the end of a run whose search.deadline has passed; see `next_step` for the parameters."""
    run = Run.of(spec, resources, container_name, environment, trials)
    why = f"search.deadline of {spec.search.deadline} passed"
    return _best(run, why) or GiveUp(Reason.DEADLINE_EXCEEDED, _nothing_passed(run, why))


def _best(run: Run, why: str) -> Recommend | None:
    """Return the recommendation when no more trials may run; None when no size has passed."""
    if run.smallest_passing is None:
        return None
    if run.spec.search.strategy == "Grid":
        return grid_recommendation(run)
    return best_so_far(run, why)


def _inconclusive(run: Run, limits: Limits) -> list[Trial]:
    """Return the consecutive inconclusive trials at the end of those at this size; empty while there may be more."""
    here = [trial for trial in run.trials if Limits.from_size(trial.limits) == limits]
    last = list(itertools.takewhile(lambda trial: trial.outcome in NO_EVIDENCE, reversed(here)))
    return last[::-1] if len(last) >= MOST_INCONCLUSIVE else []


def _without_size(run: Run, inconclusive: Sequence[Trial]) -> Step:
    """Return the next step without a size that cannot be measured: from the smallest size that passed, if any did."""
    best = _best(run, _inconclusive_message(inconclusive))
    if best is None:
        return GiveUp(Reason.UNRELIABLE, _inconclusive_message(inconclusive))
    if run.spec.search.strategy == "Grid" or run.trials_left <= 0:
        return best
    # If a repetition of the reference trial is inconclusive, its first pass is enough to search below the ceiling. If a
    # smaller size is, the search below it ends and the recommendation is confirmed.
    for step in (step_below(run), confirm_step(run)):
        if not isinstance(step, RunTrial) or not (also_inconclusive := _inconclusive(run, step.limits)):
            return step
        best = best_so_far(run, _inconclusive_message(also_inconclusive))
    return best


def _inconclusive_message(inconclusive: Sequence[Trial]) -> str:
    last = inconclusive[-1]
    trials = f"{len(inconclusive)} consecutive trials at {Limits.from_size(last.limits)} were inconclusive"
    return f"{trials}; the last was {last.outcome.value}: {last.message}"


def _nothing_passed(run: Run, why: str) -> str:
    if not run.trials:
        return f"{why} before the first trial was finished."
    last = run.trials[-1]
    return f"{why} before any size passed; the last trial was {last.outcome.value}: {last.message}"
