"""The end of a search: the recommended size itself, on a fresh pod, until it is known well enough."""

from __future__ import annotations

import math
from dataclasses import replace

from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.points import Observation
from modelprofiler.core.search.recommend import Target, recommend, with_margin, with_room
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.target import boundary, target_at
from modelprofiler.core.steps import Recommend, RunTrial, Step


def confirm_step(run: Run) -> Step:
    """Return the Confirm trial, or the recommendation once it passed."""
    least = target_at(run, boundary(run))[0]
    least, roomy = _beyond_bad_luck(run, least), _beyond_bad_luck(run, with_room(run, least))
    for target in (least, *_between(run, least, roomy), roomy):
        if _is_proven(run, target):
            return recommend(run, target)
    return RunTrial(Purpose.CONFIRM, roomy.limits, fresh=True, window="Measure", reason="exactly the recommended size")


def _between(run: Run, least: Target, roomy: Target) -> list[Target]:
    """Return the targets of the same CPU that passed, with a memory between the two."""
    low, high = least.limits, roomy.limits
    passed = {o.limits for o in run.observations if o.passed and low.memory < o.limits.memory < high.memory}
    return [replace(roomy, limits=limits) for limits in sorted(passed) if limits.cpu == high.cpu]


def _is_proven(run: Run, target: Target) -> bool:
    passed = [o for o in run.at(target.limits) if o.passed]
    # Passing with less CPU is passing, too, unless such a size failed: then that pass was luck.
    refuted = run.largest_failing.cpu if run.largest_failing else 0
    within = [o for o in run.passes_within(target.limits.cpu) if o.cpu > refuted]
    return bool(passed) and len(within) >= _measurements_needed(run, target, passed)


def proven_already(run: Run) -> Target | None:
    """Return the target at a size that was confirmed and is larger than it by no more than runs differ; absent else.

    Where the pace differs, each trial moves what is known of its mean, and so the target; that must not go on for ever.
    """
    target = target_at(run, boundary(run))[0]
    least, most = target.limits, target.limits.cpu * math.exp(2 * run.pace.spread)
    confirmed = [o for o in run.observations if o.passed and o.trial.purpose is Purpose.CONFIRM]
    # What failed later is not proven, whatever the pace.
    confirmed = [o for o in confirmed if o.limits.memory >= least.memory and run.at(o.limits)[-1].passed]
    enough = [o.limits for o in confirmed if least.cpu <= o.limits.cpu <= most]
    enough = enough or [o.limits for o in confirmed if o.limits.cpu <= least.cpu and _is_hard_won(run, o)]
    return replace(target, limits=min(enough)) if enough and run.pace.spread else None


def _is_hard_won(run: Run, confirmed: Observation) -> bool:
    """Whether a Confirm trial passed for certain though the CPU was slow, at a size that covers all that was measured.

    By the pace a size below it may have passed at a fast moment only; but it is not that size which is recommended.
    """
    slow = confirmed.verdict.certain and run.pace.deviations.get(confirmed.trial.index, 0.0) > 0
    passed = [o.limits.cpu for o in run.observations if o.passed]
    failed = [o.limits.cpu for o in run.observations if not o.passed and not run.blames_memory(o)]
    lowest = min((cpu for cpu in passed if cpu > max(failed, default=0)), default=run.cpu.last)
    return slow and confirmed.limits.cpu >= with_margin(lowest, run.spec.recommendation.cpu_margin_percent)


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
    least = target_at(run, run.smallest_passing.cpu)[0]
    roomy = with_room(run, least)
    ran = [
        target
        for target in (least, *_between(run, least, roomy), roomy)
        if any(o.passed for o in run.at(target.limits))
    ]
    return recommend(run, ran[0] if ran else least, why_not_verified)
