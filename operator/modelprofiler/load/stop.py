"""When a window may end before its time: rules over what has been counted so far."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelprofiler.load.histogram import Histogram
from modelprofiler.load.intervals import FEWEST_SECTIONS, LEVEL_999, PERCENTILES, estimate

Z_95, Z_999 = 1.960, 3.291
ERROR_95 = 0.05


def is_certain(
    windows: Sequence[Histogram],
    thresholds: Mapping[str, float],
    requests: int,
    failures: int,
    max_error_ratio: float | None,
) -> bool:
    """Tell whether more requests would not change the verdict.

    Parameters
    ----------
    windows
        Finished sub-windows of equal length.
    thresholds
        Upper bounds in seconds by metric.
    requests, failures
        Requests that ended in these sub-windows, and how many failed.
    max_error_ratio
        The share of requests that may fail.

    Returns
    -------
    bool
        True when every threshold lies above its metric's 99.9 % interval, or any below; an error share counts as
        within bounds at 95 %, so that a load without a failure need not go on for its sake alone.
    """
    if len(windows) < FEWEST_SECTIONS:
        return False
    passes = bool(thresholds)
    if max_error_ratio is not None:
        if wilson(failures, requests, Z_999)[0] > max_error_ratio:
            return True
        passes = passes and _few_fail(failures, requests, max_error_ratio)
    estimates = estimate(windows, LEVEL_999)
    for metric, threshold in thresholds.items():
        if estimates.low.get(metric, -math.inf) > threshold:
            return True
        passes = passes and estimates.high.get(metric, math.inf) <= threshold
    return passes


def is_lost(
    windows: Sequence[Histogram], ages: Sequence[float], thresholds: Mapping[str, float], most_requests: float
) -> bool:
    """Tell whether a percentile will be over its threshold at the end of the window, whatever comes until then.

    So it is when more requests were too slow already than may be among all of the whole window (curtailed inspection of
    a sample: the verdict is the one that the whole window would give). A queue near saturation has intervals too wide
    for `is_certain` long after that.

    Parameters
    ----------
    windows
        Sub-windows so far, the last of them perhaps not over.
    ages
        Of the requests in flight, in seconds: they will take that long at least.
    thresholds
        Upper bounds in seconds by metric.
    most_requests
        How many requests the whole window has at most.
    """
    for metric, threshold in thresholds.items():
        if (q := PERCENTILES.get(metric)) is None:
            continue
        slow = sum(window.count_above(threshold) for window in windows) + sum(age > threshold for age in ages)
        if slow > (1 - q) * most_requests + 1:
            return True
    return False


def _few_fail(failures: int, requests: int, most: float) -> bool:
    """Tell with 95 % confidence whether no more than this share of requests fail.

    Without a failure that is exact: a server of which a larger share fails shows none in so many requests with at most
    5 % probability (299 requests for 1 %, the rule of three). Wilson's interval is that of two sides, and would ask for
    a quarter more.
    """
    if failures == 0 and most > 0:
        return bool((1 - most) ** requests <= ERROR_95)
    return wilson(failures, requests, Z_95)[1] <= most


def wilson(hits: int, n: int, z: float) -> tuple[float, float]:
    """Return the interval of a share from ``hits`` of ``n`` (Wilson, 1927); (0, 1) for none."""
    if n == 0:
        return 0.0, 1.0
    share, scale = hits / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    # Exactly 0 and 1 at the ends: a rounding error above 0 would make a share of none a certain failure.
    return 0.0 if hits == 0 else max(centre - half, 0.0), 1.0 if hits == n else min(centre + half, 1.0)


@dataclass(frozen=True, slots=True)
class Level:
    """The state of an open loop at one moment.

    Attributes
    ----------
    due, completed
        Requests due and responses so far.
    backlog
        Requests in flight, and those dropped so far because too many were.
    oldest
        Age of the oldest request in flight, in seconds.
    """

    due: int
    completed: int
    backlog: int
    oldest: float


OVERLOAD_LEVELS = 6
"""Levels looked at: five steps of a sub-window each."""


def is_overloaded(levels: Sequence[Level]) -> bool:
    """Tell whether the server falls ever further behind: more load would only make the queue longer.

    All of the following over the last five steps: the backlog grew in each, and by more than chance explains (a tenth
    of the arrivals, three standard deviations of a Poisson count, ten); completions stayed that far behind; and the
    request that waits longest has waited longer and longer.
    """
    if len(levels) < OVERLOAD_LEVELS:
        return False
    last = list(levels)[-OVERLOAD_LEVELS:]
    steps = list(itertools.pairwise(last))
    if any(b.backlog <= a.backlog for a, b in steps):
        return False
    arrived = last[-1].due - last[0].due
    grown = last[-1].backlog - last[0].backlog
    behind = arrived - (last[-1].completed - last[0].completed)
    enough = max(10.0, 0.1 * arrived, 3 * math.sqrt(arrived))
    return grown >= enough and behind >= enough and last[-1].oldest > last[0].oldest
