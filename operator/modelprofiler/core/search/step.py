"""What to do next, from the finished trials and nothing else: both shells run the same loop over `next_step`.

It is a function of its arguments: a run that is interrupted anywhere goes on from its recorded trials as if nothing had
happened.
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
from modelprofiler.core.steps import Environment, GiveUp, Recommend, RunTrial, Step
from modelprofiler.core.threads import needs_new_pools
from modelprofiler.errors import Problem

MOST_INCONCLUSIVE = 3
"""Trials in a row at one size that may say nothing about it; then it is done without."""


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
        return _beside(run, silent)
    if run.trials_left <= 0:
        why = f"search.maxTrials of {spec.search.max_trials} was reached"
        return _best(run, why) or GiveUp(Reason.TRIALS_EXHAUSTED, _nothing_passed(run, why))
    if not step.fresh and needs_new_pools(spec, step.limits, trials):
        return replace(step, fresh=True)
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
    """Return the last trials at this size when all of them said nothing, and they were too many."""
    here = [trial for trial in run.trials if Limits.from_size(trial.limits) == limits]
    found = list(itertools.takewhile(lambda trial: trial.outcome in NO_EVIDENCE, reversed(here)))
    return found[::-1] if len(found) >= MOST_INCONCLUSIVE else []


def _beside(run: Run, silent: Sequence[Trial]) -> Step:
    """Return how a run goes on without a size that cannot be measured: from the smallest that passed, if any did."""
    best = _best(run, _silence(silent))
    if best is None:
        return GiveUp(Reason.UNRELIABLE, _silence(silent))
    if run.spec.search.strategy == "Grid" or run.trials_left <= 0:
        return best
    # Where it was the reference, repeated for certainty, its first pass has to do for the search; else no size below.
    for step in (step_below(run), confirm_step(run)):
        if not isinstance(step, RunTrial) or not (silent_here := _inconclusive(run, step.limits)):
            return step
        best = best_so_far(run, _silence(silent_here))
    return best


def _silence(silent: Sequence[Trial]) -> str:
    size, last = Limits.from_size(silent[-1].limits), silent[-1]
    said = f"the last was {last.outcome.value}: {last.message}"
    return f"{len(silent)} trials in a row at {size} said nothing about it; {said}"


def _nothing_passed(run: Run, why: str) -> str:
    if not run.trials:
        return f"{why} before the first trial was finished."
    last = run.trials[-1]
    return f"{why} before any size passed; the last trial was {last.outcome.value}: {last.message}"
