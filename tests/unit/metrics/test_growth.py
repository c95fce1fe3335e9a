"""Growth of memory with requests: reported with its interval, reported to be none, or not reported."""

from __future__ import annotations

import math
import random

import pytest

from modelprofiler.metrics.growth import Growth, growth

MIB = 2**20


def noisy(memory: float, seed: int) -> float:
    """Return memory with the scatter of a few pages."""
    return memory + 4096 * random.Random(seed).uniform(-9, 9)


def test_a_leak_is_reported_by_its_slope() -> None:
    """4 KiB a request, with the scatter of a few pages."""
    points = [(n, noisy(200 * MIB + 4096 * n, n)) for n in range(0, 5000, 700)]
    result = growth(points)
    assert result is not None
    assert result.low is not None
    assert result.high is not None
    assert 4096 == pytest.approx(result.per_request, rel=0.02)
    assert result.low < 4096 < result.high


def test_a_small_leak_of_a_large_server_is_reported() -> None:
    """10 KiB a request in a window of 250 requests: 2.5 MiB of 600."""
    result = growth([(n, noisy(600 * MIB + 10 * 1024 * n, n)) for n in range(0, 250, 12)])
    assert result is not None
    assert result.low is not None
    assert result.low > 0


def test_memory_that_stays_is_reported_not_to_grow() -> None:
    """That is a measured zero, not a missing value."""
    result = growth([(n, 200 * MIB + 4096 * (n % 3)) for n in range(0, 3000, 500)])
    assert result is not None
    assert 0.0 == result.per_request


def test_three_samples_tell_growth_but_not_how_sure_it_is() -> None:
    """A line through three points is sure of itself too easily; several trials together are another matter."""
    assert Growth(4096.0) == growth([(n, 200 * MIB + 4096 * n) for n in (0, 700, 1400)])


@pytest.mark.parametrize("points", [[], [(0.0, 200.0 * MIB)], [(0.0, 200.0 * MIB), (900.0, 220.0 * MIB)]])
def test_two_samples_tell_nothing(points: list[tuple[float, float]]) -> None:
    """Between them a server may have warmed up."""
    assert growth(points) is None


@pytest.mark.parametrize("count", [3, 5, 20])
@pytest.mark.parametrize("time_constant", [0.05, 0.15, 0.3])
def test_a_server_that_warms_up_does_not_leak(count: int, time_constant: float) -> None:
    """Memory that fills up to a level, fast or slowly within the window, is no growth that goes on."""
    shares = [i / (count - 1) for i in range(count)]
    points = [(1500 * x, noisy(100 * MIB - 40 * MIB * math.exp(-x / time_constant), i)) for i, x in enumerate(shares)]
    result = growth(points)
    assert result is None or not result.per_request or not result.low


def test_samples_between_which_nothing_was_served_are_one() -> None:
    """As those after a load; memory that stays when nobody calls says nothing about requests."""
    points = [(n, 200.0 * MIB + 4096 * n) for n in (0, 700, 1400)]
    assert growth(points) == growth([*points, points[-1], points[-1]])


def test_a_leak_is_reported_after_a_warm_up() -> None:
    """What bends first goes on as a line."""
    shares = [i / 19 for i in range(20)]
    points = [(1500 * x, noisy((100 + 30 * x - 20 * math.exp(-x / 0.08)) * MIB, i)) for i, x in enumerate(shares)]
    result = growth(points)
    assert result is not None
    assert 30 * MIB / 1500 == pytest.approx(result.per_request, rel=0.1)


def test_a_single_step_is_no_leak() -> None:
    """An allocator takes an arena once; a line through all samples would be sure of a slope."""
    assert growth([(75 * i, (100 + 4 * (i >= 10)) * MIB) for i in range(20)]) is None


def test_scattered_samples_tell_nothing() -> None:
    """A garbage collector's saw-tooth is no leak."""
    points = [
        (n, (200 + sawtooth) * MIB) for n, sawtooth in zip(range(0, 4200, 700), [0, 30, 5, 40, 10, 35], strict=True)
    ]
    assert growth(points) is None


def test_memory_that_shrinks_does_not_grow() -> None:
    """It is not flat either: nothing is reported."""
    assert growth([(n, 200 * MIB - 20_000 * n) for n in range(0, 4000, 700)]) is None


def test_without_requests_there_is_no_growth_to_tell() -> None:
    """All samples at the same count."""
    assert growth([(7.0, 200 * MIB + k) for k in range(6)]) is None


def test_noise_is_rarely_called_a_leak() -> None:
    """Of a thousand flat servers whose memory scatters by three percent, hardly one is reported to grow."""
    chance = random.Random(1)
    false_alarms = 0
    for _ in range(1000):
        result = growth([(75 * i, chance.gauss(100, 3) * MIB) for i in range(20)])
        false_alarms += result is not None and result.low is not None and result.low > 0
    assert false_alarms <= 5
