"""What several generators measured, put together, against what a single one would have."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.load.test_intervals import queue
from tests.unit.load.test_result import result, status

from modelprofiler.core.evidence import FAILED_LOADS, ResultKind
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.intervals import estimate, merged
from modelprofiler.load.merge import merge
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.result import LoadResult, latency_summary


def measured(windows: list[Histogram]) -> LoadResult:
    """Return the result of a generator that measured these sub-windows."""
    estimates = estimate(windows)
    latencies = {
        "latency": latency_summary(estimates.value),
        "latency_low": latency_summary(estimates.low),
        "latency_high": latency_summary(estimates.high),
    }
    return result(status=status(**latencies), histogram=merged(windows))


def divided(rate: float, service: float, seconds: int, seed: int) -> tuple[list[Histogram], ...]:
    """Return what each of two generators measures of a queue that both send to, at half of the rate."""
    r = random.Random(seed)
    parts: tuple[list[Histogram], ...] = ([], [])
    for window in queue(rate, service, seconds, seed):
        both = Histogram(), Histogram()
        for rank in range(1, window.n + 1):
            r.choice(both).record(window.at_rank(rank))
        for part, sub_window in zip(parts, both, strict=True):
            part.append(sub_window)
    return parts


def test_the_interval_of_two_holds_the_truth_at_least_as_often_as_it_says() -> None:
    """M/M/1 at 70 % of its capacity, 100 requests/s for 20 s; its sojourn time is exponential."""
    service = 0.7 / 100
    truth = -math.log(0.05) / (1 / service - 100)
    hits = 0
    for seed in range(40):
        together = merge([measured(part) for part in divided(100, service, 20, seed)]).status
        assert together is not None
        low, value, high = together.latency_low.p95, together.latency.p95, together.latency_high.p95
        assert low is not None
        assert value is not None
        assert high is not None
        assert low <= value <= high
        hits += low.seconds <= truth <= high.seconds
    assert hits >= 36, "95 % of 40, less two standard deviations"


def test_times_are_of_the_first_ones_clock() -> None:
    """The other machine's is an hour ahead; both began together."""
    ahead = 3600.0
    moved = {
        name: (value or 0) + ahead
        for name in ("started", "warmup_started", "window_started", "window_ended", "ended")
        if (value := getattr(result(), name))
    }
    timeline = result().timeline
    other = result(**moved, timeline=replace(timeline, edges=tuple(edge + ahead for edge in timeline.edges)))
    both = merge([result(), other])
    assert (1001.0, 1006.0, 1036.0, 1036.5) == (
        both.warmup_started,
        both.window_started,
        both.window_ended,
        both.ended,
    )
    assert 2 * result().completed_between(1006, 1036) == pytest.approx(both.completed_between(1006, 1036), rel=0.001)


def test_of_the_server_s_machine_counts_what_ran_there() -> None:
    """The CPU of all that did, and the numbers of one of them; without any, those of the busiest and the first."""
    parts = [result(cores=cores, cpu_percent=10.0 * cores, loop_before=cores / 1e5) for cores in (2, 4, 4)]
    merged = merge(parts, on_server_machine=[1, 2])
    assert (4, 80.0, 4e-5) == (merged.cores, merged.cpu_percent, merged.loop_before)
    assert (2, 40.0, 2e-5) == ((away := merge(parts)).cores, away.cpu_percent, away.loop_before)


def test_the_node_reader_was_asked_by_one() -> None:
    """Its answer is that of all, also where another one decides."""
    reading = NodeReading(cores=4)
    assert reading == merge([result(node=reading), result(kind=ResultKind.SATURATED)]).node


def bad(kind: ResultKind, message: str, **changes: Any) -> LoadResult:
    """Return the result of a generator that has something to say."""
    return result(kind=kind, message=message, **changes)


@pytest.mark.parametrize(
    ("expected", "message", "parts"),
    [
        (ResultKind.COMPLETED, "", [result(), result()]),
        (
            ResultKind.SATURATED,
            "load generator 1 of 2: it used 99 % of a core",
            [result(), bad(ResultKind.SATURATED, "it used 99 % of a core")],
        ),
        (
            ResultKind.FAILED,
            "load generator 1 of 2: nothing listens, although the first generator reached the server",
            [bad(ResultKind.ABANDONED, "1 ended"), bad(ResultKind.CONNECT_FAILED, "nothing listens", status=None)],
        ),
        (
            ResultKind.FAILED,
            "load generator 1 of 2: the dataset has changed",
            [bad(ResultKind.ABANDONED, "1 ended"), bad(ResultKind.FAILED, "the dataset has changed")],
        ),
        (
            ResultKind.SMOKE_FAILED,
            "status 500",
            [bad(ResultKind.SMOKE_FAILED, "status 500"), bad(ResultKind.ABANDONED, "the first ended")],
        ),
        (
            ResultKind.FAILED,
            "the load generators read different rows; did the dataset change meanwhile?",
            [result(), result(dataset_digest="sha256:" + "1" * 64)],
        ),
    ],
)
def test_what_decides_about_the_whole_names_the_generator(
    expected: ResultKind, message: str, parts: list[LoadResult]
) -> None:
    """One that gave up for another says less than that one."""
    together = merge(parts)
    assert (expected, message) == (together.kind, together.message)


def test_every_end_of_a_load_has_its_outcome() -> None:
    """But the one that is judged."""
    assert set(ResultKind) - {ResultKind.COMPLETED} == set(FAILED_LOADS)
