"""The histogram against the sorted values themselves."""

import math
import random

import pytest

from modelprofiler.load.histogram import Histogram

SHAPES = {
    "exponential": lambda r: r.expovariate(40),
    "lognormal": lambda r: r.lognormvariate(-4, 1.5),
    "bimodal": lambda r: r.gauss(0.005, 0.0002) if r.random() < 0.9 else r.gauss(0.8, 0.05),
    "ten decades": lambda r: 10 ** r.uniform(-6, 4),
}


def recorded(values: list[float]) -> Histogram:
    """Return a histogram of the values."""
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@pytest.mark.parametrize("shape", SHAPES)
def test_every_quantile_is_within_one_percent_of_the_exact_one(shape: str) -> None:
    """Whatever the distribution, from the smallest value to the largest."""
    r = random.Random(1)
    values = sorted(SHAPES[shape](r) for _ in range(5000))
    histogram = recorded(values)
    for q in (0.0001, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0):
        exact = values[math.ceil(q * len(values)) - 1]
        assert pytest.approx(exact, rel=0.01) == histogram.quantile(q)


def test_count_mean_smallest_and_largest_are_exact() -> None:
    """They do not come from the buckets."""
    values = [0.1, 0.2, 0.4, 1.7]
    histogram = recorded(values)
    assert (4, 0.1, 1.7) == (histogram.n, histogram.min, histogram.max)
    assert pytest.approx(0.6) == histogram.mean


def test_an_empty_histogram_has_no_mean_and_no_quantiles() -> None:
    """Missing is not zero."""
    assert (None, None) == (Histogram().mean, Histogram().quantile(0.5))


def test_merged_histograms_are_those_of_all_values_together() -> None:
    """Parts of a load add up without loss."""
    r = random.Random(2)
    values = [r.expovariate(10) for _ in range(900)]
    combined, parts = recorded(values), Histogram()
    for i in range(3):
        parts.merge(recorded(values[i::3]))
    assert (combined.counts, combined.n, combined.max, combined.min) == (parts.counts, parts.n, parts.max, parts.min)
    assert combined.sum == pytest.approx(parts.sum)


def test_a_coarser_histogram_says_how_far_off_it_may_be_and_keeps_to_it() -> None:
    """Joining neighbours costs accuracy, and the cost is known."""
    r = random.Random(3)
    values = sorted(r.lognormvariate(0, 2) for _ in range(2000))
    coarse = recorded(values).coarser().coarser()
    assert 0.03 < coarse.relative_error < 0.04
    for q in (0.01, 0.5, 0.95, 0.999):
        exact = values[math.ceil(q * len(values)) - 1]
        assert pytest.approx(exact, rel=coarse.relative_error) == coarse.quantile(q)


def test_a_fine_and_a_coarse_histogram_merge_into_a_coarse_one_either_way() -> None:
    """One generator may have had to save space and the other not."""
    fine, coarse = recorded([0.001 * i for i in range(1, 200)]), recorded([0.5] * 10).coarser()
    one, other = Histogram(), Histogram()
    for histogram in (fine, coarse):
        one.merge(histogram)
    for histogram in (coarse, fine):
        other.merge(histogram)
    assert one == other
    assert (1, 209) == (one.level, one.n)


def test_bytes_read_back_are_the_same_histogram() -> None:
    """Level, counts and exact numbers survive."""
    histogram = recorded([1e-9, 0.0, 1e-5, 3.0, 3600.0]).coarser()
    assert histogram == Histogram.from_bytes(histogram.to_bytes())
    assert Histogram() == Histogram.from_bytes(Histogram().to_bytes())


@pytest.mark.parametrize("data", [b"", b"x", b"\x00" * 25, b"\x00" * 25 + b"\x05\x80"])
def test_bytes_that_are_not_a_histogram_are_refused(data: bytes) -> None:
    """A cut or foreign text does not become numbers."""
    with pytest.raises(ValueError, match="not a histogram"):
        Histogram.from_bytes(data)


def test_counting_many_at_once_is_counting_each() -> None:
    """Also a zero, which a clock may say."""
    values = [0.0, 0.001, 0.0010001, 0.25, 3.0, 0.001]
    each, at_once = Histogram(), Histogram()
    for value in values:
        each.record(value)
    at_once.record_all(values)
    assert each == at_once
