"""A simulation of a server under a CFS quota, request by request: the latency to expect at another CPU limit.

A container with a limit of c cores may use c × 100 ms of CPU in every period of 100 ms and is then throttled until the
next one (Linux CFS bandwidth control). A request shorter than the rest of the quota runs at full speed, so latency is
not a smooth function of the limit: no closed formula has its steps, and simulating a thousand requests takes a
millisecond.

The requests are always the same ones, drawn from a fixed congruential sequence, so the result depends on the arguments
alone.
"""

from __future__ import annotations

import functools
import heapq
import math
from dataclasses import dataclass
from statistics import NormalDist, fmean

from modelprofiler.core.stats import PERCENTILES

PERIOD = 0.1
"""cpu.cfs_period_us of Kubernetes and of every container runtime's default, in seconds."""

FEWEST, MOST = 200, 400
"""Bounds of the number of simulated requests, otherwise as many as the window has: enough for a p95, and few enough for
a search to evaluate hundreds of sizes in a second."""

SHARES = {**PERCENTILES, "max": 1.0}
"""The share of the sorted latencies at which each metric is read."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The requests of a load and the server that serves them.

    Attributes
    ----------
    cpu_seconds
        Mean CPU time of a request.
    spread
        Standard deviation of the logarithm of a request's CPU time.
    other_seconds
        Time of a request that is not CPU time, in seconds.
    workers
        Requests that are served at the same time.
    held
        Whether a worker is occupied for `other_seconds` too, or serves other requests meanwhile.
    rate
        Requests per second; 0 with a closed loop.
    constant
        Whether requests arrive evenly spaced.
    clients
        Clients of a closed loop; 0 with an open loop.
    seconds
        Length of the window.
    """

    cpu_seconds: float
    spread: float
    other_seconds: float
    workers: int
    held: bool = True
    rate: float = 0.0
    constant: bool = False
    clients: int = 0
    seconds: float = 30.0

    def latencies(self, cores: float) -> list[float]:
        """Return the latencies in seconds, ascending, under a CPU limit in cores.

        Workers take requests in the order of arrival and share the quota of a period in that order. That is exact for
        one worker and a good approximation for several.
        """
        quota = cores * PERIOD
        free = [0.0] * self.workers
        clients = [0.0] * self.clients
        left: dict[int, float] = {}
        latencies = []
        for arrival, work in self._requests():
            sent = heapq.heappop(clients) if clients else arrival
            now = max(sent, heapq.heappop(free))
            period = int(now / PERIOD)
            while True:
                budget, room = left.get(period, quota), (period + 1) * PERIOD - now
                most = min(budget, room)
                if work <= most:
                    left[period] = budget - work
                    now += work
                    break
                left[period] = budget - most
                work -= most
                period += 1
                now = period * PERIOD
            heapq.heappush(free, now + self.other_seconds if self.held else now)
            latencies.append(now + self.other_seconds - sent)
            if self.clients:
                heapq.heappush(clients, now + self.other_seconds)
        return sorted(latencies)

    def _requests(self) -> list[tuple[float, float]]:
        """Return arrival and CPU time of each request, in seconds."""
        due = self.rate * self.seconds if self.rate else self.clients * self.seconds / self._unloaded_seconds
        count = max(FEWEST, min(MOST, int(due)))
        median = self.cpu_seconds / math.exp(self.spread**2 / 2)
        gap = 1 / self.rate if self.rate else 0.0
        arrival = 0.0
        requests = []
        for exponential, normal in _draws(count):
            arrival += gap if self.constant else gap * exponential
            requests.append((arrival, median * math.exp(self.spread * normal)))
        return requests

    @property
    def _unloaded_seconds(self) -> float:
        """Latency of a request that waits for nothing."""
        return self.cpu_seconds + self.other_seconds


@functools.lru_cache(maxsize=1024)
def metrics_at(workload: Workload, cores: float) -> dict[str, float]:
    """Return every latency metric, in seconds, under a CPU limit in cores."""
    latencies = workload.latencies(cores)
    last = len(latencies) - 1
    percentiles = {metric: latencies[min(int(share * len(latencies)), last)] for metric, share in SHARES.items()}
    return {"mean": fmean(latencies), **percentiles}


@functools.cache
def _draws(count: int) -> tuple[tuple[float, float], ...]:
    """Return `count` pairs of a standard exponential and a standard normal number, always the same ones.

    Knuth's MMIX generator (The Art of Computer Programming, volume 2, 3.3.4).
    """
    state, draws = 1, []
    normal = NormalDist()
    for _ in range(count):
        uniform = []
        for _ in range(2):
            state = (6364136223846793005 * state + 1442695040888963407) % 2**64
            uniform.append(((state >> 11) + 0.5) / 2**53)
        draws.append((-math.log(uniform[0]), normal.inv_cdf(uniform[1])))
    return tuple(draws)
