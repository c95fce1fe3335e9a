"""Growth of memory with requests: told, told to be none, or not told."""

import pytest

from modelprofiler.metrics.growth import growth_per_request

MIB = 2**20


def test_a_leak_is_told_by_its_slope() -> None:
    """4 KiB a request, with the scatter of a few pages."""
    points = [
        (n, 200 * MIB + 4096 * n + jitter * 4096)
        for n, jitter in zip(range(0, 5000, 700), [0, 9, -5, 3, -8, 6, 1, -2], strict=True)
    ]
    assert 4096 == pytest.approx(growth_per_request(points), rel=0.02)


def test_memory_that_stays_is_told_not_to_grow() -> None:
    """That is a measured zero, not a missing value."""
    assert 0.0 == growth_per_request([(n, 200 * MIB + 4096 * (n % 3)) for n in range(0, 3000, 500)])


def test_three_samples_tell_nothing() -> None:
    """A line through three points is sure of itself too easily."""
    assert growth_per_request([(n, 200 * MIB + 4096 * n) for n in (0, 700, 1400)]) is None


def test_scattered_samples_tell_nothing() -> None:
    """A garbage collector's saw-tooth is no leak."""
    points = [
        (n, (200 + sawtooth) * MIB) for n, sawtooth in zip(range(0, 4200, 700), [0, 30, 5, 40, 10, 35], strict=True)
    ]
    assert growth_per_request(points) is None


def test_memory_that_shrinks_does_not_grow() -> None:
    """Nor is it flat: nothing is said."""
    assert growth_per_request([(n, 200 * MIB - 20_000 * n) for n in range(0, 4000, 700)]) is None


def test_without_requests_there_is_no_growth_to_tell() -> None:
    """All samples at the same count."""
    assert growth_per_request([(7.0, 200 * MIB + k) for k in range(6)]) is None
