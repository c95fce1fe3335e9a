"""The course of memory over a long window: whether it grows to the end, settles, or goes up and down like a saw.

A leak keeps its slope. A cache that fills and a heap that is warming up bend: what they grow by in one quarter of the
window is less than what they grew by in the quarter before. A worker that is replaced gives its memory back. Memory is
a step function, since allocators take it in pieces, and its samples are not independent; therefore lines are fitted to
medians of groups of samples, and a single rise decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Literal

from modelprofiler.core.stats import Line, line_through

Trend = Literal["Grows", "Settles", "Saws", "Unclear"]
Point = tuple[float, float]

FEWEST_POINTS = 12
"""Samples that a course needs: six for a line through each half, for which Student's t is 2.8, and three for the slope
of each quarter."""

MOST_GROUPS = 48
"""Groups of samples: twelve in each quarter. More would be closer in time and no more independent."""

LEAST_RISE = 2**19
"""Bytes that growth must amount to in the second half. Allocators of small servers take some 100 KiB at a time, and
two or three such steps can lie on a line by chance. Chosen, not fitted."""

BENDS = 0.6
"""Growth in the last quarter, as a share of that in the quarter before, below which it is running out. With a cache
that fills exponentially it is exp(-T/4/τ), so that one with a time constant of up to half of the window bends."""

BENDS_FOR_CERTAIN = 0.85
"""The same share where the intervals of both quarters do not even overlap, as for memory that grows with the logarithm
of the requests (0.8). What is left of a leak's straight line with so little scatter is above 0.9."""

RUNS_OUT = 0.02
"""Growth that is left, as a share of memory, up to which memory that bends has settled: it is as much as the peak of
the same server differs from one start to the next."""

FLAT = 0.01
"""Growth in the last quarter, as a share of memory, up to which memory stays: below the step of any range."""

TOPS_DIFFER = 1.02
"""Factor by which a top of memory that is no higher than the tops before it may still exceed them. A rule of thumb."""

FALLS = 0.3
"""Share of the whole range of memory that a fall of a saw has at least. Chosen: noise and a collector's cycles fall by
less where memory grows, and a worker that is replaced gives back most of what it took."""


@dataclass(frozen=True, slots=True)
class Course:
    """How memory developed; growth is in bytes per request.

    Attributes
    ----------
    trend
        What became of it.
    requests
        Completed from the first to the last sample.
    earlier, later
        Slope of the line through the first and through the second half.
    low, high
        The 95 % interval of the second.
    """

    trend: Trend
    requests: float
    earlier: float
    later: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Group:
    """Neighbouring samples: their mean number of requests, the median and the largest of them."""

    requests: float
    middle: float
    top: float


def course(points: Sequence[Point]) -> Course | None:
    """Return the course of memory.

    Parameters
    ----------
    points
        (requests completed so far, memory in bytes) for each sample in the window, in ascending order.

    Returns
    -------
    Course or None
        None with fewer than 12 samples, or where no requests were completed between them.
    """
    if len(points) < FEWEST_POINTS or points[-1][0] <= points[0][0]:
        return None
    groups = _groups(points)
    half = len(groups) // 2
    early, late = _line(groups[:half]), _line(groups[half:])
    quarter = half + (len(groups) - half) // 2
    third, last = _line(groups[half:quarter]), _line(groups[quarter:])
    if early is None or late is None or third is None or last is None:
        return None
    if _grows(groups, half, late, third, last):
        trend: Trend = "Grows"
    elif _stays(groups, late, last) or _runs_out(groups, third, last):
        trend = "Settles"
    else:
        trend = "Saws" if _saws(groups) else "Unclear"
    return Course(trend, points[-1][0] - points[0][0], early.slope, late.slope, late.low, late.high)


def _groups(points: Sequence[Point]) -> list[_Group]:
    """Return the samples in at most `MOST_GROUPS` groups of equal numbers of samples."""
    count = min(MOST_GROUPS, len(points))
    groups = []
    for i in range(count):
        part = points[i * len(points) // count : (i + 1) * len(points) // count]
        values = [value for _, value in part]
        groups.append(_Group(mean(n for n, _ in part), median(values), max(values)))
    return groups


def _line(groups: Sequence[_Group]) -> Line | None:
    """Return the line through the medians; None where no requests were completed between the groups."""
    return line_through([(g.requests, g.middle) for g in groups])


def _grows(groups: Sequence[_Group], half: int, late: Line, third: Line, last: Line) -> bool:
    """Whether memory grows in the whole second half, no more slowly in its end, and gives little of that back."""
    if late.low <= 0 or late.rise < LEAST_RISE or third.slope <= 0 or last.slope < BENDS * third.slope:
        return False
    if last.high < third.low and last.slope < BENDS_FOR_CERTAIN * third.slope:
        return False
    eighth = max(1, len(groups) // 8)
    still_rises = max(g.top for g in groups[-eighth:]) > max(g.top for g in groups[:-eighth])
    return still_rises and 2 * _largest_fall(groups[half:]) <= late.rise


def _stays(groups: Sequence[_Group], late: Line, last: Line) -> bool:
    """Whether memory was the same, within its margin of error, in the last quarter or in the whole second half."""
    level = mean(g.middle for g in groups)
    if _tops_rise(groups):
        return False
    return max(last.high * last.span, 0.0) <= FLAT * level or late.low <= 0


def _runs_out(groups: Sequence[_Group], third: Line, last: Line) -> bool:
    """Whether growth becomes smaller from quarter to quarter, so that little is left of it (a geometric series)."""
    most = max(0.0, last.high * last.span)
    if third.low <= 0 or most >= BENDS * third.rise:
        return False
    share = most / third.rise
    return most * share / (1 - share) <= RUNS_OUT * groups[-1].middle


def _saws(groups: Sequence[_Group]) -> bool:
    """Whether memory falls far, and its tops do not rise."""
    span = max(g.middle for g in groups) - min(g.middle for g in groups)
    return _largest_fall(groups) >= FALLS * span and not _tops_rise(groups)


def _tops_rise(groups: Sequence[_Group]) -> bool:
    """Whether the tops of the last third are higher than those before; by the second highest, as one is chance."""
    third = 2 * len(groups) // 3
    before, after = (sorted(g.top for g in part)[-2] for part in (groups[:third], groups[third:]))
    return after > TOPS_DIFFER * before


def _largest_fall(groups: Sequence[_Group]) -> float:
    """Return the largest difference between a group and a later, lower one."""
    highest, fall = groups[0].middle, 0.0
    for group in groups:
        highest = max(highest, group.middle)
        fall = max(fall, highest - group.middle)
    return fall
