"""The end of a search: the recommended size itself, on a fresh pod, until it is known well enough."""

from __future__ import annotations

import math
from dataclasses import replace

from modelprofiler.api.status import Purpose
from modelprofiler.core.axis import Limits
from modelprofiler.core.points import Observation
from modelprofiler.core.recommend import Target, recommend
from modelprofiler.core.run import Run
from modelprofiler.core.steps import Recommend, RunTrial, Step
from modelprofiler.core.target import boundary, target_at


def confirm_step(run: Run) -> Step:
    """Return the Confirm trial, or the recommendation once it passed."""
    target = _beyond_bad_luck(run, target_at(run, boundary(run))[0])
    passed = [o for o in run.at(target.limits) if o.passed]
    # Passing with less CPU is passing, too, unless such a size failed: then that pass was luck.
    refuted = run.largest_failing.cpu if run.largest_failing else 0
    within = [o for o in run.passes_within(target.limits.cpu) if o.cpu > refuted]
    if passed and len(within) >= _measurements_needed(run, target, passed):
        return recommend(run, target)
    return RunTrial(Purpose.CONFIRM, target.limits, fresh=True, window="Measure", reason="exactly the recommended size")


def proven_already(run: Run) -> Target | None:
    """Return the target at a size that was confirmed and is larger than it by no more than runs differ; absent else.

    Where the pace differs, each trial moves what is known of its mean, and so the target; that must not go on for ever.
    """
    target = target_at(run, boundary(run))[0]
    least, most = target.limits, target.limits.cpu * math.exp(2 * run.pace.spread)
    confirmed = [o.limits for o in run.observations if o.passed and o.trial.purpose is Purpose.CONFIRM]
    enough = [size for size in confirmed if least.cpu <= size.cpu <= most and size.memory >= least.memory]
    return replace(target, limits=min(enough)) if enough and run.pace.spread else None


def _beyond_bad_luck(run: Run, target: Target) -> Target:
    """Return the target, or one larger by the spread of the pace where it failed twice without saying that it would.

    What ran at a slow pace does not speak against a size; but a size that is recommended has to pass.
    """
    while run.pace.spread and target.limits.cpu < run.cpu.last:
        if sum(not o.passed for o in run.at(target.limits)) < 2:
            break
        larger = max(target.limits.cpu + 1, target.limits.cpu * math.exp(run.pace.spread))
        target = replace(target, limits=Limits(run.cpu.ceil(larger), target.limits.memory))
    return target


def _measurements_needed(run: Run, target: Target, passed: list[Observation]) -> int:
    """Return how often the recommended CPU must have been measured: the boundary itself always twice, where allowed."""
    if not any(o.verdict.certain for o in passed):
        return run.repetitions
    at_boundary = target.limits.cpu == target.cpu and target.limits != run.ceiling
    return min(2, run.repetitions) if at_boundary else 1


def best_so_far(run: Run, why_not_verified: str) -> Recommend:
    """Return the recommendation from what is known when no more trials may run; some size must have passed."""
    assert run.smallest_passing is not None
    return recommend(run, target_at(run, run.smallest_passing.cpu)[0], why_not_verified)
