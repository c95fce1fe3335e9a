"""Confidence intervals against the truth of a queue that is known."""

import math
import random

import pytest

from modelprofiler.load.histogram import Histogram
from modelprofiler.load.intervals import (
    CONFIDENCE_95,
    CONFIDENCE_999,
    Confidence,
    Estimates,
    binomial_range,
    estimate,
    order_statistics,
    sections,
)


def queue(rate: float, service: float, seconds: int, seed: int) -> list[Histogram]:
    """Return sub-windows of one second of an M/M/1 queue that is in its steady state (Lindley's recursion)."""
    r = random.Random(seed)
    windows = [Histogram() for _ in range(seconds)]
    busy = 1 - rate * service
    wait = 0.0 if r.random() < busy else r.expovariate(1 / service - rate)
    now = 0.0
    while (now := now + (gap := r.expovariate(rate))) < seconds:
        work = r.expovariate(1 / service)
        windows[int(now)].record(wait + work)
        wait = max(wait + work - gap, 0.0)
    return windows


def coverage(rate: float, service: float, seconds: int, metric: str, truth: float, repetitions: int = 120) -> float:
    """Return the share of runs whose interval holds the truth."""
    hits = 0
    for seed in range(repetitions):
        estimates = estimate(queue(rate, service, seconds, seed))
        hits += estimates.low[metric] <= truth <= estimates.high[metric]
    return hits / repetitions


@pytest.mark.parametrize(
    ("metric", "q", "utilisation"),
    [
        ("mean", None, 0.3),
        ("mean", None, 0.7),
        ("p50", 0.5, 0.7),
        ("p95", 0.95, 0.3),
        ("p95", 0.95, 0.8),
        ("p99", 0.99, 0.5),
    ],
)
def test_a_95_percent_interval_holds_the_truth_of_a_queue_about_as_often(
    metric: str, q: float | None, utilisation: float
) -> None:
    """M/M/1, 50 requests/s for 30 s: the sojourn time is exponential, so every percentile is known."""
    service = utilisation / 50
    mean = 1 / (1 / service - 50)
    truth = mean if q is None else -math.log(1 - q) * mean
    assert 0.85 <= coverage(50, service, 30, metric, truth) <= 1


def test_an_interval_at_999_permille_is_wider_than_one_at_95_percent() -> None:
    """Ending early takes more certainty than judging."""
    windows = queue(50, 0.01, 30, 1)
    wide, narrow = estimate(windows, CONFIDENCE_999), estimate(windows, CONFIDENCE_95)
    for metric in ("mean", "p50", "p95"):
        assert wide.low[metric] < narrow.low[metric] < narrow.value[metric] < narrow.high[metric] < wide.high[metric]


@pytest.mark.parametrize(
    ("requests", "percentiles"),
    [(10, {"p50"}), (29, {"p50", "p90"}), (59, {"p50", "p90", "p95"}), (58, {"p50", "p90"})],
)
def test_a_percentile_is_absent_with_too_few_requests_for_it(requests: int, percentiles: set[str]) -> None:
    """Mean and maximum are always there, as long as there is a request."""
    window = Histogram()
    for i in range(requests):
        window.record(0.1 + i / 100)
    assert {"mean", "max"} | percentiles == set(estimate([window]).value)


def test_without_requests_there_are_no_estimates() -> None:
    """Missing is not zero."""
    assert Estimates() == estimate([Histogram()] * 12)


def test_with_fewer_than_ten_sub_windows_there_are_values_and_no_intervals() -> None:
    """An interval from three sub-windows would be a guess."""
    estimates = estimate(queue(200, 0.001, 9, 1))
    assert "p95" in estimates.value
    assert {"max"} == set(estimates.low)
    assert {} == estimates.high


@pytest.mark.parametrize(("windows", "count"), [(9, 0), (10, 10), (19, 19), (20, 10), (35, 11), (120, 10)])
def test_sub_windows_are_joined_into_ten_to_nineteen_sections(windows: int, count: int) -> None:
    """Long sections are less correlated; ten are needed for a spread."""
    assert count == len(sections([Histogram() for _ in range(windows)]))


@pytest.mark.parametrize(("n", "p"), [(59, 0.05), (299, 0.01), (1500, 0.5), (2000, 0.05), (100_000, 0.001)])
@pytest.mark.parametrize("confidence", [CONFIDENCE_95, CONFIDENCE_999], ids=["95 %", "99.9 %"])
def test_the_binomial_range_leaves_no_more_than_half_of_the_error_on_either_side(
    n: int, p: float, confidence: Confidence
) -> None:
    """Checked by adding up the probabilities; the normal approximation may be off by one."""
    error = confidence.error / 2
    lowest, highest = binomial_range(n, p, confidence)
    slack = 2 if n * p * (1 - p) > 100 else 0

    def probability(k: int) -> float:
        return math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(p)
            + (n - k) * math.log1p(-p)
        )

    assert sum(probability(k) for k in range(max(lowest - slack, 0))) <= error
    assert 1 - sum(probability(k) for k in range(highest + slack + 1)) <= error + 1e-12


def test_the_upper_end_is_a_multiple_of_the_largest_value_when_no_value_is_far_enough_up() -> None:
    """100 requests cannot tell the 99th percentile with 99.9 % confidence; at 95 % the largest has to do."""
    window = Histogram()
    for i in range(100):
        window.record(1 + i / 100)
    assert pytest.approx(2 * 1.99) == order_statistics(window, 0.99, CONFIDENCE_999)[1]
    assert pytest.approx(1.99) == order_statistics(window, 0.99, CONFIDENCE_95)[1]
