"""Samples that have the time of a scrape instead of the time at which cAdvisor took them.

A scraper with ``honor_timestamps: false``, the default of VictoriaMetrics and of its charts, stores each value with the
time at which it asked. cAdvisor may have taken it up to 20 s before, and the same value is stored again until there is
a new one. A difference of two counters is then right and its times are not: half a minute of load seems to have begun
ten seconds later than it did. How far off the times can be is known, so usage is computed with that error, and the
samples around a load count more than those inside.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from modelprofiler.metrics.series import Sample, Series, series

OLDEST_SECONDS = 20.0
"""Age of the newest sample at most, when a scraper asks cAdvisor for it: it takes one every 10 to 20 s."""
SAME_SECONDS = 0.005
"""Seconds up to which two times are the same: Prometheus and VictoriaMetrics move a scrape by up to 2 ms to where its
interval puts it."""
FEWEST = 5
"""Samples from which their distances show that they are those of a scraper: cAdvisor varies its own by tenths of a
second, so four of them are never equal to a few milliseconds."""


def are_of_scrapes(points: Series, scrapes: Iterable[float]) -> bool:
    """Return whether samples have the times of scrapes.

    Parameters
    ----------
    points
        The samples of one series, with at least one.
    scrapes
        Times of the scrapes, as far as they are known; without any, the distances of the samples decide, which a
        scraper's clock makes multiples of its interval.
    """
    known = sorted(scrapes)
    if known:
        # A single one can be that of a scrape by chance: once in a thousand times where scrapes are 10 s apart.
        return len(points) > 1 and all(_is_among(known, sample.time) for sample in points)
    distances = [after.time - before.time for before, after in pairwise(points)]
    if len(points) < FEWEST:
        return False
    interval = min(distances)
    return all(abs(distance - round(distance / interval) * interval) <= SAME_SECONDS for distance in distances)


def _is_among(times: Sequence[float], time: float) -> bool:
    at = bisect_left(times, time - SAME_SECONDS)
    return at < len(times) and times[at] <= time + SAME_SECONDS


def error_of(points: Series) -> float:
    """Return by how many seconds the times of such samples are wrong at most, after `restamped` has moved them.

    A value that was not there at the scrape before is younger than that scrape.
    """
    distances = [after.time - before.time for before, after in pairwise(points)]
    return min(median(distances), OLDEST_SECONDS) / 2 if distances else OLDEST_SECONDS / 2


def restamped(points: Series, error: float, field: str) -> Series:
    """Return samples at the middle of the time in which cAdvisor can have taken them.

    Of a counter's value that was stored again, the first is kept, since the others were not taken later than it. Where
    nothing happens for long, there are new samples with the same value: one that is as old as a sample can be.

    Parameters
    ----------
    points
        Samples of a series with the times of the scrapes.
    error
        See `error_of`.
    field
        The field of `ContainerSamples`; memory has no counters, and each of its values stays.
    """
    if field != "cpu_seconds":
        return series((sample.time - error, sample.value) for sample in points)
    kept: list[tuple[float, float]] = []
    first: Sample | None = None
    for sample in points:
        if first is None or sample.value != first.value:
            first = sample
            kept.append((sample.time - error, sample.value))
        elif sample.time - OLDEST_SECONDS >= first.time:
            kept.append((sample.time - OLDEST_SECONDS, sample.value))
    return series(kept)
