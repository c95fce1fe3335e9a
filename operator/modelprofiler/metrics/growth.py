"""Whether memory grows with the requests served, by how much, and how sure that is.

A server that warms up grows, too: caches fill, allocators take what they keep. That bends down with time and a leak
does not, so growth is told only where it goes on: in either half of the samples, or, where it settled first, in what
follows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelprofiler.core.stats import student_t

FLAT = 0.01
"""Growth over all requests seen, as a share of memory, below which memory is called flat."""

ENOUGH_FOR_HALVES = 8
"""Samples from which on either half has a line, and an interval, of its own."""

SETTLING = 0.5
"""With fewer samples: growth that falls to less than this share in the later half is taken to settle."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """By how many bytes memory grows with every request.

    Attributes
    ----------
    per_request
        The slope of the least-squares line; 0 where all of its interval amounts to nothing.
    low, high
        Its 95 % interval; None with three samples. Of growth that was settling `low` is 0, and the slope that of the
        later half.
    """

    per_request: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    slope: float
    margin: float

    @property
    def low(self) -> float:
        return self.slope - self.margin

    @property
    def high(self) -> float:
        return self.slope + self.margin


def growth(points: Sequence[Point]) -> Growth | None:
    """Return how memory grows with requests.

    Parameters
    ----------
    points
        (requests completed so far, memory in bytes) for each sample, warm-up excluded.

    Returns
    -------
    Growth or None
        None when the samples cannot tell: fewer than three between which requests were served, or scattered.
        Three samples, a kubelet's in half a minute, give no interval; several trials do that together.
    """
    points = _served(points)
    if len(points) < 3 or points[-1][1] <= 0:
        return None
    line = _line(points)
    if line is None:
        return None
    over = (points[-1][0] - points[0][0]) / (sum(y for _, y in points) / len(points))
    if len(points) > 3 and (abs(line.slope) + line.margin) * over < FLAT:
        return Growth(0.0, 0.0, max(0.0, line.high))
    if len(points) < ENOUGH_FOR_HALVES:
        if line.slope * over < FLAT or (len(points) > 3 and line.low <= 0):
            return None
        if (later := _settling(points)) is not None:
            return Growth(later, 0.0, line.slope)
        if len(points) == 3:
            return Growth(line.slope)
        return Growth(line.slope, line.low, line.high)
    half = len(points) // 2
    early, late = _line(points[:half]), _line(points[half:])
    if early is None or late is None:
        return None
    if early.low > late.high:  # it bends: what follows may still go on for ever
        rest = growth(points[half:]) if len(points) - half >= ENOUGH_FOR_HALVES else None
        return rest or Growth(max(0.0, late.slope), 0.0, max(0.0, late.high))
    # A single step up in the middle looks like a slope, too; then neither half has one.
    goes_on = min(line.low, early.low, late.low) > 0 and line.slope * over >= FLAT
    return Growth(line.slope, line.low, line.high) if goes_on else None


def _line(points: Sequence[Point]) -> _Line | None:
    """Return the least-squares line; None where all points have the same number of requests."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread <= 0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    residual = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    return _Line(slope, student_t(n - 2) * math.sqrt(residual / (n - 2) / spread) if n > 2 else math.inf)


def _settling(points: Sequence[Point]) -> float | None:
    """Return the slope after the middle sample where that is much less than before it; None where growth goes on."""
    first, middle, last = points[0], points[len(points) // 2], points[-1]
    early = (middle[1] - first[1]) / (middle[0] - first[0])
    late = (last[1] - middle[1]) / (last[0] - middle[0])
    return max(0.0, late) if late < SETTLING * early else None


def _served(points: Sequence[Point]) -> list[Point]:
    """Return the last of each run of samples between which no request was served: such say nothing of requests."""
    return [p for i, p in enumerate(points) if i + 1 == len(points) or points[i + 1][0] > p[0]]
