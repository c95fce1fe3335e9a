"""Growth: whether memory grows with the requests served, by how much, and with which certainty.

A server that warms up grows, too: caches fill, and allocators keep what they took. That growth bends down with time,
and a leak does not. Growth is therefore reported only where it goes on: in both halves of the samples, or, where memory
settled first, in the samples that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from modelprofiler.core.stats import Line, line_through

FLAT = 0.01
"""Growth over all requests of the load, as a share of memory, below which memory is called flat. Chosen: one percent is
below the step by which memory is searched, and above what the page granularity of a small server adds."""

FLAT_BYTES = 2**20
"""Bytes of growth over all requests of the load above which memory is not called flat, whatever its share: 10 KiB a
request are 2.5 MiB in the 250 requests of a short window, and less than one percent of a large model."""

FEWEST_SAMPLES = 3
"""Samples that growth needs: two always lie on a line. Three have a line but no useful interval, since Student's t with
one degree of freedom is 12.7."""

ENOUGH_FOR_HALVES = 8
"""Samples from which on each half has a line with an interval of its own: four samples leave two degrees of freedom,
for which Student's t is 4.3; three would leave one."""

SETTLING = 0.5
"""With fewer samples: growth that falls below this share of itself in the later half is taken to settle. A leak keeps
its slope; of a cache that fills exponentially the later half grows by less than half as soon as its time constant is
below 1.44 times half of the load (exp(-1/1.44) = 0.5)."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes by which memory grows with each request.

    Attributes
    ----------
    per_request
        Slope of the least-squares line; 0 where even the far end of its interval amounts to nothing.
    low, high
        Its 95 % interval; None with three samples. Where growth was settling, `low` is 0 and the slope is that of the
        later half.
    """

    per_request: float
    low: float | None = None
    high: float | None = None


def growth(points: Sequence[Point]) -> Growth | None:
    """Return how memory grows with requests.

    Parameters
    ----------
    points
        (requests completed so far, memory in bytes) for each sample, warm-up excluded.

    Returns
    -------
    Growth or None
        None when the samples do not show it: when there are fewer than three between which requests were served, or
        when they are scattered. Three samples, as a kubelet has in half a minute, give no interval; several trials
        together do.
    """
    points = _last_of_each_count(points)
    if len(points) < FEWEST_SAMPLES or points[-1][1] <= 0:
        return None
    line = line_through(points)
    if line is None:
        return None
    # Growth per request, times this, is growth over all of the requests as a share of memory, or of 100 MiB.
    level = mean(memory for _, memory in points)
    relative = (points[-1][0] - points[0][0]) / min(level, FLAT_BYTES / FLAT)
    if len(points) > FEWEST_SAMPLES and (abs(line.slope) + line.margin) * relative < FLAT:
        return Growth(0.0, 0.0, max(0.0, line.high))
    if len(points) < ENOUGH_FOR_HALVES:
        return _growth_of_few(points, line, relative)
    return _growth_of_halves(points, line, relative)


def _growth_of_few(points: Sequence[Point], line: Line, relative: float) -> Growth | None:
    """Return growth from too few samples for a line through each half."""
    has_interval = len(points) > FEWEST_SAMPLES
    if line.slope * relative < FLAT or (has_interval and line.low <= 0):
        return None
    if (later := _settling_slope(points)) is not None:
        return Growth(later, 0.0, line.slope)
    return Growth(line.slope, line.low, line.high) if has_interval else Growth(line.slope)


def _growth_of_halves(points: Sequence[Point], line: Line, relative: float) -> Growth | None:
    """Return growth that both halves show, or that goes on in the later half after memory has settled."""
    half = len(points) // 2
    early, late = line_through(points[:half]), line_through(points[half:])
    if early is None or late is None:
        return None
    if early.low > late.high:  # the curve bends: what follows may still be a leak
        rest = growth(points[half:]) if len(points) - half >= ENOUGH_FOR_HALVES else None
        return rest or Growth(max(0.0, late.slope), 0.0, max(0.0, late.high))
    # A single step up in the middle looks like a slope, too; but then neither half has one.
    goes_on = min(line.low, early.low, late.low) > 0 and line.slope * relative >= FLAT
    return Growth(line.slope, line.low, line.high) if goes_on else None


def _settling_slope(points: Sequence[Point]) -> float | None:
    """Return the slope after the middle sample where it is much smaller than before it; None where growth goes on."""
    first, middle, last = points[0], points[len(points) // 2], points[-1]
    early = (middle[1] - first[1]) / (middle[0] - first[0])
    late = (last[1] - middle[1]) / (last[0] - middle[0])
    return max(0.0, late) if late < SETTLING * early else None


def _last_of_each_count(points: Sequence[Point]) -> list[Point]:
    """Return the last of each run of samples between which no request was served."""
    return [p for i, p in enumerate(points) if i + 1 == len(points) or points[i + 1][0] > p[0]]
