"""A small model of a server under a CFS quota, run request by request: what latency to expect at another CPU limit.

A container with a limit of c cores may use c · 100 ms of CPU in every period of 100 ms and then stands still until the
next one (Linux CFS bandwidth control). A request shorter than what is left of that runs at full speed, so latency is no
smooth function of the limit: no closed formula has its steps, and a thousand simulated requests cost a millisecond.

The requests are always the same ones, drawn by a fixed congruential sequence: the model is a function of its arguments.
"""

from __future__ import annotations

import functools
import heapq
import math
from dataclasses import dataclass
from statistics import NormalDist, fmean

PERIOD = 0.1
"""cpu.cfs_period_us of Kubernetes and of every container runtime's default, in seconds."""

FEWEST, MOST = 200, 400
"""Requests that are simulated."""

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked of a server.

    Attributes
    ----------
    cpu_seconds
        Mean CPU time of a request.
    spread
        Standard deviation of the logarithm of a request's CPU time.
    other_seconds
        Time of a request that is not CPU.
    held
        Whether a worker is held for that time too, or serves others.
    workers
        Requests that are served at the same time.
    rate
        Requests per second; 0 with a closed loop.
    constant
        Whether they arrive evenly spaced.
    clients
        Clients of a closed loop; 0 with an open one.
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
        """Return the latencies in seconds, ascending, under a CPU limit.

        Workers take requests in the order of arrival and share the quota of a period in that order, which is exact for
        one worker and near enough for several.
        """
        quota = cores * PERIOD
        free = [0.0] * self.workers
        clients = [0.0] * self.clients
        left: dict[int, float] = {}
        found = []
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
            found.append(now + self.other_seconds - sent)
            if self.clients:
                heapq.heappush(clients, now + self.other_seconds)
        return sorted(found)

    def _requests(self) -> list[tuple[float, float]]:
        """Return arrival and CPU time of each request, in seconds."""
        asked = self.rate * self.seconds if self.rate else self.clients * self.seconds / self._alone
        count = max(FEWEST, min(MOST, int(asked)))
        median = self.cpu_seconds / math.exp(self.spread**2 / 2)
        gap = 1 / self.rate if self.rate else 0.0
        arrival = 0.0
        found = []
        for exponential, normal in _draws(count):
            arrival += gap if self.constant else gap * exponential
            found.append((arrival, median * math.exp(self.spread * normal)))
        return found

    @property
    def _alone(self) -> float:
        return self.cpu_seconds + self.other_seconds


@functools.lru_cache(maxsize=1024)
def metrics_at(workload: Workload, cores: float) -> dict[str, float]:
    """Return every latency metric under a CPU limit, in seconds."""
    latencies = workload.latencies(cores)
    last = len(latencies) - 1
    percentiles = {metric: latencies[min(int(share * len(latencies)), last)] for metric, share in SHARES.items()}
    return {"mean": fmean(latencies), **percentiles}


@functools.cache
def _draws(count: int) -> tuple[tuple[float, float], ...]:
    """Return pairs of a standard exponential and a standard normal number, always the same.

    Knuth's MMIX generator (The Art of Computer Programming, volume 2, 3.3.4).
    """
    state, found = 1, []
    normal = NormalDist()
    for _ in range(count):
        uniform = []
        for _ in range(2):
            state = (6364136223846793005 * state + 1442695040888963407) % 2**64
            uniform.append(((state >> 11) + 0.5) / 2**53)
        found.append((-math.log(uniform[0]), normal.inv_cdf(uniform[1])))
    return tuple(found)
