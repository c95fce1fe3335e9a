"""Arrival times."""

import itertools
import math

import pytest

from modelprofiler.load.schedule import arrivals


def times(kind: str, rate: float, n: int, seed: int = 0) -> list[float]:
    """Return the first n arrival times."""
    return list(itertools.islice(arrivals(kind, rate, seed), n))


@pytest.mark.parametrize("seed", range(5))
def test_poisson_gaps_pass_a_kolmogorov_smirnov_test_against_the_exponential_distribution(seed: int) -> None:
    """At the 1 % level: D < 1.63 / sqrt(n)."""
    n, rate = 10_000, 50.0
    due = times("Poisson", rate, n, seed)
    gaps = sorted(b - a for a, b in itertools.pairwise([0.0, *due]))
    distances = [abs((i + side) / n - (1 - math.exp(-rate * g))) for i, g in enumerate(gaps) for side in (0, 1)]
    assert max(distances) < 1.63 / math.sqrt(n)


@pytest.mark.parametrize("kind", ["Poisson", "Constant"])
def test_the_rate_is_the_one_asked_for(kind: str) -> None:
    """Over ten thousand arrivals, within what chance explains."""
    assert 10_000 / 25 == pytest.approx(times(kind, 25, 10_000)[-1], rel=0.03)


@pytest.mark.parametrize("kind", ["Poisson", "Constant"])
def test_the_same_seed_gives_the_same_times_and_another_seed_others(kind: str) -> None:
    """Trials are comparable; generators side by side are independent."""
    assert times(kind, 10, 50, seed=3) == times(kind, 10, 50, seed=3)
    assert times(kind, 10, 50, seed=3) != times(kind, 10, 50, seed=4)


def test_constant_gaps_vary_by_no_more_than_a_tenth() -> None:
    """Evenly spaced is what was asked for."""
    gaps = [b - a for a, b in itertools.pairwise(times("Constant", 100, 1000))]
    assert min(gaps) >= 0.009 - 1e-12
    assert max(gaps) <= 0.011 + 1e-12


def test_constant_arrivals_at_ten_a_second_do_not_keep_their_phase_against_the_cfs_period() -> None:
    """Every tenth of the 100 ms period meets its share of 3,000 arrivals, within a factor of two."""
    phases = [0] * 10
    for due in times("Constant", 10, 3000):
        phases[int(due % 0.1 * 100)] += 1
    assert min(phases) > 150
    assert max(phases) < 600
