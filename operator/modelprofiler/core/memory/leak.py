"""The suspicion of a leak: memory that grows with the number of requests in most trials of a run.

A trial with many samples gives a rate of growth with an interval; one with the three samples of a kubelet gives a rate
without one. Several trials together give an interval in either case: each contributes a rate, and their spread is the
error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import MemoryUsage, Outcome, Trial
from modelprofiler.core.stats import Z_95, student_t

DENSE = 8
"""Samples from which a single trial can distinguish a leak from a warm-up. A rule of thumb: four in each half of it."""

ALIKE = 2.0
"""Factor by which a rate from three samples may differ from that of other trials and confirm it. A rule of thumb."""

LEAST_WIDTH = 0.02
"""Least width of an interval, as a share of the growth: no rate of growth is known more precisely. A rule of thumb."""

FEWEST_TRIALS = 2
"""Trials without intervals that are needed for a common one. With two, Student's t of one degree of freedom is 12.7, so
that the interval excludes zero only where their rates differ by less than 16 % of the mean."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Growth for which, if it goes on, no memory limit is large enough; rates are in bytes per request.

    Attributes
    ----------
    per_request, low, high
        The rate of growth and its 95 % interval, all above zero.
    base
        Memory that the server holds before its first request, in bytes, estimated.
    trials
        Number of trials in which memory grew.
    """

    per_request: float
    low: float
    high: float
    base: int
    trials: int

    def requests_until(self, limit: int) -> int | None:
        """Return after about how many requests memory reaches a limit (bytes); None if it starts above the limit."""
        return round((limit - self.base) / self.per_request) if limit > self.base else None

    @property
    def highest(self) -> str:
        """The upper end of the interval for 1,000 requests: ``3.4 MiB``."""
        unit, name = _unit(self.high)
        return f"{Quantity.decimal(self.high * 1000 / unit, 3)} {name}"

    @property
    def rate(self) -> str:
        """``3.1 MiB (2.8 to 3.4) per 1,000 requests``, or ``84.5 KiB (…)``."""
        unit, name = _unit(self.per_request)
        value, low, high = (
            Quantity.decimal(part * 1000 / unit, 3) for part in (self.per_request, max(0.0, self.low), self.high)
        )
        return f"{value} {name} ({low} to {high}) per 1,000 requests"


def _unit(per_request: float) -> tuple[int, str]:
    return (2**20, "MiB") if per_request * 1000 >= 2**20 else (2**10, "KiB")


def leak_of(trials: Sequence[Trial]) -> Leak | None:
    """Return the leak that these trials show together; None where they show none, or too little was measured.

    Only trials that passed count, as an overloaded server also holds its backlog. Memory must have grown to the end of
    most trials that measured growth. The memory of a server that fills a cache grows in its first trial alone, or ever
    more slowly.
    """
    measured = [
        (trial, trial.usage.memory)
        for trial in trials
        if trial.outcome is Outcome.PASSED
        and trial.usage is not None
        and trial.usage.memory is not None
        and trial.usage.memory.growth_per1000_requests is not None
    ]
    growing = [(trial, memory) for trial, memory in measured if _grows(memory)]
    if 2 * len(growing) <= len(measured):
        return None
    memories = [memory for _, memory in growing]
    dense = any(t.usage is not None and t.usage.samples >= DENSE for t, _ in growing)
    interval = _own_interval(memories, one_is_enough=dense) or _joint_interval([_slope(m) for m in memories])
    if interval is None or interval[0] <= 0:
        return None
    low, high = interval
    base = min(_base(trial, memory) for trial, memory in growing)
    return Leak((low + high) / 2, low, high, base, len(growing))


def suspicion_of(trials: Sequence[Trial]) -> Leak | None:
    """Return the growth that these trials give reason to suspect: a leak, or growth that their samples cannot bound.

    With the three samples of a kubelet a trial has a rate and no interval. Where memory grew in most of the trials, and
    in two of them or in the only one, that is enough to look longer, although their rates may differ.
    """
    if (leak := leak_of(trials)) is not None:
        return leak
    passed = [t for t in trials if t.outcome is Outcome.PASSED]
    memories = [(t, t.usage.memory) for t in passed if t.usage is not None and t.usage.memory is not None]
    measured = [(t, memory) for t, memory in memories if memory.growth_per1000_requests is not None]
    growing = [(t, memory) for t, memory in measured if _grows(memory)]
    if 2 * len(growing) <= len(measured) or len(growing) < min(FEWEST_TRIALS, len(passed)):
        return None
    slopes = [_slope(memory) for _, memory in growing]
    base = min(_base(trial, memory) for trial, memory in growing)
    return Leak(fmean(slopes), min(slopes), max(slopes), base, len(growing))


def _slope(memory: MemoryUsage) -> float:
    """Return the growth in bytes per request; 0 where it was not measured."""
    growth = memory.growth_per1000_requests
    return 0.0 if growth is None else float(growth) / 1000


def _grows(memory: MemoryUsage) -> bool:
    """Whether memory grew to the end of a trial; the interval of growth that was slowing down begins at 0."""
    return _slope(memory) > 0 and (memory.growth_low is None or memory.growth_low.value > 0)


def _own_interval(memories: Sequence[MemoryUsage], *, one_is_enough: bool) -> tuple[float, float] | None:
    """Return the interval of the weighted mean of the rates that have an interval; None without any.

    Where they differ by more than their intervals allow, the interval is wider by that factor: Particle Data Group,
    Review of Particle Physics, introduction, "unconstrained averaging". Rates without an interval must be similar, and
    unless `one_is_enough` there must be two trials: the few samples of a single one may show a slow warm-up.
    """
    rates = []
    for memory in memories:
        if memory.growth_low is not None and memory.growth_high is not None:
            slope = _slope(memory)
            width = (float(memory.growth_high) - float(memory.growth_low)) / 1000
            rates.append((slope, max(width, LEAST_WIDTH * slope) / 2))
    if not rates or (len(memories) < 2 and not one_is_enough):
        return None
    weights = [1 / half**2 for _, half in rates]
    mean = sum(w * slope for w, (slope, _) in zip(weights, rates, strict=True)) / sum(weights)
    if any(not mean / ALIKE < _slope(memory) < mean * ALIKE for memory in memories if memory.growth_low is None):
        return None
    half = 1 / math.sqrt(sum(weights))
    if len(rates) > 1:
        chi_squared = sum((Z_95 * (slope - mean) / h) ** 2 for slope, h in rates)
        half *= max(1.0, math.sqrt(chi_squared / (len(rates) - 1)))
    return mean - half, mean + half


def _joint_interval(slopes: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval of the mean rate of several trials, from their spread; None for a single trial."""
    if len(slopes) < FEWEST_TRIALS:
        return None
    half = student_t(len(slopes) - 1) * stdev(slopes) / math.sqrt(len(slopes))
    return fmean(slopes) - half, fmean(slopes) + half


def _base(trial: Trial, memory: MemoryUsage) -> int:
    """Return the memory, in bytes, that the server held before its first request.

    Steady memory is that of the second half of a load, so it is reached after three quarters of the requests.
    """
    level = (memory.steady or memory.peak).bytes
    requests = trial.load.requests if trial.load is not None else 0
    return max(0, round(level - 0.75 * _slope(memory) * requests))
