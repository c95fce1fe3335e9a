"""Simulated memory over a load: what servers of many kinds hold, sampled ten times a second or every 15 s."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

KIB, MIB = 2**10, 2**20

Memory = Callable[[float, random.Random], float]
"""Bytes that a server holds after a number of requests."""


def leak(per_request: float, *, base: float = 60 * MIB, piece: float = 132 * KIB, warm: float = 0.0) -> Memory:
    """Return a server that keeps memory of each request, which its allocator takes in pieces."""

    def memory(n: float, chance: random.Random) -> float:
        warmed = warm * (1 - math.exp(-n / 300))
        return base + warmed + piece * math.floor(per_request * n / piece) + 16 * KIB * chance.random()

    return memory


def cache(size: float, requests: float, *, base: float = 60 * MIB, straight: bool = False) -> Memory:
    """Return a server that fills a cache: in a straight line, or more slowly the fuller it is."""

    def memory(n: float, chance: random.Random) -> float:
        share = min(1.0, n / requests) if straight else 1 - math.exp(-n / requests)
        return base + size * share + 16 * KIB * chance.random()

    return memory


def recycled(per_request: float, maximum: int, *, base: float = 60 * MIB, workers: int = 1) -> Memory:
    """Return a server whose workers leak and are replaced after a number of requests, each at another time."""

    def memory(n: float, chance: random.Random) -> float:
        held = sum(((n / workers + i * maximum / workers) % maximum) * per_request for i in range(workers))
        return base + held + 16 * KIB * chance.random()

    return memory


def collected(garbage: float, live: float, *, leaks: float = 0.0, settles: float = 200.0) -> Memory:
    """Return a collected heap: a saw of garbage above what is live, whose height grows until the heap has settled."""

    def memory(n: float, chance: random.Random) -> float:
        kept = live + leaks * n
        height = garbage * (1 - math.exp(-n / settles))
        return 20 * MIB + kept + height * ((n / 37) % 1) + 64 * KIB * chance.random()

    return memory


def noisy(base: float, spread: float) -> Memory:
    """Return a server whose memory scatters: buffers of the requests in flight."""
    return lambda _, chance: base + abs(chance.gauss(0, spread))


def sampled(memory: Memory, rate: float, seconds: float, every: float, seed: int) -> list[tuple[float, float]]:
    """Return (requests, bytes) for samples of a load of some length."""
    chance = random.Random(seed)
    points, time = [], 5.0 + every * chance.random()
    while time < 5 + seconds:
        n = max(0.0, rate * time + chance.gauss(0, math.sqrt(rate * time)))
        points.append((n, memory(n, chance)))
        time += every * chance.uniform(0.85, 1.15)
    return sorted(points)
