"""What a load hands back."""

import random
from typing import Any

import pytest

from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import AnswerKind, FailureCounts, FirstRequest, LatencySummary, LoadStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.errors import LoadError
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.insight.facts import (
    MOST_SLOW_ROWS,
    MOST_STRATA,
    Percentile,
    RowInsight,
    SlowRow,
    Stratum,
)
from modelprofiler.load.merge import merge
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.result import LoadResult
from modelprofiler.load.timeline import Timeline


def status(**changes: Any) -> LoadStatus:
    """Return the numbers of a window, changed."""
    fields: dict[str, Any] = {
        "requests": 1500,
        "failures": 3,
        "failures_by_kind": FailureCounts(timeout=2, status=1),
        "rate": Quantity("49.97"),
        "rows_covered": 600,
        "duration": Duration("30s"),
        "latency": LatencySummary(mean=Duration("8.1ms"), p95=Duration("12.43ms"), max=Duration("40ms")),
        "latency_low": LatencySummary(p95=Duration("11.9ms")),
        "latency_high": LatencySummary(p95=Duration("13ms")),
        "probe": Duration("7.2ms"),
    }
    return LoadStatus(**fields | changes)


def histogram(*values: float) -> Histogram:
    """Return a histogram of the values."""
    result = Histogram()
    for value in values:
        result.record(value)
    return result


def result(**changes: Any) -> LoadResult:
    """Return the result of a load, changed."""
    fields: dict[str, Any] = {
        "kind": ResultKind.COMPLETED,
        "started": 1000.0,
        "warmup_started": 1001.0,
        "window_started": 1006.0,
        "window_ended": 1036.0,
        "ended": 1036.5,
        "status": status(),
        "timeline": Timeline((1001.0, 1006.0, 1036.0), (0, 250, 1750)),
        "histogram": histogram(0.008, 0.012, 0.04),
        "dataset_digest": "sha256:" + "0" * 64,
        "cpu_percent": 3.5,
        "send_lag_p99": 0.0004,
    }
    return LoadResult(**fields | changes)


def test_a_result_read_back_is_the_one_written() -> None:
    """Every field, to the millisecond and beyond."""
    assert result() == LoadResult.decode(result().encode())


def test_a_failure_read_back_is_the_one_written() -> None:
    """Without a window, status and histogram are absent or empty."""
    failed = LoadResult(ResultKind.SMOKE_FAILED, "status 500: “no”", failure="status", status_code=500, started=1.5)
    assert failed == LoadResult.decode(failed.encode())


def test_the_first_line_is_for_people() -> None:
    """`kubectl describe pod` shows it."""
    first = result().encode().splitlines()[0]
    assert "Completed, 1500 requests, 3 failures, 49.97/s, p95 12.43ms" == first


def _noise(r: random.Random, length: int) -> str:
    """Return text that does not compress."""
    return "".join(chr(r.randrange(33, 127)) for _ in range(length))


def slow_rows(r: random.Random) -> list[SlowRow]:
    """Return as many as a result has."""
    return [
        SlowRow(
            row=r.randrange(1, 10**6),
            digest=f"{r.randrange(16**12):012x}",
            size=r.randrange(10**6),
            requests=r.randrange(1, 100),
            median=float(f"{r.random():.4g}"),
            fastest=float(f"{r.random():.4g}"),
        )
        for _ in range(MOST_SLOW_ROWS)
    ]


def worst_case(message: str) -> LoadResult:
    """Return a result with everything as long as it gets."""
    r = random.Random(1)
    full = Histogram()
    for index in range(-582, 415):  # 10 us to 1 h
        full.counts[index] = r.randrange(10**8, 10**9)
    full.n, full.sum, full.min, full.max = sum(full.counts.values()), 1.2345678901234e12, 1.234e-5, 3599.87654321
    times = [1.79e9 + sum(r.uniform(0.1, 4000) for _ in range(i)) for i in range(65)]
    every = {name: Duration.of(r.uniform(0.001, 3600)) for name in LatencySummary.model_fields}
    return result(
        kind=ResultKind.SATURATED,
        message=message,
        failure="protocol",
        status_code=599,
        started=r.random() * 1e10,
        window_started=r.random() * 1e10,
        dataset_digest=f"sha256:{r.randrange(16**64):064x}",
        send_lag_p99=r.random(),
        cores=1024,
        busy_percent=99.9,
        steal_percent=99.9,
        cpu_model="".join(chr(r.randrange(33, 127)) for _ in range(80)),
        cgroup_version="v1",
        loop_before=0.000123456,
        loop_after=0.000123457,
        node=NodeReading(
            cores=99_999,
            shared_cores=99_998,
            cpu_model=_noise(r, 80),
            cgroup_version="v2",
            kernel=_noise(r, 80),
            busy_percent=99.9,
            steal_percent=99.9,
            major_faults=r.randrange(10**18),
            read_bytes=r.randrange(10**18),
            clock_offset=-r.random() * 1e10,
            clock_error=r.random(),
            loop_before=0.000123456,
            loop_after=0.000123457,
            silent=True,
            clocks_moved=True,
            problem=_noise(r, 200),
        ),
        rows=RowInsight(
            requests=10**6,
            left_out=10**12,
            strata=[
                Stratum(
                    smallest=r.randrange(10**7),
                    largest=r.randrange(10**7),
                    requests=r.randrange(10**6),
                    p50=Percentile(value=r.random(), low=r.random(), high=r.random()),
                    p95=Percentile(value=r.random(), low=r.random(), high=r.random()),
                )
                for _ in range(MOST_STRATA)
            ],
            slowest=slow_rows(r),
        ),
        status=status(
            requests=10**12,
            failures=10**11,
            failures_by_kind=FailureCounts(**{name: r.randrange(10**11) for name in FailureCounts.model_fields}),
            stopped_early="Terminated",
            latency=LatencySummary(**every),
            latency_low=LatencySummary(**every),
            latency_high=LatencySummary(**every),
            first_request=FirstRequest(duration=Duration("299s"), tries=999, refusal=_noise(r, 160)),
            first_failure=Duration("29.9s"),
            answers=[
                AnswerKind(
                    status=500 + i,
                    content_type=_noise(r, 40),
                    shape=_noise(r, 100),
                    answers=r.randrange(10**12),
                    looked_at=r.randrange(10**4),
                    bodies=r.randrange(10**4),
                    rows=r.randrange(10**4),
                    sample=_noise(r, 120),
                    unmet=f"jsonPath[{i}]",
                    row_numbers=[r.randrange(10**9) for _ in range(5)],
                )
                for i in range(4)
            ],
        ),
        timeline=Timeline(tuple(sorted(times)), tuple(sorted(r.randrange(10**9) for _ in range(65)))),
        histogram=full,
    )


@pytest.mark.parametrize("alphabet", ["abc ", "äöü€𝄞", "\x00\n\\\"'"])
def test_the_worst_result_fits_a_termination_message(alphabet: str) -> None:
    """Every bucket from 10 us to 1 h full, 64 bins of large counts, an endless message that does not compress."""
    r = random.Random(2)
    message = "".join(chr(ord(r.choice(alphabet)) + r.randrange(30)) for _ in range(10_000))
    worst = worst_case(message)
    text = worst.encode()
    assert len(text.encode()) <= TERMINATION_MESSAGE_BYTES
    read = LoadResult.decode(text)
    assert worst.status is not None
    assert read.status is not None
    assert (worst.status.latency, worst.histogram.n, worst.timeline.counts[-1] - worst.timeline.counts[0]) == (
        read.status.latency,
        read.histogram.n,
        read.timeline.counts[-1],
    )
    assert message.startswith(read.message[:200])


def test_answers_that_fit_keep_their_samples() -> None:
    """Only what does not compress is left out, after the histogram has become coarse."""
    kinds = [
        AnswerKind(status=200, shape="JSON object", answers=9, looked_at=9, bodies=9, rows=9, sample="x" * 120)
    ] * 4
    read = LoadResult.decode(result(status=status(answers=kinds)).encode())
    assert read.status is not None
    assert kinds == read.status.answers


def test_a_load_of_a_million_requests_keeps_its_one_percent() -> None:
    """Only what cannot fit is made coarser."""
    r = random.Random(3)
    wide = Histogram()
    for _ in range(20_000):
        wide.record(r.lognormvariate(-3, 1))
    wide.counts = {index: 50 * count for index, count in wide.counts.items()}
    wide.n *= 50
    assert 0 == LoadResult.decode(result(histogram=wide).encode()).histogram.level


def test_what_is_known_of_the_rows_fits_beside_a_usual_histogram() -> None:
    """Ten slow rows and four strata: the histogram keeps its 1 %, and everything is read back as it was."""
    r = random.Random(4)
    usual = Histogram()
    for _ in range(20_000):
        usual.record(r.lognormvariate(-3, 0.5))
    percentile = Percentile(value=0.01234, low=0.01201, high=0.0131)
    strata = [
        Stratum(smallest=100 * n, largest=100 * n + 99, requests=400, p50=percentile, p95=percentile) for n in range(4)
    ]
    rows = RowInsight(requests=20_000, strata=strata, slowest=slow_rows(r))
    kind = AnswerKind(status=200, shape="JSON object", answers=9, looked_at=9, bodies=9, rows=9, sample="x" * 120)
    read = LoadResult.decode(result(histogram=usual, rows=rows, status=status(answers=[kind])).encode())
    assert (0, rows) == (read.histogram.level, read.rows)


@pytest.mark.parametrize("text", ["", "Traceback: boom", "Completed\nmpload1:", "mpload1:!!", "mpload1:c-jkL"])
def test_what_is_not_a_result_is_refused(text: str) -> None:
    """A generator that was killed leaves its last words instead."""
    with pytest.raises(LoadError, match="load generator"):
        LoadResult.decode(text)


def test_responses_between_two_times_are_interpolated() -> None:
    """Metrics samples come at their own times."""
    completed_between = result().completed_between
    assert 1750 == completed_between(0, 9e9)
    assert 125 == pytest.approx(completed_between(1001, 1003.5))
    assert 500 == pytest.approx(completed_between(1010, 1020))
    assert 0 == completed_between(0, 1001)
    assert 0 == LoadResult(ResultKind.FAILED).completed_between(0, 9e9)


def test_merged_results_add_up() -> None:
    """Requests, failures, rate, latencies and responses over time; the intervals are the widest."""
    other = result(
        kind=ResultKind.SATURATED,
        status=status(latency_low=LatencySummary(p95=Duration("10ms")), stopped_early="Overload"),
        timeline=Timeline((1002.0, 1037.0), (0, 700)),
        histogram=histogram(*[0.1] * 60),
        ended=1040.0,
    )
    both = merge([result(), other])
    assert both.status is not None
    assert (ResultKind.SATURATED, 3000, 6, 63, 1040.0, 1001.0) == (
        both.kind,
        both.status.requests,
        both.status.failures,
        both.histogram.n,
        both.ended,
        both.warmup_started,
    )
    assert FailureCounts(timeout=4, status=2) == both.status.failures_by_kind
    assert "Overload" == both.status.stopped_early
    assert (Duration("10ms"), Duration("13ms")) == (both.status.latency_low.p95, both.status.latency_high.p95)
    assert 0.1 == pytest.approx(both.status.latency.p95.seconds if both.status.latency.p95 else 0, rel=0.01)
    assert 2450 == both.completed_between(0, 9e9)


def test_what_is_known_of_the_rows_is_merged_where_every_part_knows_it() -> None:
    """Of a part that knows nothing the rows would be missing; the sentence in the status is about all of them."""
    fast, slow = (Percentile(value=value, low=value, high=value) for value in (0.01, 0.05))
    small = Stratum(smallest=1, largest=9, requests=100, p50=fast)
    large = Stratum(smallest=100, largest=200, requests=50, p50=slow)
    rows = RowInsight(requests=150, strata=[small, large], slowest=slow_rows(random.Random(5)))
    both = merge([result(rows=rows), result(rows=rows)])
    assert both.rows is not None
    assert both.status is not None
    slowest = sorted(rows.slowest, key=lambda row: -row.median)
    assert (300, [(row.row, 2 * row.requests) for row in slowest]) == (
        both.rows.requests,
        [(row.row, row.requests) for row in both.rows.slowest],
    )
    assert rows.sentence == both.status.row_size_effect
    assert merge([result(rows=rows), result()]).rows is None


def test_one_result_merged_is_itself_and_none_is_an_error() -> None:
    """The usual case has one generator."""
    assert result() == merge([result()])
    with pytest.raises(LoadError, match="no load generator"):
        merge([])
