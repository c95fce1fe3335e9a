"""The size that a server of known cost implies: the smallest CPU at which a queue with that cost meets an objective."""

from __future__ import annotations

import math
import random

CFS_PERIOD_SECONDS = 0.1


def p95_at(cores: float, cpu_seconds: float, rate: float, requests: int = 40_000) -> float:
    """Return the 95th percentile of latency at a CPU limit, in seconds.

    One server, first come first served, the same CPU time for every request, Poisson arrivals. It runs at full speed
    until its quota of the 100 ms period is used up, then stands still until the next period begins (CFS bandwidth
    control): not as if each request took 1/limit times as long, which would be too pessimistic for short requests.
    """
    randomness = random.Random(0)
    arrival = free = used = 0.0
    period = 0
    latencies = []
    for _ in range(requests):
        arrival += randomness.expovariate(rate)
        now, left = max(arrival, free), cpu_seconds
        while left > 1e-12:
            if math.floor(now / CFS_PERIOD_SECONDS + 1e-9) > period:
                period, used = math.floor(now / CFS_PERIOD_SECONDS + 1e-9), 0.0
            end = (period + 1) * CFS_PERIOD_SECONDS
            ran = min(left, cores * CFS_PERIOD_SECONDS - used, end - now)
            if ran <= 1e-12:
                now = end
                continue
            now, left, used = now + ran, left - ran, used + ran
        free = now
        latencies.append(free - arrival)
    return sorted(latencies)[int(0.95 * requests)]
