"""The maths of the benchmark of the load generator: where it were wrong, its table would mislead."""

from array import array

import pytest
from benchmarks.load.cost import AIOHTTP, HEY, OURS, OURS_ANOTHER, WRK, Cost, ratio, table
from benchmarks.load.honesty import exact_quantile, true_quantile, waits_longer
from benchmarks.load.merging import Merged, compare
from benchmarks.load.quick import problems

from modelprofiler.load.histogram import Histogram

STALLS = [(0.0, 0.2), (2.0, 2.2)]
EQUAL = Merged(2, 100, 100, 0.005, 0.0099, 0.18)


def test_the_share_that_waits_longer_is_what_is_left_of_the_stalls() -> None:
    """A tenth of the time is stalls; half of those due in it wait longer than half a stall."""
    assert 0.1 == pytest.approx(waits_longer(STALLS, 4.0, 0.0))
    assert 0.05 == pytest.approx(waits_longer(STALLS, 4.0, 0.1))
    assert 0.0 == pytest.approx(waits_longer(STALLS, 4.0, 0.2))


def test_the_truth_is_what_requests_at_a_steady_rate_would_wait() -> None:
    """Counted one by one, 100,000 of them, the percentiles are those of the closed form."""
    times = [4.0 * i / 100_000 for i in range(100_000)]
    waits = [max((end - t for begin, end in STALLS if begin <= t < end), default=0.0) for t in times]
    for q in (0.95, 0.99, 0.999):
        assert exact_quantile(waits, q) == pytest.approx(true_quantile(STALLS, 4.0, q), abs=1e-4)
    assert 0.18 == pytest.approx(true_quantile(STALLS, 4.0, 0.99))


def test_stalls_of_different_length_count_each_by_its_own() -> None:
    """One of 200 ms and one of 300 ms: a hundredth of 4 s is the 40 ms in which one waits longer than 260 ms."""
    assert 0.26 == pytest.approx(true_quantile([(0.0, 0.2), (2.0, 2.3)], 4.0, 0.99))
    assert 0.0 == true_quantile([], 4.0, 0.99)


def test_an_exact_percentile_is_a_value_at_its_rank() -> None:
    """The rank of p99 of a hundred values is 99, of ten values 10."""
    assert 99.0 == exact_quantile([float(i) for i in range(1, 101)], 0.99)
    assert 10.0 == exact_quantile([float(i) for i in range(10, 0, -1)], 0.99)


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """A round in which the machine was slow for both clients changes nothing."""
    ours = [Cost(1.2, 100, 1.0), Cost(12.0, 100, 1.0), Cost(1.4, 100, 1.0)]
    peers = [Cost(1.0, 100, 1.0), Cost(10.0, 100, 1.0), Cost(1.0, 100, 1.0)]
    assert 1.2 == pytest.approx(ratio(ours, peers))


def test_a_missing_peer_is_named_in_the_table_and_the_others_keep_their_row() -> None:
    """Never silently left out."""
    lines = table({OURS: [Cost(1.0, 100_000, 1.0)], HEY: [Cost(2.5, 100_000, 1.0)]}, {WRK: "wrk is not here"})
    assert f"| {OURS} | 10.0 (10.0 to 10.0) |  | 0.40 | 100,000 | 100,000 |" in lines
    assert f"| {WRK} | missing: wrk is not here | | | | |" in lines


def test_each_head_new_is_compared_with_wrk_that_gets_the_same_heads() -> None:
    """Its column names wrk, and the server works differently there."""
    lines = table({OURS_ANOTHER: [Cost(1.0, 100_000, 1.0)], WRK: [Cost(0.5, 100_000, 1.0)]}, {})
    assert f"| {OURS_ANOTHER} | 10.0 (10.0 to 10.0) |  |  | 100,000 | 100,000 |" in lines


def test_equal_means_every_request_and_every_percentile_within_the_error() -> None:
    """A histogram is; one that lost a request is not."""
    histogram = Histogram()
    raw = array("d", [0.001 * i for i in range(1, 1001)])
    for value in raw:
        histogram.record(value)
    assert compare(histogram, raw, 1).equal
    assert not compare(histogram, raw[:-1], 1).equal


def test_every_broken_bound_of_a_quick_run_is_named_and_missing_peers_are_no_problem() -> None:
    """Ratios alone: no time of this machine is in a bound."""
    slow, fast = [Cost(3.0, 100, 1.0)] * 2, [Cost(1.0, 100, 1.0)] * 2
    assert [] == problems({OURS: fast, WRK: fast, HEY: slow, AIOHTTP: slow}, 1.0, EQUAL)
    assert [] == problems({OURS: slow}, 1.0, EQUAL)
    assert [] == problems({}, 1.0, EQUAL)
    sentences = problems({OURS: slow, WRK: fast, HEY: fast}, 0.5, Merged(2, 99, 100, 0.005, 0.0099, 0.18))
    assert 4 == len(sentences)
    assert "at most 2 times what wrk takes; it is 3.00" in sentences[0]
