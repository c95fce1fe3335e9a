"""A server that leaks: memory that grows with the requests as long as it was watched, by what all trials say of it.

One trial tells growth with an interval where samples are dense, and without one where a kubelet had three. Several
trials together tell either: what each says is a value, and their spread is the error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import MemoryUsage, Outcome, Trial
from modelprofiler.core.stats import Z_95, student_t

DENSE = 8
"""Samples from which on one trial tells a leak from a warm-up by itself."""

ALIKE = 2.0
"""Factor by which a slope of three samples may differ from that of others and still confirm it."""

FINEST = 0.02
"""Width of an interval, as a share of the growth, below which nobody believes it."""

FEWEST_TRIALS = 2
"""Trials without intervals of their own that give one together; two must agree within a tenth or so."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Growth that no memory limit is large enough for; bytes for each request.

    Attributes
    ----------
    per_request, low, high
        The growth and its 95 % interval, all above zero.
    base
        Memory that the server holds before its first request, in bytes, as near as it is known.
    trials
        Trials in which memory grew.
    """

    per_request: float
    low: float
    high: float
    base: int
    trials: int

    def requests_until(self, limit: int) -> int | None:
        """Return after about how many requests a memory limit (bytes) is reached; None where it is from the start."""
        return round((limit - self.base) / self.per_request) if limit > self.base else None

    @property
    def words(self) -> str:
        """Return ``3.1 MiB (2.8 to 3.4) per 1,000 requests``, or ``84.5 KiB (…)``."""
        unit, name = (2**20, "MiB") if self.per_request * 1000 >= 2**20 else (2**10, "KiB")
        value, low, high = (
            Quantity.decimal(part * 1000 / unit, 3) for part in (self.per_request, max(0.0, self.low), self.high)
        )
        return f"{value} {name} ({low} to {high}) per 1,000 requests"


def leak_of(trials: Sequence[Trial]) -> Leak | None:
    """Return the leak that these trials show together; None where they show none, or cannot tell.

    Only trials that passed count: what an overloaded server holds is its backlog. Memory must have grown to the end in
    most of those that tell; a server that fills a cache grows in its first trial only, or less and less.
    """
    told = [
        (trial, trial.usage.memory)
        for trial in trials
        if trial.outcome is Outcome.PASSED
        and trial.usage is not None
        and trial.usage.memory is not None
        and trial.usage.memory.growth_per1000_requests is not None
    ]
    growing = [(trial, memory) for trial, memory in told if _grows(memory)]
    if 2 * len(growing) <= len(told):
        return None
    memories = [memory for _, memory in growing]
    dense = any(t.usage is not None and t.usage.samples >= DENSE for t, _ in growing)
    interval = _own_interval(memories, alone=dense) or _joint_interval([_slope(m) for m in memories])
    if interval is None or interval[0] <= 0:
        return None
    low, high = interval
    base = min(_base(trial, memory) for trial, memory in growing)
    return Leak((low + high) / 2, low, high, base, len(growing))


def _slope(memory: MemoryUsage) -> float:
    """Return growth in bytes a request; 0 where it was not told."""
    growth = memory.growth_per1000_requests
    return 0.0 if growth is None else float(growth) / 1000


def _grows(memory: MemoryUsage) -> bool:
    """Whether memory grew to the end of a trial: of growth that was settling the interval begins at 0."""
    return _slope(memory) > 0 and (memory.growth_low is None or memory.growth_low.value > 0)


def _own_interval(memories: Sequence[MemoryUsage], *, alone: bool) -> tuple[float, float] | None:
    """Return the weighted mean of those slopes that have an interval, with its own; None without any.

    Where they differ by more than their intervals allow, the interval is wider by that factor: Particle Data Group,
    Review of Particle Physics, introduction, "unconstrained averaging". Slopes without an interval must be about the
    same, and unless `alone` is allowed there must be two trials: four samples of one may be those of a slow warm-up.
    """
    told = []
    for memory in memories:
        if memory.growth_low is not None and memory.growth_high is not None:
            slope = _slope(memory)
            width = (float(memory.growth_high) - float(memory.growth_low)) / 1000
            told.append((slope, max(width, FINEST * slope) / 2))
    if not told or (len(memories) < 2 and not alone):
        return None
    weights = [1 / half**2 for _, half in told]
    mean = sum(w * slope for w, (slope, _) in zip(weights, told, strict=True)) / sum(weights)
    if any(not mean / ALIKE < _slope(memory) < mean * ALIKE for memory in memories if memory.growth_low is None):
        return None
    half = 1 / math.sqrt(sum(weights))
    if len(told) > 1:
        chi_squared = sum((Z_95 * (slope - mean) / h) ** 2 for slope, h in told)
        half *= max(1.0, math.sqrt(chi_squared / (len(told) - 1)))
    return mean - half, mean + half


def _joint_interval(slopes: Sequence[float]) -> tuple[float, float] | None:
    """Return the mean slope of several trials with the interval that follows from their spread."""
    if len(slopes) < FEWEST_TRIALS:
        return None
    half = student_t(len(slopes) - 1) * stdev(slopes) / math.sqrt(len(slopes))
    return fmean(slopes) - half, fmean(slopes) + half


def _base(trial: Trial, memory: MemoryUsage) -> int:
    """Return what the server held before its first request; its steady memory was reached after three quarters."""
    level = (memory.steady or memory.peak).bytes
    requests = trial.load.requests if trial.load is not None else 0
    return max(0, round(level - 0.75 * _slope(memory) * requests))


def leak_sentence(leak: Leak, limit: int, spec: ModelProfileSpec) -> str:
    """Return what a leak means for a memory limit (bytes)."""
    sentence = f"Memory grows by {leak.words}"
    requests = leak.requests_until(limit)
    if requests is None:
        return f"{sentence}: no limit is large enough for long."
    sentence += f": at {Quantity.memory(limit)} it is killed for memory after about {_rounded(requests)} requests"
    loop = spec.load.open_loop
    if loop is not None:
        sentence += f" ({_time(requests / float(loop.rate))} at {loop.rate}/s)"
    return f"{sentence}, unless it is a cache that fills."


def _rounded(requests: int) -> str:
    """Return a number with two digits: ``43,000``."""
    return f"{float(f'{requests:.2g}'):,.0f}"


def _time(seconds: float) -> str:
    """Return a time in the unit that fits: ``40 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{float(f'{seconds / unit:.2g}'):g} {name}"
    return f"{seconds:.0f} s"
