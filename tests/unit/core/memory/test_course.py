"""The course of memory over a long window, of simulated servers of many kinds, sampled densely and sparsely."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from tests.unit.core.memory.series import KIB, MIB, Memory, cache, collected, leak, noisy, recycled, sampled

from modelprofiler.core.memory.course import Course, Trend, course

DENSE, SPARSE = 0.25, 15.0


def course_of(memory: Memory, seconds: float, every: float, seed: int, rate: float = 40.0) -> Course:
    """Return the course of a server's memory."""
    result = course(sampled(memory, rate, seconds, every, seed))
    assert result is not None
    return result


def trends(memory: Memory, seconds: float, every: float, rate: float = 40.0) -> Counter[Trend]:
    """Return how often each trend is seen in eight windows."""
    return Counter(course_of(memory, seconds, every, seed, rate).trend for seed in range(8))


LEAKS = {
    **{f"{k} KiB a request": leak(k * KIB) for k in (10, 30, 100, 300, 1024)},
    "10 KiB a request above 1.5 GiB": leak(10 * KIB, base=1500 * MIB),
    "10 KiB a request in pieces of 1 MiB": leak(10 * KIB, piece=MIB),
    "10 KiB a request after a warm-up of 80 MiB": leak(10 * KIB, warm=80 * MIB),
    "100 KiB a request in a collected heap": collected(12 * MIB, 10 * MIB, leaks=100 * KIB),
}
HEALTHY = {
    **{f"a cache with a time constant of {n} requests": cache(100 * MIB, n) for n in (50, 200, 500)},
    **{f"a cache that is full after {n} requests": cache(100 * MIB, n, straight=True) for n in (100, 1000, 4000)},
    "a worker replaced every 120 requests": recycled(256 * KIB, 120),
    "a worker replaced every 1,000 requests": recycled(30 * KIB, 1000),
    "four workers replaced every 1,000 requests": recycled(30 * KIB, 1000, workers=4),
    "a collected heap": collected(12 * MIB, 10 * MIB),
    "buffers that scatter by 1 MiB": noisy(60 * MIB, MIB),
    "nothing but pages": noisy(60 * MIB, 64 * KIB),
}


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize(("seconds", "every"), [(60, DENSE), (180, DENSE), (240, SPARSE), (600, SPARSE)])
def test_a_leak_grows_to_the_end(name: str, seconds: float, every: float) -> None:
    """In every window, and the rate is right within a tenth."""
    for seed in range(8):
        result = course_of(LEAKS[name], seconds, every, seed)
        assert "Grows" == result.trend
        assert result.low <= result.later <= result.high


def test_the_rate_of_a_leak_is_measured() -> None:
    """10 KiB a request."""
    result = course_of(leak(10 * KIB), 180, DENSE, 1)
    assert 10 * KIB == pytest.approx(result.later, rel=0.05)


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize(("seconds", "every"), [(180, DENSE), (600, DENSE), (240, SPARSE), (600, SPARSE)])
def test_what_settles_is_no_leak(name: str, seconds: float, every: float) -> None:
    """In no window it grows to the end, and in most it is seen to settle, or to saw."""
    trend = trends(HEALTHY[name], seconds, every)
    assert 0 == trend["Grows"]
    assert trend["Settles"] + trend["Saws"] >= 4


def test_memory_that_still_bends_is_unclear() -> None:
    """A cache with a third still to be filled: neither a leak nor settled."""
    assert {"Unclear": 8} == trends(cache(100 * MIB, 4000), 180, DENSE)


def test_a_worker_whose_tooth_is_seen_saws_or_settles() -> None:
    """Two and a half teeth in the window."""
    assert 0 == trends(recycled(64 * KIB, 1000), 62.5, DENSE)["Grows"]


def test_memory_that_grows_with_the_logarithm_bends() -> None:
    """Fragmentation: each piece lasts longer than the one before."""

    def memory(n: float, chance: random.Random) -> float:
        return 60 * MIB + 3 * MIB * math.log(1 + n) + 16 * KIB * chance.random()

    assert 0 == trends(memory, 600, DENSE)["Grows"]


def test_few_samples_and_a_server_without_requests_show_nothing() -> None:
    """Eleven samples, and a hundred between which nothing was served."""
    assert course([(100.0 * i, 1e6 * i) for i in range(11)]) is None
    assert course([(7.0, 1e6 * i) for i in range(100)]) is None
