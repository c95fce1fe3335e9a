"""What latencies say about the rows that were sent."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from array import array
from collections.abc import Callable, Sequence

import pytest

from modelprofiler.load.insight import learn as learn_module
from modelprofiler.load.insight.facts import RowInsight
from modelprofiler.load.insight.learn import SentRows, learn, ranges_of
from modelprofiler.load.insight.log import RowLog
from modelprofiler.load.rows.digest import identity_of, row_hash
from modelprofiler.load.rows.row import Row

SUB_WINDOWS = 20


def rows_of(bodies: Sequence[bytes]) -> SentRows:
    """Return these rows, each sent in turn; equal bodies are equal rows."""
    return SentRows(
        order=array("I", range(len(bodies))),
        count=len(bodies),
        size=lambda number: len(bodies[number]),
        content=lambda number: bodies[number],
        key=lambda number: int.from_bytes(hashlib.blake2b(bodies[number], digest_size=8).digest()),
    )


def learned(
    bodies: Sequence[bytes], latency: Callable[[int], float], requests: int = 2_000, most: int = 10**6
) -> RowInsight:
    """Return what a window says in which each row takes a latency."""
    log = RowLog(most)
    for number in range(requests):
        row = number % len(bodies)
        log.add(number * SUB_WINDOWS // requests, [row], [latency(row)])
    return learn(log, rows_of(bodies), SUB_WINDOWS)


@pytest.mark.parametrize(
    ("sizes", "ranges"),
    [
        (range(1, 101), [(1, 25), (26, 75), (76, 100)]),
        (range(10, 2010, 10), [(10, 500), (510, 1500), (1510, 2000)]),
        ([1] * 25 + [2] * 50 + [4] * 20 + [8] * 5, [(1, 1), (2, 2), (4, 4), (8, 8)]),
        ([100, 101, 102, 103] * 10, [(100, 103)]),
        ([7] * 100, [(7, 7)]),
        ([0, 0], [(0, 0)]),
        ([10] * 99 + [10**6], [(10, 10), (10**6, 10**6)]),
        ([1, 1, 1, 1, 2, 3, 4, 5], [(1, 1), (2, 3), (4, 5)]),
        ([], []),
    ],
)
def test_strata_are_shares_of_the_rows_by_size(sizes: Sequence[int], ranges: list[tuple[int, int]]) -> None:
    """The largest twentieth is apart where it is larger, and rows of one size are in one stratum."""
    assert ranges == ranges_of(sizes)


@pytest.mark.parametrize(
    ("sizes", "ranges"),
    [
        ([10] * 20 + [10_000] * 80, [(10, 10), (10_000, 10_000)]),
        ([10] + [10_000] * 99, [(10, 10), (10_000, 10_000)]),
        ([10] * 70 + [10_000] * 30, [(10, 10), (10_000, 10_000)]),
    ],
)
def test_few_small_rows_are_apart_from_many_of_one_size(sizes: Sequence[int], ranges: list[tuple[int, int]]) -> None:
    """All of them would be said to have nearly the same size otherwise."""
    assert ranges == ranges_of(sizes)


def test_rows_of_nearly_one_size_with_an_exception_are_most_of_them() -> None:
    """A single small row is in the stratum of the others where their sizes differ a little."""
    bodies = [b"x" * 10, *(b"x" * (1000 + number % 40) for number in range(199))]
    assert "Most rows have nearly the same size." == learned(bodies, lambda _: 0.01).sentence


def test_latency_that_grows_with_the_size_is_found_by_stratum() -> None:
    """Each stratum has its own percentiles, their intervals contain them, and the sentence names both ends."""
    r = random.Random(1)
    bodies = [b"x" * (number + 1) * 10 for number in range(200)]
    r.shuffle(bodies)
    insight = learned(bodies, lambda row: len(bodies[row]) * 1e-5 * r.uniform(0.9, 1.1))
    assert [500, 1000, 500] == [stratum.requests for stratum in insight.strata]
    for stratum in insight.strata:
        assert stratum.p50 is not None
        assert stratum.p50.low is not None
        assert stratum.p50.high is not None
        middle = (stratum.smallest + stratum.largest) / 2 * 1e-5
        assert middle == pytest.approx(stratum.p50.value, rel=0.15)
        assert stratum.p50.low <= stratum.p50.value <= stratum.p50.high
        assert stratum.p95 is not None
        assert stratum.p95.value > stratum.p50.value
    assert insight.differs
    start = "Latency depends on the size of the rows: p50 is "
    assert insight.sentence.startswith(start)
    assert insight.sentence.endswith(" for rows of 1.5 KiB to 2.0 KiB.")


def test_latency_that_does_not_depend_on_the_size_is_one_sentence() -> None:
    """Noise is no difference, and neither is one of a few percent."""
    r = random.Random(2)
    bodies = [b"x" * (number + 1) for number in range(200)]
    insight = learned(bodies, lambda row: r.lognormvariate(-4, 0.5) * (1 + len(bodies[row]) / 10_000))
    assert not insight.differs
    assert "Latency does not differ noticeably by the size of the rows." == insight.sentence


def test_of_too_few_requests_nothing_is_said() -> None:
    """Without intervals nobody knows whether latency differs."""
    bodies = [b"x" * (number + 1) for number in range(200)]
    insight = learned(bodies, lambda row: 0.01 + row, requests=30)
    assert not insight.differs
    assert "" == insight.sentence


def test_rows_of_one_size_are_one_stratum() -> None:
    """Its sentence says why there are no others."""
    insight = learned([b"abc", b"abd"], lambda _: 0.01)
    assert ["3 B"] == [stratum.sizes for stratum in insight.strata]
    assert "All rows have nearly the same size." == insight.sentence


def test_the_ten_slowest_rows_are_named_by_their_median() -> None:
    """A row that was slow once among many times is not among them; equal rows are one."""
    bodies = [b"%d" % (number % 50) for number in range(100)]
    calls = 0

    def latency(row: int) -> float:
        nonlocal calls
        calls += 1
        return 9.0 if calls == 7 else 0.001 * (row % 50 + 1)

    slowest = learned(bodies, latency).slowest
    assert [50 - n for n in range(10)] == [row.row for row in slowest]
    first = slowest[0]
    assert (40, 2, 0.05, 0.05) == (first.requests, first.size, first.median, first.fastest)
    assert hashlib.sha256(b"49").hexdigest()[:12] == first.digest


def test_a_single_row_has_no_slowest() -> None:
    """There is nothing to compare it with, however often it is in the dataset."""
    assert [] == learned([b"a", b"a"], lambda _: 0.1).slowest


def test_the_slowest_rows_are_the_same_in_however_many_parts_they_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only so many requests are compared at a time."""
    r = random.Random(3)
    bodies = [b"%d" % number for number in range(300)]
    times = [r.random() for _ in bodies]
    at_once = learned(bodies, lambda row: times[row]).slowest
    monkeypatch.setattr(learn_module, "PART", 7)
    assert at_once == learned(bodies, lambda row: times[row]).slowest
    assert sorted(range(1, 301), key=lambda n: -times[n - 1])[:10] == [row.row for row in at_once]


def test_latencies_beyond_the_bound_are_counted_and_not_kept() -> None:
    """The result says how many it is about."""
    insight = learned([b"a", b"bc"], lambda _: 0.01, requests=100, most=30)
    assert (30, 70) == (insight.requests, insight.left_out)


def test_a_dataset_of_many_rows_is_looked_at_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is sent once, and as many are compared at a time as a part has: all at once would take 2.5 MiB."""
    monkeypatch.setattr(learn_module, "PART", 500)
    count = 10_000
    log = RowLog()
    for start in range(0, count, 1000):
        log.add(start * SUB_WINDOWS // count, list(range(start, start + 1000)), [1e-6 * (start + 1)] * 1000)
    rows = SentRows(array("I", range(count)), count, lambda n: n % 977, lambda n: b"%d" % n, lambda n: n)
    tracemalloc.start()
    insight = learn(log, rows, SUB_WINDOWS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 10 == len(insight.slowest)
    assert all(row.row > count - 1000 for row in insight.slowest)
    assert peak < 2**20


def test_parts_of_several_generators_are_put_together() -> None:
    """Requests add up, intervals are hulls, and a row that both have is named once."""
    bodies = [b"x" * (number + 1) * 10 for number in range(200)]
    one = learned(bodies, lambda row: 0.001 * (row + 1))
    other = learned(bodies, lambda row: 0.002 * (row + 1))
    both = RowInsight.merged([one, other])
    assert 4_000 == both.requests
    first, second, merged = one.strata[1], other.strata[1], both.strata[1]
    assert first.requests + second.requests == merged.requests
    assert merged.p50 is not None
    assert first.p50 is not None
    assert second.p50 is not None
    assert (first.p50.low, second.p50.high) == (merged.p50.low, merged.p50.high)
    assert first.p50.value < merged.p50.value < second.p50.value
    combined = [(row.row, row.requests) for row in both.slowest]
    assert [(row.row, 2 * row.requests) for row in other.slowest] == combined
    assert 1.5 * one.slowest[0].median == pytest.approx(both.slowest[0].median)
    assert one.slowest[0].fastest == both.slowest[0].fastest


def test_rows_that_differ_in_their_paths_alone_are_told_apart() -> None:
    """Requests without a body have a digest each, also in what two generators have learned together."""
    rows = [Row(b"", path=f"/{number}") for number in range(4)]
    parts = []
    for numbers in ([0, 1], [2, 3]):
        log = RowLog()
        log.add(0, [0, 1], [0.1 * (number + 1) for number in numbers])
        sent = SentRows(
            order=array("I", numbers),
            count=len(rows),
            size=lambda number: len(rows[number].body),
            content=lambda number: identity_of(rows[number]),
            key=lambda number: row_hash(rows[number]),
        )
        parts.append(learn(log, sent, SUB_WINDOWS))
    slowest = RowInsight.merged(parts).slowest
    assert [4, 3, 2, 1] == [row.row for row in slowest]
    assert 4 == len({row.digest for row in slowest})
    assert b"body" == identity_of(Row(b"body", content_type="text/csv"))
