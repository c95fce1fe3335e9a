"""A simulated service with a known answer: a queue under a CFS quota, and memory that is too small below its peak.

Requests arrive at a Poisson rate and wait for one worker. The worker has `quota` CPU seconds in every period of 100 ms
and stands still for the rest of it (Linux CFS bandwidth control). Seeded: the same trial of the same service gives the
same numbers.
"""

from __future__ import annotations

import functools
import math
import random
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import (
    EffectiveResources,
    LatencySummary,
    LoadStatus,
    MemoryUsage,
    Outcome,
    Trial,
    UsageStatus,
)
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.judge import Failure, outcome_of
from modelprofiler.core.search import next_step
from modelprofiler.core.steps import RunTrial, Step

PERIOD = 0.1
REQUESTS = 400
"""Requests of a trial, however long that takes."""
MI = 2**20
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def spec_of(**changes: Any) -> ModelProfileSpec:
    """Return a spec from its JSON form; `changes` replace whole top-level fields."""
    data: dict[str, Any] = {
        "server": {"entryScript": {"source": {"configMap": {"name": "digits-files"}}}},
        "dataset": {"source": {"configMap": {"name": "digits-files", "key": "requests.txt"}}},
        "load": {"openLoop": {"rate": "50"}},
        "objectives": {"latency": {"p95": "250ms"}},
        "resources": {
            "cpu": {"min": "100m", "max": "1", "step": "50m"},
            "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
        },
        **changes,
    }
    profile = {"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": "x"}}
    return ModelProfile.parse({**profile, "spec": data}).spec


def resources_of(spec: ModelProfileSpec) -> EffectiveResources:
    """Return the range of a spec that gives both axes."""
    assert spec.resources.cpu is not None
    assert spec.resources.memory is not None
    return EffectiveResources(cpu=spec.resources.cpu, memory=spec.resources.memory)


@dataclass
class Service:
    """What is to be found out.

    Attributes
    ----------
    cpu_seconds
        Mean CPU time of a request.
    spread
        Standard deviation of the logarithm of a request's CPU time.
    wait_seconds
        Time of a request that is not CPU.
    rate
        Requests per second.
    memory
        Bytes below which the server is killed.
    pool_cost
        Share of CPU time that is lost in a server started at a larger size than it now has.
    run_noise
        Standard deviation of the logarithm of CPU time between trials.
    """

    cpu_seconds: float
    rate: float
    memory: int
    spread: float = 0.3
    wait_seconds: float = 0.0
    pool_cost: float = 0.0
    run_noise: float = 0.02

    @functools.cached_property
    def requests(self) -> list[tuple[float, float]]:
        """Arrival and CPU seconds of the requests that every trial replays."""
        rng = random.Random(f"{self.rate} {self.cpu_seconds}")
        scale = self.cpu_seconds / math.exp(self.spread**2 / 2)
        arrival, found = 0.0, []
        for _ in range(REQUESTS):
            arrival += rng.expovariate(self.rate)
            found.append((arrival, scale * rng.lognormvariate(0, self.spread)))
        return found

    def latencies(self, cores: float, slower: float = 1.0) -> list[float]:
        """Return the latencies in seconds, in the order of arrival, of a server that needs `slower` times the CPU."""
        quota = min(cores, 1.0) * PERIOD
        found = []
        free, left, period = 0.0, quota, 0
        for arrival, alone in self.requests:
            now = max(arrival, free)
            work = alone * slower
            if int(now / PERIOD) > period:
                period, left = int(now / PERIOD), quota
            while work > left:
                # Out of quota: the next period brings a new one.
                work -= left
                period, left = period + 1, quota
                now = period * PERIOD
            now += work
            left -= work
            free = now
            found.append(now - arrival + self.wait_seconds)
        return found


@dataclass
class Simulation:
    """Runs trials of a service and keeps what a shell would record."""

    spec: ModelProfileSpec
    service: Service
    seed: int = 0
    trials: list[Trial] = field(default_factory=list)
    started_at: int = 0

    @property
    def resources(self) -> EffectiveResources:
        """The range of the spec."""
        return resources_of(self.spec)

    def next(self) -> Step:
        """Return the next step of the run."""
        return next_step(self.spec, self.resources, "server", "Local", self.trials)

    def run(self, most: int = 60) -> Step:
        """Run the whole search and return its last step."""
        for _ in range(most):
            step = self.next()
            if not isinstance(step, RunTrial):
                return step
            self.trials.append(self.trial(step))
        raise AssertionError(f"no end after {most} trials")

    def trial(self, step: RunTrial) -> Trial:
        """Run one trial."""
        index = len(self.trials) + 1
        rng = random.Random(f"{self.seed}/{index}")
        if step.fresh:
            self.started_at = step.limits.cpu
        slower = rng.lognormvariate(0, self.service.run_noise)
        if self.started_at > step.limits.cpu:
            slower *= 1 + self.service.pool_cost
        load, usage = self._load(step.limits, rng, slower)
        killed = Failure(Outcome.OOM_KILLED, "killed") if step.limits.memory < self.service.memory else None
        verdict = outcome_of(
            self.spec,
            purpose=step.purpose,
            fresh=step.fresh,
            load=load,
            usage=usage,
            time_to_ready=Duration("2s") if step.fresh else None,
            failure=killed,
            trials=self.trials,
        )
        return Trial(
            index=index,
            purpose=step.purpose,
            limits=step.limits.to_size(),
            fresh=step.fresh,
            outcome=verdict.outcome,
            message=verdict.message,
            judged=verdict.judged,
            load=load,
            usage=usage,
            time_to_ready=Duration("2s") if step.fresh else None,
            start_time=EPOCH + timedelta(minutes=index),
            completion_time=EPOCH + timedelta(minutes=index, seconds=40),
        )

    def _load(self, limits: Limits, rng: random.Random, slower: float) -> tuple[LoadStatus, UsageStatus]:
        duration = REQUESTS / self.service.rate
        latencies = self.service.latencies(limits.cpu / 1000, slower)
        count = len(latencies)
        parts = [latencies[i * count // 10 : (i + 1) * count // 10] for i in range(10)]
        late = statistics.median(parts[-1])
        overload = late > 3 * statistics.median(parts[0]) and late > 0.1 * duration
        values, lows, highs = {}, {}, {}
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
            value = quantile(latencies, share)
            each = [quantile(part, share) for part in parts]
            half = 2.26 * statistics.stdev(each) / len(each) ** 0.5
            values[name], lows[name], highs[name] = value, max(value - half, 0.0), value + half
        values["mean"] = statistics.fmean(latencies)
        cpu_time = self.service.cpu_seconds * slower
        seen = int(self.service.memory * (1 - rng.uniform(0, 0.02)))
        load = LoadStatus(
            requests=count,
            rate=Quantity.decimal(self.service.rate),
            rows_covered=count,
            duration=Duration.of(duration),
            stopped_early="Overload" if overload else None,
            latency=_summary(values),
            latency_low=_summary(lows),
            latency_high=_summary(highs),
        )
        usage = UsageStatus(
            cpu=Quantity.decimal(self.service.rate * cpu_time),
            cpu_time_per_request=Duration.of(cpu_time),
            samples=4,
            source="Cgroup",
            memory=MemoryUsage(peak=Quantity(seen), peak_source="WorkingSet"),
        )
        return load, usage


def quantile(values: list[float], share: float) -> float:
    """Return the quantile as the smallest value that at least this share does not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _summary(values: dict[str, float]) -> LatencySummary:
    return LatencySummary(**{name: Duration.of(value) for name, value in values.items()})


def best_size(simulation: Simulation) -> Limits | None:
    """Return the smallest size that meets a p95 objective on a fresh server, without noise; nothing when none does."""
    bounds = simulation.spec.objectives.latency
    assert bounds is not None
    assert bounds.p95 is not None
    service = simulation.service
    cpu, memory = cpu_axis(simulation.resources.cpu), memory_axis(simulation.resources.memory)
    low, high = -1, len(cpu)
    while high - low > 1:
        middle = (low + high) // 2
        latencies = service.latencies(cpu[middle] / 1000)
        if quantile(latencies, 0.95) <= bounds.p95.seconds:
            high = middle
        else:
            low = middle
    if high == len(cpu) or service.memory > memory.last:
        return None
    return Limits(cpu[high], memory.ceil(service.memory))


def random_simulation(seed: int, *, cpus: int = 19, memories: int = 29, **service: Any) -> Simulation:
    """Return a service, an objective and a range, drawn at random; some have no feasible size."""
    rng = random.Random(f"service {seed}")
    cost = 10 ** rng.uniform(-2.7, -1.1)
    demand = rng.uniform(0.05, 0.7)
    rate = demand / cost
    wait = rng.choice([0.0, 0.0, cost, 3 * cost])
    idle = cost + wait
    objective = idle * 10 ** rng.uniform(0.3, 1.3)
    drawn = Service(
        cpu_seconds=cost,
        rate=rate,
        memory=rng.randint(100, 700) * MI,
        spread=rng.choice([0.01, 0.3, 0.8]),
        wait_seconds=wait,
        pool_cost=rng.choice([0.0, 0.0, 0.0, 0.15]),
        **service,
    )
    spec = spec_of(
        load={"openLoop": {"rate": str(Quantity.decimal(rate))}},
        objectives={"latency": {"p95": str(Duration.of(objective))}},
        resources={
            "cpu": {"min": "50m", "max": "1", "step": f"{950 // (cpus - 1)}m"},
            "memory": {"min": "64Mi", "max": "1Gi", "step": f"{960 // (memories - 1)}Mi"},
        },
        recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0},
    )
    return Simulation(spec, drawn, seed)
