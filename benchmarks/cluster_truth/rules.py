"""What others make of the same run: metrics-server's reading, and the rules of VPA and KRR. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

RESOLUTION_SECONDS = 15.0
"""metrics-server's default --metric-resolution."""
FRESH_SECONDS = 10.0
"""metrics-server takes a container's start as the first point when it is at least so old and not yet a resolution."""
MARGIN = 1.15
"""VPA's --recommendation-margin-fraction, and KRR's memory buffer."""


class Point(NamedTuple):
    """One container in one scrape of a kubelet's /metrics/resource.

    Attributes
    ----------
    time
        The kubelet's own time of the sample, seconds since the epoch.
    cpu_seconds
        CPU time used since the container's start.
    memory_bytes
        Working set.
    started
        When the container was started, seconds since the epoch.
    """

    time: float
    cpu_seconds: float
    memory_bytes: float
    started: float


class Reading(NamedTuple):
    """What ``kubectl top`` shows: mean cores from `start` to `end` (seconds since the epoch); working set at `end`."""

    cores: float
    memory_bytes: float
    start: float
    end: float


def metrics_server(scrapes: Iterable[Point], resolution: float = RESOLUTION_SECONDS) -> list[Reading]:
    """Return what metrics-server shows after each scrape that leaves it with two points of a container.

    As its storage does (kubernetes-sigs/metrics-server, pkg/storage/pod.go): it keeps the last point and the one
    before that had another time; a restart begins anew; for a container that has just started, its start is the
    point before.
    """
    usages: list[Reading] = []
    last = previous = None
    for point in scrapes:
        before = None
        if FRESH_SECONDS <= point.time - point.started < resolution:
            before = Point(point.started, 0.0, 0.0, point.started)
        elif last is not None and point.started < last.time:
            if point.time > last.time:
                before = last
            elif previous is not None and previous.time < point.time:
                before = previous
        last, previous = point, before
        if before is not None and point.cpu_seconds >= before.cpu_seconds:
            cores = (point.cpu_seconds - before.cpu_seconds) / (point.time - before.time)
            usages.append(Reading(cores, point.memory_bytes, before.time, point.time))
    return usages


def of_the_load(readings: Iterable[Reading], start: float, end: float) -> list[Reading]:
    """Return the readings that cover any of the time from `start` to `end`, each once."""
    return list(dict.fromkeys(r for r in readings if r.end > start and r.start < end))


def vpa_cpu(cores: Sequence[float]) -> float | None:
    """Return VPA's target: the 90th percentile of its samples plus 15 %, without its smallest of 25m."""
    return _nearest_rank(cores, 0.9) * MARGIN if cores else None


def vpa_memory(peaks: Sequence[float]) -> float | None:
    """Return VPA's target: the 90th percentile of the peaks of its intervals (24 h: of a run, one) plus 15 %."""
    return max(peaks) * MARGIN if peaks else None


def krr_cpu(rates: Sequence[float]) -> float | None:
    """Return KRR's CPU request: the 95th percentile of rates, interpolated as quantile_over_time does."""
    if not rates:
        return None
    ascending = sorted(rates)
    rank = 0.95 * (len(ascending) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (rank - low) * (ascending[high] - ascending[low])


def krr_memory(working_sets: Sequence[float]) -> float | None:
    """Return KRR's memory request and limit: the largest sample plus 15 %."""
    return max(working_sets) * MARGIN if working_sets else None


def percent_off(value: float | None, truth: float | None) -> float | None:
    """Return by how many percent a value is off; None where either is missing."""
    return None if value is None or not truth else 100 * (value / truth - 1)


def _nearest_rank(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
