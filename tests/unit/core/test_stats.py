"""Statistics are those of the published tables."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from modelprofiler.core.stats import (
    ERROR_95,
    ERROR_999,
    FEWEST_REQUESTS,
    PERCENTILES,
    Z_95,
    Z_999,
    line_through,
    requests_to_bound,
    student_t,
    wilson,
)


@pytest.mark.parametrize(("z", "error"), [(Z_95, ERROR_95), (Z_999, ERROR_999)])
def test_normal_quantiles_are_two_sided(z: float, error: float) -> None:
    """Half of the error lies on each side."""
    assert NormalDist().inv_cdf(1 - error / 2) == pytest.approx(z, abs=5e-4)


@pytest.mark.parametrize("share", PERCENTILES.values())
def test_fewest_requests_bound_the_percentile(share: float) -> None:
    """With one less, all requests may be below the percentile with more than 5 % probability."""
    fewest = requests_to_bound(share)
    assert share**fewest <= 0.05 < share ** (fewest - 1)


def test_requests_for_every_metric_are_those_that_the_documentation_names() -> None:
    """The median asks for more than its bound needs; mean and maximum exist from the first request on."""
    assert {"mean": 1, "p50": 10, "p90": 29, "p95": 59, "p99": 299, "p999": 2995, "max": 1} == FEWEST_REQUESTS


def test_wilson_is_the_published_interval() -> None:
    """Newcombe (1998), table I: 81 of 263 is 0.2553 to 0.3662."""
    assert (0.2553, 0.3662) == pytest.approx(wilson(81, 263), abs=1e-4)


def test_wilson_is_wider_at_a_higher_confidence() -> None:
    """The quantile is the caller's."""
    low, high = wilson(10, 100, Z_999)
    assert low < wilson(10, 100)[0] < wilson(10, 100)[1] < high


def test_nothing_is_known_of_a_share_of_nothing() -> None:
    """The interval is everything."""
    assert (0.0, 1.0) == wilson(0, 0)


@pytest.mark.parametrize("total", range(1, 200))
def test_a_share_of_none_begins_at_exactly_zero_and_a_share_of_all_ends_at_exactly_one(total: int) -> None:
    """A rounding error (2e-17 for no failure of 11) would prove that something failed."""
    assert (0.0, 1.0) == (wilson(0, total)[0], wilson(total, total)[1])


@pytest.mark.parametrize(
    ("freedom", "t_95", "t_999"),
    [
        (1, 12.706, 636.619),
        (2, 4.303, 31.599),
        (3, 3.182, 12.924),
        (9, 2.262, 4.781),
        (10, 2.228, 4.587),
        (11, 2.201, 4.437),
        (18, 2.101, 3.922),
        (30, 2.042, 3.646),
        (120, 1.980, 3.373),
    ],
)
def test_student_t_is_that_of_the_printed_table(freedom: int, t_95: float, t_999: float) -> None:
    """Abramowitz and Stegun, table 26.10."""
    assert (t_95, t_999) == (student_t(freedom), student_t(freedom, ERROR_999))


def test_student_t_approaches_the_normal_quantile() -> None:
    """With many values the spread is known."""
    assert Z_95 == pytest.approx(student_t(10_000), abs=1e-3)


ANSCOMBE_X = (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14)
ANSCOMBE_Y = (4.26, 5.68, 7.24, 4.82, 6.95, 8.81, 8.04, 8.33, 10.84, 7.58, 9.96)


def test_a_line_has_the_published_slope_and_standard_error() -> None:
    """Anscombe's first data set (The American Statistician 27, 1973): 0.5001 with a standard error of 0.1179."""
    line = line_through(list(zip(ANSCOMBE_X, ANSCOMBE_Y, strict=True)))
    assert line is not None
    assert line.slope == pytest.approx(0.5001, abs=5e-5)
    assert line.margin == pytest.approx(0.1179 * student_t(9), rel=1e-3)
    assert (line.low, line.high) == (line.slope - line.margin, line.slope + line.margin)
    assert line.rise == pytest.approx(5.001, abs=5e-4)


def test_two_points_have_a_slope_without_certainty_and_points_at_one_place_have_none() -> None:
    """Nothing is left to compute an interval from."""
    line = line_through([(0, 1), (2, 5)])
    assert line is not None
    assert (line.slope, line.margin, line.span) == (2, math.inf, 2)
    assert line_through([(1, 1), (1, 5)]) is None
