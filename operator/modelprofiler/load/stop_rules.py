"""When a window may end before its time: rules over what has been counted so far."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelprofiler.core.stats import ERROR_95, PERCENTILES, Z_999, wilson
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.intervals import CONFIDENCE_999, FEWEST_SECTIONS, estimate


def is_certain(
    windows: Sequence[Histogram],
    thresholds: Mapping[str, float],
    requests: int,
    failures: int,
    max_error_ratio: float | None,
) -> bool:
    """Return whether more requests would not change the verdict.

    Parameters
    ----------
    windows
        Finished sub-windows of equal length.
    thresholds
        Upper bounds in seconds by metric.
    requests, failures
        Requests that ended in these sub-windows, and how many of them failed.
    max_error_ratio
        The share of requests that may fail.

    Returns
    -------
    bool
        True when every threshold is above its metric's 99.9 % interval, or any threshold below. A share of errors
        counts as within its bound at 95 %, so that a load without a failure need not go on because of it alone.
    """
    if len(windows) < FEWEST_SECTIONS:
        return False
    passes = bool(thresholds)
    if max_error_ratio is not None:
        if wilson(failures, requests, Z_999)[0] > max_error_ratio:
            return True
        passes = passes and _few_fail(failures, requests, max_error_ratio)
    estimates = estimate(windows, CONFIDENCE_999)
    for metric, threshold in thresholds.items():
        if estimates.low.get(metric, -math.inf) > threshold:
            return True
        passes = passes and estimates.high.get(metric, math.inf) <= threshold
    return passes


def is_lost(
    windows: Sequence[Histogram], ages: Sequence[float], thresholds: Mapping[str, float], most_requests: float
) -> bool:
    """Return whether a percentile will be over its threshold at the end of the window, however fast later requests are.

    That is so when more requests were too slow already than may be too slow in the whole window (curtailed inspection:
    the verdict is the one that the whole window would give). Near saturation the intervals of a queue stay too wide for
    `is_certain` long after that.

    Parameters
    ----------
    windows
        Sub-windows so far; the last one may not be over.
    ages
        Of the requests in flight, in seconds: their latencies will be at least that long.
    thresholds
        Upper bounds in seconds by metric.
    most_requests
        The largest number of requests that the whole window may have.
    """
    for metric, threshold in thresholds.items():
        if (share := PERCENTILES.get(metric)) is None:
            continue
        slow = sum(window.count_above(threshold) for window in windows) + sum(age > threshold for age in ages)
        if slow > (1 - share) * most_requests + 1:  # one more, for the rounding of the percentile's rank
            return True
    return False


def _few_fail(failures: int, requests: int, max_error_ratio: float) -> bool:
    """Return whether no more than this share of requests fail, with 95 % confidence.

    Without a failure the bound is exact: a server of which a larger share fails shows none in as many requests with at
    most 5 % probability (299 requests for 1 %, the rule of three). Wilson's interval is two-sided and would need a
    quarter more.
    """
    if failures == 0 and max_error_ratio > 0:
        return bool((1 - max_error_ratio) ** requests <= ERROR_95)
    return wilson(failures, requests)[1] <= max_error_ratio


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue of an open loop at one moment.

    Attributes
    ----------
    due, completed
        Requests due and responses so far.
    backlog
        Requests in flight, and those dropped so far because too many were in flight.
    oldest
        Age of the oldest request in flight, in seconds.
    """

    due: int
    completed: int
    backlog: int
    oldest: float


OVERLOAD_STATES = 6
"""States that are compared: five steps of one sub-window each. With an even chance of growing in each step, a stable
queue grows five times in a row about once in 32; therefore it must also grow by more than chance explains."""

FEWEST_WAITING = 10.0
"""An overload has at least this many more requests waiting: below it a few slow requests look the same."""
ARRIVALS_WAITING = 0.1
"""And at least this share of the requests that arrived: a server slower than the rate by less is measured to the end,
since it may still be within the objective."""
STANDARD_DEVIATIONS = 3.0
"""And at least this many standard deviations of a Poisson count of arrivals: exceeded by chance once in 740."""


def is_overloaded(states: Sequence[QueueState]) -> bool:
    """Return whether the server falls further and further behind, so that more load would only lengthen the queue.

    All of the following must hold over the last five steps: the backlog grew in each, and by more than chance explains;
    completions fell behind arrivals by as much; and the oldest request in flight became older.
    """
    if len(states) < OVERLOAD_STATES:
        return False
    last = list(states)[-OVERLOAD_STATES:]
    if any(after.backlog <= before.backlog for before, after in itertools.pairwise(last)):
        return False
    arrived = last[-1].due - last[0].due
    growth = last[-1].backlog - last[0].backlog
    behind = arrived - (last[-1].completed - last[0].completed)
    enough = max(FEWEST_WAITING, ARRIVALS_WAITING * arrived, STANDARD_DEVIATIONS * math.sqrt(arrived))
    return growth >= enough and behind >= enough and last[-1].oldest > last[0].oldest
