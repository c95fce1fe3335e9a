"""From the measured boundaries to the size to recommend: margins, rounded up to the sizes of the range."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean

from modelprofiler.api.quantities import Duration
from modelprofiler.core.axis import Limits
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.core.search.pace import COUNTER_ERROR
from modelprofiler.core.search.points import Observation, room, tolerance_to
from modelprofiler.core.search.run import Run

MOST_ROUNDING = 2
"""Multiples of the margin that rounding up to the range may add to the boundary where the boundary itself passed with
room; beyond that the margin would mostly be an effect of coarse sizes. A rule of thumb."""

FAR_ABOVE = 1.5
"""Ratio of the next size to a boundary from which the error of the mean pace must be a quarter of the step to be worth
that size: the step then costs far more than the error. A rule of thumb."""

PEAKS_DIFFER = 1.02
"""Factor by which the memory peak may differ from one start of a server to the next. A rule of thumb."""


@dataclass(frozen=True, slots=True)
class Target:
    """The size to recommend, and the boundaries it comes from.

    Attributes
    ----------
    limits
        The size: boundaries plus margins, rounded up to the axis, never above the ceiling.
    cpu
        The smallest CPU that met the objectives, in millicores.
    memory
        The memory boundary, in bytes: the largest peak, or the smallest size that was not too small. None when memory
        was not measured.
    """

    limits: Limits
    cpu: int
    memory: int | None


def target_for(run: Run, cpu: int, memory: int | None, at_least: int = 0) -> Target:
    """Return the target that follows from the boundaries.

    Parameters
    ----------
    run
        The run.
    cpu
        The smallest CPU that met the objectives, in millicores.
    memory
        The memory boundary, in bytes; without it the ceiling is recommended.
    at_least
        Memory below which nothing is recommended, in bytes.
    """
    policy = run.spec.recommendation
    # The margin also covers differences in pace, so the larger of the two counts rather than their sum.
    at_slower_pace = _at_mean_pace(run, cpu) * (1 - _allowance(run, cpu))
    needed = max(with_margin(cpu, policy.cpu_margin_percent), math.ceil(at_slower_pace))
    cpu_size = run.cpu.ceil(needed)
    slow = at_slower_pace > with_margin(cpu, policy.cpu_margin_percent)
    if not slow and is_coarse(cpu, policy.cpu_margin_percent, cpu_size) and passed_with_room(run, cpu):
        cpu_size = cpu
    if memory is None:
        return Target(Limits(cpu_size, run.memory.last), cpu, None)
    grown = memory + (run.growth_to_hold or 0)
    memory_size = run.memory.ceil(max(with_margin(grown, policy.memory_margin_percent), at_least))
    return Target(Limits(cpu_size, memory_size), cpu, memory)


def _allowance(run: Run, cpu: int) -> float:
    """Return the share of the CPU that the error of the mean pace must exceed to be worth a larger size.

    Half of the counters' error, where the paces differ by no more than that error.
    """
    above = run.cpu.next_higher(cpu)
    far = tolerance_to(cpu, above) if (above or cpu) > FAR_ABOVE * cpu else 0.0
    return max(far, COUNTER_ERROR / 2 if run.pace.spread <= COUNTER_ERROR else 0.0)


def _at_mean_pace(run: Run, cpu: int) -> float:
    """Return the CPU, in millicores, that is enough at the mean pace, but for a chance of `pace.RISK`.

    The boundary lies between the largest size that failed and the smallest that passed, both at the mean of the
    measured paces, and no place between them is more likely than another; the true mean differs from that of the trials
    by `Pace.standard_error`.
    """
    if not run.pace.scale:
        return float(cpu)
    passed = [o for o in run.observations if o.passed and o.cpu == cpu]
    failing = run.largest_failing
    failed = [o for o in failing.observations if not o.passed] if failing is not None else []
    enough = min([math.log(cpu), *(_boundary_by(run, o, 0.0) for o in passed)])
    too_small = min(enough, max((_boundary_by(run, o, 0.0) for o in failed), default=enough))
    guesses = [_boundary_by(run, o, room(o, run.utilisation(o))) for o in (*passed, *failed)]
    guess = min(max(fmean(guesses), too_small), enough) if guesses else enough
    near = (enough - too_small) / 4
    low, high = max(too_small, guess - near), min(enough, guess + near)
    return math.exp(low + run.pace.beyond(high - low))


def _boundary_by(run: Run, observation: Observation, room: float) -> float:
    """Return the logarithm of the CPU that is enough at the mean pace, by the room that a trial at its pace had."""
    return math.log(run.pace.equivalent_size(observation.trial, observation.limits.cpu)) - room


def with_headroom(run: Run, target: Target) -> Target:
    """Return the target with memory for a peak `PEAKS_DIFFER` higher in the Confirm trial than in the trials before.

    Without it, a slightly higher peak plus the margin may be one step larger, which would need another Confirm trial.
    """
    percent = run.spec.recommendation.memory_margin_percent
    if not percent or target.memory is None or target.memory != run.memory_peak:
        return target
    needed = math.ceil(PEAKS_DIFFER * target.memory * (100 + percent) / 100)
    memory = max(target.limits.memory, run.memory.ceil(needed))
    return replace(target, limits=Limits(target.limits.cpu, memory))


def with_margin(size: int, percent: int) -> int:
    """Return the size plus a margin, rounded up; in integers, as a float may end just above a step."""
    return -(-size * (100 + percent) // 100)


def is_coarse(base: int, percent: int, size: int) -> bool:
    """Whether a size exceeds a boundary by more than `MOST_ROUNDING` times the margin."""
    return size > base and 100 * (size - base) > MOST_ROUNDING * percent * base > 0


def passed_with_room(run: Run, cpu: int) -> Observation | None:
    """Return the last trial at this CPU whose interval is below every latency objective by the CPU margin.

    None where the last trial at this CPU did not pass so. One of a resized server is enough to take this size for the
    target, because the Confirm trial runs there on a new one and then decides.
    """
    observed = [o for o in run.observations if o.limits.cpu == cpu and not run.blames_memory(o)]
    last = observed[-1] if observed else None
    if last is None or not last.passed or not last.verdict.certain:
        return None
    share = share_below(run, last)
    return last if share is not None and share >= run.spec.recommendation.cpu_margin_percent / 100 else None


def share_below(run: Run, observation: Observation) -> float | None:
    """Return by which share of its objective a latency's interval ends below it, the least of all; None if unknown."""
    load = observation.trial.load
    bounds = latency_bounds(run.spec, reference_among(run.trials))
    if load is None or not bounds:
        return None
    shares = []
    for metric, bound in bounds.items():
        high: Duration | None = getattr(load.latency_high, metric) or getattr(load.latency, metric)
        if high is None or bound <= 0:
            return None
        shares.append(1 - high.seconds / bound)
    return min(shares)
