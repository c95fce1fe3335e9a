"""The end of a search: the recommended size itself is run on a fresh server until it is confirmed."""

from __future__ import annotations

import math
from dataclasses import replace

from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.margin import Target, with_headroom, with_margin
from modelprofiler.core.search.points import Observation
from modelprofiler.core.search.recommend import recommend
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.target import boundary, target_at
from modelprofiler.core.steps import Recommend, RunTrial, Step


def confirm_step(run: Run) -> Step:
    """Return the Confirm trial, or the recommendation once it passed."""
    target = target_at(run, boundary(run))[0]
    smallest, largest = _above_failures(run, target), _above_failures(run, with_headroom(run, target))
    for candidate in (smallest, *_between(run, smallest, largest), largest):
        if _is_confirmed(run, candidate):
            return recommend(run, candidate)
    return RunTrial(
        Purpose.CONFIRM, largest.limits, fresh=True, window="Measure", reason="exactly the recommended size"
    )


def _between(run: Run, smallest: Target, largest: Target) -> list[Target]:
    """Return the targets with the same CPU and a memory between these two, at which a trial passed."""
    low, high = smallest.limits, largest.limits
    passed = {o.limits for o in run.observations if o.passed and low.memory < o.limits.memory < high.memory}
    return [replace(largest, limits=limits) for limits in sorted(passed) if limits.cpu == high.cpu]


def _is_confirmed(run: Run, target: Target) -> bool:
    """Whether enough trials passed for a target to be recommended, one of them at exactly its size."""
    passed = [o for o in run.at(target.limits) if o.passed]
    # A pass with less CPU counts as well, unless it is at or below a size that failed: it then passed by chance.
    refuted = run.largest_failing.cpu if run.largest_failing else 0
    within = [o for o in run.passes_within(target.limits.cpu) if o.cpu > refuted]
    # What passed here at a fast pace counts for a larger size, and resized servers prove nothing about fresh ones.
    if run.pace.spread and target.limits != run.ceiling and not any(o.fresh for o in within):
        return False
    return bool(passed) and len(within) >= _measurements_needed(run, target, passed)


def already_confirmed(run: Run) -> Target | None:
    """Return the target at a size that was confirmed and exceeds it by no more than the pace differs; None without one.

    Where the pace differs, each trial changes the estimate of its mean and so the target. This ends that.
    """
    target = target_at(run, boundary(run))[0]
    least, most = target.limits, target.limits.cpu * math.exp(2 * run.pace.spread)
    confirmed = [o for o in run.observations if o.passed and o.trial.purpose is Purpose.CONFIRM]
    # A size that failed later is not confirmed, whatever the pace was.
    # What passed only because the CPU was fast is no proof of its size.
    confirmed = [o for o in confirmed if o.cpu <= o.limits.cpu]
    confirmed = [o for o in confirmed if o.limits.memory >= least.memory and run.at(o.limits)[-1].passed]
    enough = [o.limits for o in confirmed if least.cpu <= o.limits.cpu <= most]
    enough = enough or [o.limits for o in confirmed if o.limits.cpu <= least.cpu and _passed_when_slow(run, o)]
    return replace(target, limits=min(enough)) if enough and run.pace.spread else None


def _passed_when_slow(run: Run, confirmed: Observation) -> bool:
    """Whether a Confirm trial passed for certain while the CPU was slow, with its margin above every size that passed.

    A smaller size may have passed only because the CPU was fast, but it is not that size which is recommended.
    """
    slow = confirmed.verdict.certain and run.pace.deviations.get(confirmed.trial.index, 0.0) > 0
    passed = [o.limits.cpu for o in run.observations if o.passed]
    failed = [o.limits.cpu for o in run.observations if not o.passed and not run.blames_memory(o)]
    lowest = min((cpu for cpu in passed if cpu > max(failed, default=0)), default=run.cpu.last)
    return slow and confirmed.limits.cpu >= with_margin(lowest, run.spec.recommendation.cpu_margin_percent)


def _above_failures(run: Run, target: Target) -> Target:
    """Return the target, enlarged by the spread of the pace for as long as its size has failed twice.

    Failures at a slow pace count for smaller sizes and do not move the boundary; but a recommended size has to pass.
    """
    while run.pace.spread and target.limits.cpu < run.cpu.last:
        if sum(not o.passed for o in run.at(target.limits)) < 2:
            break
        larger = max(target.limits.cpu + 1, target.limits.cpu * math.exp(run.pace.spread))
        target = replace(target, limits=Limits(run.cpu.ceil(larger), target.limits.memory))
    return target


def _measurements_needed(run: Run, target: Target, passed: list[Observation]) -> int:
    """Return how often the recommended CPU must have passed: twice if it is the boundary and repetitions allow."""
    if not any(o.verdict.certain for o in passed):
        return run.repetitions
    at_boundary = target.limits.cpu == target.cpu and target.limits != run.ceiling
    return min(2, run.repetitions) if at_boundary else 1


def best_so_far(run: Run, why_not_verified: str) -> Recommend:
    """Return the recommendation from the trials so far when no more may run; at least one size must have passed."""
    assert run.smallest_passing is not None
    smallest = target_at(run, run.smallest_passing.cpu)[0]
    largest = with_headroom(run, smallest)
    passed = [
        target
        for target in (smallest, *_between(run, smallest, largest), largest)
        if any(o.passed for o in run.at(target.limits))
    ]
    return recommend(run, passed[0] if passed else smallest, why_not_verified)
