"""A simulated service with a known answer: what its server does at a size is a pure function of that size.

The physics: a queue before a pool of workers, each request with CPU time from a distribution, spread over threads, and
time that is not CPU; a CFS quota in periods of 100 ms; stop-the-world collections; pools that are sized when the server
starts; memory that grows to a peak with the requests served and with those that wait. Runs of one size differ by the
speed of the CPU that they get.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.search.kernel import BIN, PERIOD, serve

from modelprofiler.core.stats import Z_95, student_t

COMPILED = importlib.util.find_spec("numba") is not None


def array(values: list[float]) -> Any:
    """Return what the kernel works on: an array where it is compiled; where it is not, a list is faster."""
    if not COMPILED:
        return values
    import numpy

    return numpy.asarray(values)


SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SECTIONS = 10
MI = 2**20

Distribution = Literal["constant", "exponential", "lognormal", "bimodal", "rows"]


@dataclass(frozen=True)
class Measured:
    """What one load of the server showed; times in seconds, memory in bytes.

    Attributes
    ----------
    cpu
        The limit, in millicores.
    latencies
        In the order of arrival.
    values, lows, highs
        Latency by metric, and its 95 % interval from ten sections.
    seconds
        From the first request to the last response.
    overloaded
        Whether it fell ever further behind.
    cpu_per_request
        CPU seconds of a request.
    cpu_samples
        Mean cores in each 15 s, as a metrics-server sees it.
    memory
        The peak.
    refused
        Share of the requests that the server's own limit refused.
    """

    cpu: int
    latencies: list[float]
    values: dict[str, float]
    lows: dict[str, float]
    highs: dict[str, float]
    seconds: float
    overloaded: bool
    cpu_per_request: float
    cpu_samples: list[float]
    memory: int
    refused: float = 0.0


@dataclass(frozen=True)
class Service:
    """What a trial of the service shows.

    Attributes
    ----------
    cpu_seconds
        Mean CPU time of a request.
    rate
        Requests per second; 0 with a closed loop.
    clients
        Clients of a closed loop; 0 with an open one.
    constant_arrivals
        Whether they arrive evenly spaced.
    distribution
        Of CPU time between requests: `lognormal` has a `spread`, `bimodal` a tenth that costs ten times the others,
        `rows` a cost for each of 60 rows that come round again.
    spread
        Standard deviation of the logarithm of a request's CPU time.
    wait_seconds, held
        Time of a request that is not CPU, and whether a worker is held for it.
    workers
        Requests that are served at the same time; 0: one for each core of the limit at the start.
    threads
        Threads that work on one request; 0: one for each core of the limit at the start.
    elasticity
        By which power of the limit the CPU time of a request grows, up to `full_cores`: above zero for a server that
        batches what waits or spins while it is idle, which saves CPU time and no latency; below zero for one that loses
        its caches when it is throttled.
    full_cores
        Cores from which a request takes `cpu_seconds`.
    sync_cost
        CPU that each thread beyond the first adds, as a share of the request's.
    gc_every, gc_seconds
        Requests between two stop-the-world collections, and CPU seconds of each; 0: none.
    node_cores
        Cores of the machine.
    cached_rows, cached
        Rows that come round again, and the share of its CPU time that a row takes once a server has seen it; 0: none.
    spin
        Share of the CPU that the limit leaves over and that busy waiting uses up, which counts as CPU time of requests
        but delays none.
    most_inside
        Requests inside from which on the server refuses others; 0: none.
    mapped_memory, disk_seconds
        Bytes of a mapped file, and what a request waits for the disk where they do not fit into the limit.
    first_seconds
        CPU seconds of the first request of a server.
    failing_starts
        Share of the starts that fail because the last server's port is not free yet.
    base_memory, served_memory, waiting_memory
        Bytes after the start, added in the end by caches that fill as requests are served, and by each request inside.
    page_cache
        Bytes by which the lifetime peak of the cgroup is above what is needed.
    start_seconds
        CPU seconds of a start.
    window
        Seconds of the load.
    requests
        Most requests of a window; more are cut off.
    """

    cpu_seconds: float
    rate: float = 0.0
    clients: int = 0
    constant_arrivals: bool = False
    distribution: Distribution = "lognormal"
    spread: float = 0.3
    wait_seconds: float = 0.0
    held: bool = True
    workers: int = 1
    threads: int = 1
    elasticity: float = 0.0
    full_cores: float = 1.0
    sync_cost: float = 0.0
    gc_every: int = 0
    gc_seconds: float = 0.0
    cached_rows: int = 0
    cached: float = 1.0
    spin: float = 0.0
    most_inside: int = 0
    mapped_memory: int = 0
    disk_seconds: float = 0.0
    first_seconds: float = 0.0
    failing_starts: float = 0.0
    node_cores: float = 8.0
    base_memory: int = 200 * MI
    served_memory: int = 0
    waiting_memory: int = 0
    page_cache: int = 0
    start_seconds: float = 2.0
    window: float = 30.0
    requests: int = 1500
    _measurements: dict[tuple[int, int, float, float, float, bool, bool], Measured] = field(
        default_factory=dict, compare=False, repr=False
    )

    @functools.cached_property
    def _load(self) -> tuple[Any, Any, Any]:
        """Arrival, CPU seconds and other seconds of the requests that every run replays, alone on one core."""
        rng = random.Random(f"{self.rate} {self.clients} {self.cpu_seconds}")
        rows = [rng.lognormvariate(0, self.spread) for _ in range(60)]
        draw: Callable[[int], float] = {
            "constant": lambda _: 1.0,
            "exponential": lambda _: rng.expovariate(1),
            "lognormal": lambda _: rng.lognormvariate(0, self.spread),
            "bimodal": lambda _: 10.0 if rng.random() < 0.1 else 1.0,
            "rows": lambda i: rows[i % 60],
        }[self.distribution]
        arrivals, at = [], 0.0
        count = self.requests
        if self.rate:
            count = max(400, min(count, round(self.rate * self.window)))
        for _ in range(count):
            at += 1 / self.rate if self.constant_arrivals else rng.expovariate(self.rate) if self.rate else 0.0
            arrivals.append(at)
        costs = [draw(i) for i in range(count)]
        mean = statistics.fmean(costs)
        waits = [self.wait_seconds * rng.uniform(0.8, 1.2) for _ in range(count)]
        return array(arrivals), array([self.cpu_seconds * cost / mean for cost in costs]), array(waits)

    def forget(self) -> None:
        """Let go of what was measured."""
        self._measurements.clear()

    @property
    def count(self) -> int:
        """Requests of a run."""
        return len(self._load[0])

    def pools(self, started_at: int) -> tuple[int, int]:
        """Return workers and threads of a server that was started at this limit in millicores."""
        cores = math.ceil(started_at / 1000)
        return self.workers or cores, self.threads or cores

    def start_time(self, cpu: int, slower: float = 1.0) -> float:
        """Return the seconds until a server is ready."""
        return 0.5 + slower * self.start_seconds / min(cpu / 1000, 1.0)

    def first_time(self, cpu: int, slower: float = 1.0) -> float:
        """Return what the first request of a server takes, in seconds."""
        return slower * (self.first_seconds + self.cpu_seconds) / min(cpu / 1000, 1.0)

    def measure(
        self,
        cpu: int,
        started_at: int,
        slower: float = 1.0,
        drift: float = 0.0,
        stall: tuple[float, float] = (0.0, 0.0),
        *,
        warm: bool = False,
        thrashes: bool = False,
    ) -> Measured:
        """Return what a run shows.

        Parameters
        ----------
        cpu, started_at
            The limit during the run, and the one that the server was started with, in millicores.
        slower
            How much more CPU time everything takes.
        drift
            By which share more CPU time the last request takes than the first.
        stall
            When nothing runs, and for how long, in seconds.
        warm
            Whether the server has served the rows before.
        thrashes
            Whether its mapped file does not fit into the limit.
        """
        key = (cpu, math.ceil(started_at / 1000), slower, drift, sum(stall), warm and self.cached < 1, thrashes)
        if key not in self._measurements:
            if len(self._measurements) > 500:
                self._measurements.clear()
            self._measurements[key] = self._measure(cpu, started_at, slower, drift, stall, warm, thrashes)
        return self._measurements[key]

    def _measure(
        self,
        cpu: int,
        started_at: int,
        slower: float,
        drift: float,
        stall: tuple[float, float],
        warm: bool,
        thrashes: bool,
    ) -> Measured:
        arrivals, work, waits = self._load
        count = len(work)
        if thrashes:
            waits = array([float(wait) + self.disk_seconds for wait in waits])
        workers, threads = self.pools(started_at)
        share = min(1.0, cpu / 1000 / self.full_cores) ** self.elasticity
        full = slower * (1 + self.sync_cost * (threads - 1))
        factor = full * share
        if share < 1:
            # A request alone is not faster on less CPU: what it saves it waits, for its batch to fill or for a lock.
            waits = array([float(wait) + full * (1 - share) * float(w) for wait, w in zip(waits, work, strict=True)])
        cached = [self.cached if warm or i >= self.cached_rows else 1.0 for i in range(count)]
        ramp = array([factor * cached[i] * (1 + drift * (i / count - 0.5)) for i in range(count)])
        costs = work * ramp if COMPILED else [w * more for w, more in zip(work, ramp, strict=True)]
        used = math.fsum(costs) / count
        if stall[1]:
            # The machine stands still, which the server's CPU time does not show: the first request due then takes as
            # much longer.
            hit = next((i for i, at in enumerate(arrivals) if at >= stall[0]), count - 1)
            costs[hit] += stall[1] * min(cpu / 1000, 1.0)
        latencies = array([0.0] * count)
        longest = float(arrivals[-1]) if self.rate else self.window
        bins = array([0.0] * (math.ceil(longest / BIN) + 1))
        refused = array([0] * count)
        ended, most = serve(
            arrivals,
            costs,
            waits,
            self.held,
            workers,
            threads,
            self.node_cores,
            cpu / 1000 * PERIOD,
            self.clients,
            self.gc_every,
            self.gc_seconds * factor,
            latencies,
            bins,
            array([0.0] * workers),
            array([0.0] * workers),
            array([0] * workers),
            array([0.0] * count),
            array([0.0] * max(self.clients, 1)),
            self.most_inside,
            refused,
        )
        answered = [float(took) for took, no in zip(latencies, refused, strict=True) if not no]
        values, lows, highs = _intervals(answered)
        memory = self.base_memory + self.served_memory + self.waiting_memory * most + self.mapped_memory
        gc = self.gc_seconds * factor / self.gc_every if self.gc_every else 0.0
        seconds = max(ended, longest if self.rate else 0.0)
        spun = self.spin * max(0.0, cpu / 1000 * seconds / count - used - gc)
        return Measured(
            cpu,
            answered,
            values,
            lows,
            highs,
            seconds,
            bool(self.rate) and _overloaded(answered, longest),
            used + gc + spun,
            _samples([float(used) for used in bins[: max(1, min(len(bins) - 1, int(ended / BIN)))]]),
            memory,
            1 - len(answered) / count,
        )


def _samples(bins: list[float]) -> list[float]:
    """Return the mean cores in each 15 s; what is left over at the end counts only where there is nothing else."""
    size = round(15 / BIN)
    return [statistics.fmean(bins[i : i + size]) / BIN for i in range(0, max(len(bins) - size, 0) + 1, size)]


def _intervals(latencies: list[float]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Return the percentiles and the mean with their 95 % intervals, from the spread of ten sections' logarithms."""
    count = len(latencies)
    parts = [sorted(latencies[i * count // SECTIONS : (i + 1) * count // SECTIONS]) for i in range(SECTIONS)]
    ordered = sorted(latencies)
    values, lows, highs = {}, {}, {}
    for name, share in SHARES.items():
        values[name] = _quantile(ordered, share)
        lows[name], highs[name] = _sectioned(values[name], [_quantile(part, share) for part in parts])
        # A section has few requests beyond a high percentile: no interval is narrower than that of order statistics.
        half = Z_95 * math.sqrt(count * share * (1 - share))
        lows[name] = min(lows[name], ordered[max(0, math.floor(share * count - half))])
        highs[name] = max(highs[name], ordered[min(count - 1, math.ceil(share * count + half))])
    values["mean"] = statistics.fmean(ordered)
    lows["mean"], highs["mean"] = _sectioned(values["mean"], [statistics.fmean(part) for part in parts])
    return values, lows, highs


def _sectioned(value: float, parts: list[float]) -> tuple[float, float]:
    variance = sum(math.log(part / value) ** 2 for part in parts) / (SECTIONS - 1)
    half = student_t(SECTIONS - 1) * math.sqrt(variance / SECTIONS)
    return value * math.exp(-half), value * math.exp(half)


def _quantile(ascending: list[float], share: float) -> float:
    return ascending[min(int(share * len(ascending)), len(ascending) - 1)]


def _overloaded(latencies: list[float], seconds: float) -> bool:
    """Tell whether requests waited longer and longer, for more than a tenth of the window in the end."""
    tenth = max(len(latencies) // 10, 1)
    first, last = statistics.median(latencies[:tenth]), statistics.median(latencies[-tenth:])
    return last > 3 * first and last > 0.1 * seconds
