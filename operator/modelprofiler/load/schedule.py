"""When requests are due: arrival times of an open loop, in seconds from its start."""

from __future__ import annotations

import random
from collections.abc import Iterator

JITTER = 0.1
"""Share by which each gap between constant arrivals varies at most. The variations add up to a random walk, so that
arrivals do not stay in phase with the 100 ms periods of a CFS quota, where 10 requests/s would always meet a fresh
quota, or never. Chosen, not fitted: after a hundred gaps the phase has moved by 0.58 gaps (standard
deviation)."""


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Yield arrival times of a Poisson process: gaps are exponential with mean ``1 / rate`` seconds."""
    gap = random.Random(seed).expovariate  # noqa: S311 - a schedule, not a secret
    time = 0.0
    while True:
        time += gap(rate)
        yield time


def constant(rate: float, seed: int) -> Iterator[float]:
    """Yield arrival times ``1 / rate`` seconds apart, with each gap varied by up to `JITTER` of it."""
    uniform = random.Random(seed).random  # noqa: S311 - a schedule, not a secret
    shortest, spread = (1 - JITTER) / rate, 2 * JITTER / rate
    time = uniform() / rate
    while True:
        yield time
        time += shortest + spread * uniform()


def arrivals(kind: str, rate: float, seed: int) -> Iterator[float]:
    """Return the arrival times of ``kind`` (``Poisson`` or ``Constant``) at ``rate`` requests per second."""
    return poisson(rate, seed) if kind == "Poisson" else constant(rate, seed)
