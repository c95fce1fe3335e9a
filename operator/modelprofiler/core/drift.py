"""Whether the machine changed during a run: the CPU time per request from the first trial to the last.

The reference trial is measured once, at the beginning, and every later trial is compared with it. When other work
starts on the node, or the clock rate of the CPU falls, later requests take more CPU time. Trials at comparable sizes
show that.
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
"""CPU sizes up to this factor apart are comparable. A server that is throttled more often also loses its caches more
often, and its requests then take more CPU time. A rule of thumb."""

NOISE = 0.03
"""Expected standard deviation of the logarithm of the CPU time per request between equal trials: one to four percent on
a quiet machine, with other requests and another start of the server."""

PRIOR = 4
"""Weight of that expectation, in trials: the spread of three or four trials alone says almost nothing."""

ELASTICITY = 0.5
"""Expected standard deviation, around zero, of the slope of it over the logarithm of the CPU size: throttled
thread pools have shown a slope of 0.9."""

LEAST = 0.005
"""Logarithm of a ratio, half a percent, by which the whole interval of a drift that is noticed differs from none: an
end that is nearer would read 0 %."""

FARTHEST = 5.0
"""Largest logarithm of a ratio that is reported, a factor of about 150: beyond it is simply far."""


def drift_of(trials: Sequence[Trial]) -> Drift | None:
    """Return how much the CPU time per request changed over a run; None where no two trials are comparable.

    A regression of the logarithm of the CPU time on the start time of the trials and the logarithm of their CPU size,
    with an intercept for each group of comparable trials: the same number of threads, and CPU sizes at most
    `COMPARABLE` apart. The slope over size is shrunk towards zero (ridge regression: Hoerl and Kennard, Technometrics
    12, 1970), so that no drift is reported where time and size changed together. Drift is noticed where the 95 %
    interval of the change from the first of these trials to the last does not come within `LEAST` of zero. The variance
    combines that of the trials with the expected one (moderated t: Smyth, Statistical Applications in Genetics and
    Molecular Biology 3, 2004).
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
        noticed=abs(change) - half >= LEAST,
        trials=count,
    )


def drift_sentence(drift: Drift) -> str:
    """Return a sentence about a drift that was noticed, and what to do about it."""
    change = float(drift.ratio) - 1
    ends = sorted(abs(100 * (float(end) - 1)) for end in (drift.low, drift.high))
    return (
        f"The CPU time per request {'rose' if change > 0 else 'fell'} by {abs(100 * change):.0f}% "
        f"({ends[0]:.0f}% to {ends[1]:.0f}%) during the run, more than trials otherwise differ: the machine changed "
        "while it was measured, so repeat the run when the machine is quiet."
    )


_Point: TypeAlias = tuple[float, float, float]
"""Hours since the first trial, logarithm of the CPU size, logarithm of the CPU time per request."""


def _groups(trials: Sequence[Trial]) -> list[list[_Point]]:
    """Return one list of points for each group of comparable trials."""
    by_threads: dict[int | None, list[_Point]] = {}
    for trial in trials:
        usage, cpu = trial.usage, trial.limits.cpu
        time = usage.cpu_time_per_request if usage is not None else None
        if trial.outcome not in JUDGED_OUTCOMES or usage is None or cpu is None or time is None or time.seconds <= 0:
            continue
        hours = (trial.start_time - trials[0].start_time).total_seconds() / 3600
        by_threads.setdefault(usage.threads, []).append((hours, math.log(cpu.millicores), math.log(time.seconds)))
    groups: list[list[_Point]] = []
    for points in by_threads.values():
        smallest = -math.inf
        for point in sorted(points, key=lambda point: point[1]):
            if point[1] > smallest + math.log(COMPARABLE):
                smallest = point[1]
                groups.append([])
            groups[-1].append(point)
    return groups


def _centred(group: Sequence[_Point]) -> list[_Point]:
    """Return the points less the mean of their group, which stands for its intercept."""
    time, size, cost = (fmean(point[i] for point in group) for i in range(3))
    return [(t - time, s - size, c - cost) for t, s, c in group]


def _ratio(change: float) -> Quantity:
    return Quantity.decimal(math.exp(max(-FARTHEST, min(FARTHEST, change))), 3)
