"""Whether the machine changed while a run went on: what a request cost in CPU time, from the first trial to the last.

The reference trial is measured once, at the beginning, and everything is compared to it. A node that gets a neighbour,
or a CPU that clocks down, makes later requests dearer; the trials that ran at sizes that compare show it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import Drift, Trial
from modelprofiler.core.judge import JUDGED_OUTCOMES
from modelprofiler.core.pace import FINEST
from modelprofiler.core.student import t95

COMPARABLE = 1.5
"""CPU sizes up to this factor apart compare: a server that is throttled more also loses its caches more often."""

FARTHEST = 5.0
"""Logarithm of a ratio, and of an interval's ends: beyond it nobody needs to know more."""


def drift_of(trials: Sequence[Trial]) -> Drift | None:
    """Return how much the CPU time of a request changed over a run; None where too few trials compare.

    A line through the logarithm of the CPU time over the time of the trials, with a height of its own for each group of
    trials that compare: as many threads, and CPU sizes at most `COMPARABLE` apart. It is noticed where the 95 %
    interval of its rise from the first of these trials to the last excludes none, and is more than counters err by.
    """
    groups = [group for group in _groups(trials) if len(group) > 1]
    points = [point for group in groups for point in group]
    freedom = len(points) - len(groups) - 1
    if freedom < 1:
        return None
    centred = []
    for group in groups:
        mean_t, mean_y = fmean(t for t, _ in group), fmean(y for _, y in group)
        centred += [(t - mean_t, y - mean_y) for t, y in group]
    spread = sum(t**2 for t, _ in centred)
    if spread <= 0:
        return None
    slope = sum(t * y for t, y in centred) / spread
    residual = sum((y - slope * t) ** 2 for t, y in centred)
    span = max(t for t, _ in points) - min(t for t, _ in points)
    # No less than what counters err by, however well so few points lie on a line.
    error = math.sqrt(max(residual / freedom, FINEST**2) / spread) * span
    change, half = slope * span, t95(freedom) * error
    return Drift(
        ratio=_ratio(change),
        low=_ratio(change - half),
        high=_ratio(change + half),
        noticed=abs(change) > half,
        trials=len(points),
    )


def drift_sentence(drift: Drift) -> str:
    """Return what a drift that was noticed means."""
    change = float(drift.ratio) - 1
    ends = sorted(abs(100 * (float(end) - 1)) for end in (drift.low, drift.high))
    return (
        f"The CPU time of a request {'rose' if change > 0 else 'fell'} by {abs(100 * change):.0f}% "
        f"({ends[0]:.0f}% to {ends[1]:.0f}%) while the run went on, more than trials differ otherwise: the machine was "
        "not the same at its end as at its beginning, so run it again when it is quiet."
    )


def _groups(trials: Sequence[Trial]) -> list[list[tuple[float, float]]]:
    """Return (seconds since the epoch, logarithm of CPU time per request) of trials that compare, a list a group."""
    by_threads: dict[int | None, list[tuple[int, float, float]]] = {}
    for trial in trials:
        usage, cpu = trial.usage, trial.limits.cpu
        time = usage.cpu_time_per_request if usage is not None else None
        if trial.outcome not in JUDGED_OUTCOMES or usage is None or cpu is None or time is None or time.seconds <= 0:
            continue
        cost = (cpu.millicores, trial.start_time.timestamp(), math.log(time.seconds))
        by_threads.setdefault(usage.threads, []).append(cost)
    groups: list[list[tuple[float, float]]] = []
    for found in by_threads.values():
        smallest = 0.0
        for millicores, at, logarithm in sorted(found):
            if millicores > COMPARABLE * smallest:
                smallest = millicores
                groups.append([])
            groups[-1].append((at, logarithm))
    return groups


def _ratio(change: float) -> Quantity:
    return Quantity.decimal(math.exp(max(-FARTHEST, min(FARTHEST, change))), 3)
