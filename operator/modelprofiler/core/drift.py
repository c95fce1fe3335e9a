"""Whether the machine changed while a run went on: what a request cost in CPU time, from the first trial to the last.

The reference trial is measured once, at the beginning, and everything is compared to it. A node that gets a neighbour,
or a CPU that clocks down, makes later requests dearer; the trials that ran at sizes that compare show it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TypeAlias

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import Drift
from modelprofiler.api.trial import Trial
from modelprofiler.core.judge import JUDGED_OUTCOMES
from modelprofiler.core.stats import student_t

COMPARABLE = 1.5
"""CPU sizes up to this factor apart compare: a server that is throttled more also loses its caches more often."""

NOISE = 0.03
"""Standard deviation of the logarithm of a request's CPU time between two trials that differ in nothing, as expected:
one to four percent on a quiet machine, with other requests and another start."""

PRIOR = 4
"""Trials that this expectation is worth: with three or four of them their own spread says next to nothing."""

ELASTICITY = 0.5
"""Standard deviation of the change of that logarithm with the logarithm of the CPU size, as expected, around none:
thread pools that are throttled have shown 0.9."""

FARTHEST = 5.0
"""Logarithm of a ratio, and of an interval's ends: beyond it nobody needs to know more."""


def drift_of(trials: Sequence[Trial]) -> Drift | None:
    """Return how much the CPU time of a request changed over a run; None where no two trials compare.

    The logarithm of the CPU time against the time of the trials and the logarithm of their CPU size, with a height of
    its own for each group of trials that compare: as many threads, and CPU sizes at most `COMPARABLE` apart. What the
    size does is held near none (ridge regression: Hoerl & Kennard, Technometrics 12, 1970): where time and size went
    together, no drift can be told. Drift is noticed where the 95 % interval of its rise from the first of these trials
    to the last excludes none. The variance is that of the trials together with the one that is expected (moderated t:
    Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004).
    """
    groups = [group for group in _groups(trials) if len(group) > 1]
    centred = [point for group in groups for point in _centred(group)]
    count = len(centred)
    tt, ts, ss = (sum(a[i] * a[j] for a in centred) for i, j in ((0, 0), (0, 1), (1, 1)))
    ty, sy, yy = (sum(a[i] * a[2] for a in centred) for i in (0, 1, 2))
    ss += (NOISE / ELASTICITY) ** 2
    determinant = tt * ss - ts**2
    if tt <= 0:
        return None
    slope, size = (ss * ty - ts * sy) / determinant, (tt * sy - ts * ty) / determinant
    residual = max(0.0, yy - slope * ty - size * sy)
    freedom = count - len(groups) - 1 + PRIOR
    variance = (residual + PRIOR * NOISE**2) / freedom
    times = [time for group in groups for time, _, _ in group]
    span = max(times) - min(times)
    change, half = slope * span, student_t(freedom) * math.sqrt(variance * ss / determinant) * span
    return Drift(
        ratio=_ratio(change),
        low=_ratio(change - half),
        high=_ratio(change + half),
        noticed=abs(change) > half,
        trials=count,
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


_Point: TypeAlias = tuple[float, float, float]
"""Hours since the first trial, logarithm of the CPU size, logarithm of the CPU time of a request."""


def _groups(trials: Sequence[Trial]) -> list[list[_Point]]:
    """Return the points of trials that compare, a list a group."""
    by_threads: dict[int | None, list[_Point]] = {}
    for trial in trials:
        usage, cpu = trial.usage, trial.limits.cpu
        time = usage.cpu_time_per_request if usage is not None else None
        if trial.outcome not in JUDGED_OUTCOMES or usage is None or cpu is None or time is None or time.seconds <= 0:
            continue
        hours = (trial.start_time - trials[0].start_time).total_seconds() / 3600
        by_threads.setdefault(usage.threads, []).append((hours, math.log(cpu.millicores), math.log(time.seconds)))
    groups: list[list[_Point]] = []
    for found in by_threads.values():
        smallest = -math.inf
        for point in sorted(found, key=lambda point: point[1]):
            if point[1] > smallest + math.log(COMPARABLE):
                smallest = point[1]
                groups.append([])
            groups[-1].append(point)
    return groups


def _centred(group: Sequence[_Point]) -> list[_Point]:
    time, size, cost = (fmean(point[i] for point in group) for i in range(3))
    return [(t - time, s - size, c - cost) for t, s, c in group]


def _ratio(change: float) -> Quantity:
    return Quantity.decimal(math.exp(max(-FARTHEST, min(FARTHEST, change))), 3)
