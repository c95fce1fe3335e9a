"""What the latencies of a window say about the rows: by their size, and row by row."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import statistics
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from modelprofiler.load.histogram import Histogram
from modelprofiler.load.insight.facts import (
    ALIKE,
    DIGEST_CHARACTERS,
    MOST_SLOW_ROWS,
    Percentile,
    RowInsight,
    SlowRow,
    Stratum,
)
from modelprofiler.load.insight.log import RowLog
from modelprofiler.load.intervals import Estimates, estimate, merged

SHARES = (0.25, 0.75, 0.95)
"""Shares of the rows, by size, at which strata end: the smallest quarter, the half in the middle, the large fifth, and
the largest twentieth, which decides about a size more often than the others. In a usual window of 1,500 requests the
last has 75, and p95 needs 59."""

PART = 50_000
"""Requests whose rows are compared at a time: some 15 MB, since a load pod has 256 MiB."""

DIGITS = 4
"""Significant digits of a latency in a result: the histograms have two."""


@dataclass(frozen=True, slots=True)
class SentRows:
    """The rows behind the requests of a load.

    Attributes
    ----------
    order
        For each request the number of its row, from 0.
    count
        How many rows the dataset has.
    size, content
        Return the bytes of a row's body, and what its digest is of: the body, and what follows it where the row has a
        path of its own.
    key
        Returns what equal rows have in common.
    """

    order: Sequence[int]
    count: int
    size: Callable[[int], int]
    content: Callable[[int], bytes]
    key: Callable[[int], int]


def learn(log: RowLog, rows: SentRows, sub_windows: int) -> RowInsight:
    """Return what a window says about the rows.

    Parameters
    ----------
    log
        Its latencies.
    rows
        What was sent.
    sub_windows
        How many sub-windows it has; latencies behind the last one belong to its incomplete end.
    """
    return RowInsight(
        requests=len(log.requests),
        left_out=log.left_out,
        strata=_strata(log, rows, sub_windows) if log.requests else [],
        slowest=_slowest(log, rows),
    )


def ranges_of(sizes: Iterable[int]) -> list[tuple[int, int]]:
    """Return the smallest and the largest size of each stratum; fewer strata where many rows have one size.

    A stratum ends at the size up to which the share of the rows is nearest to one of `SHARES`, so that a few small rows
    are not in one stratum with many that all have one larger size.
    """
    counts = Counter(sizes)
    ordered = sorted(counts)
    total = counts.total()
    ends: list[int] = []
    shares = list(SHARES)
    seen = 0
    for place, size in enumerate(ordered):
        before, seen = seen, seen + counts[size]
        while shares and seen >= (share_rows := shares[0] * total):
            del shares[0]
            ends.append(ordered[place - 1] if before and share_rows - before < seen - share_rows else size)
    if not ordered:
        return []
    kept = [ordered[-1]]
    for end in sorted(set(ends), reverse=True):
        if kept[0] >= ALIKE * max(end, 1):
            kept.insert(0, end)
    starts = [ordered[0], *(ordered[bisect_left(ordered, end) + 1] for end in kept[:-1])]
    return list(zip(starts, kept, strict=True))


def _strata(log: RowLog, rows: SentRows, sub_windows: int) -> list[Stratum]:
    ranges = ranges_of(map(rows.size, range(rows.count)))
    ends = [end for _, end in ranges]
    stratum_of = bytearray(bisect_left(ends, rows.size(number)) for number in rows.order)
    windows = [[Histogram() for _ in range(sub_windows)] for _ in ranges]
    rest = [Histogram() for _ in ranges]
    for sub_window, requests, latencies in log.runs():
        groups: list[list[float]] = [[] for _ in ranges]
        for request, latency in zip(requests, latencies, strict=True):
            groups[stratum_of[request]].append(latency)
        for stratum, group in enumerate(groups):
            if group:
                histogram = windows[stratum][sub_window] if sub_window < sub_windows else rest[stratum]
                histogram.record_all(group)
    strata = []
    for (smallest, largest), parts, end in zip(ranges, windows, rest, strict=True):
        total = merged([*parts, end])
        estimates = estimate(parts, total=total)
        p50, p95 = (_percentile(estimates, name) for name in ("p50", "p95"))
        strata.append(Stratum(smallest=smallest, largest=largest, requests=total.n, p50=p50, p95=p95))
    return strata


def _percentile(estimates: Estimates, name: str) -> Percentile | None:
    if name not in estimates.value:
        return None
    low, high = estimates.low.get(name), estimates.high.get(name)
    return Percentile(
        value=_rounded(estimates.value[name]),
        low=None if low is None else _rounded(low),
        high=None if high is None else _rounded(high),
    )


def _slowest(log: RowLog, rows: SentRows) -> list[SlowRow]:
    order, key = rows.order, rows.key
    keys = array("Q", (key(order[request]) for request in log.requests))
    parts = len(keys) // PART + 1
    best: list[tuple[float, int, list[float]]] = []
    several = False
    for part in range(parts):
        visits = _visits(log, keys, part, parts)
        several = several or len(visits) > 1 or bool(best and visits)
        here: Iterator[tuple[float, int, list[float]]] = (
            (statistics.median(latencies), -request, latencies) for request, latencies in visits.values()
        )
        best = heapq.nlargest(MOST_SLOW_ROWS, itertools.chain(best, here))
    return [_slow_row(rows, -request, latencies, median) for median, request, latencies in best] if several else []


def _visits(log: RowLog, keys: array[int], part: int, parts: int) -> dict[int, tuple[int, list[float]]]:
    """Return for each row of a part the first of its requests, and the latencies of all."""
    visits: dict[int, tuple[int, list[float]]] = {}
    for key, request, latency in zip(keys, log.requests, log.latencies, strict=True):
        if key % parts == part:
            if key in visits:
                visits[key][1].append(latency)
            else:
                visits[key] = (request, [latency])
    return visits


def _slow_row(rows: SentRows, request: int, latencies: Sequence[float], median: float) -> SlowRow:
    number = rows.order[request]
    return SlowRow(
        row=number + 1,
        digest=hashlib.sha256(rows.content(number)).hexdigest()[:DIGEST_CHARACTERS],
        size=rows.size(number),
        requests=len(latencies),
        median=_rounded(median),
        fastest=_rounded(min(latencies)),
    )


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.{DIGITS}g}")
