"""Services and objectives drawn at random, in families; a third of them is held out until the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.search.service import MI, Service
from benchmarks.search.simulation import Noise, Simulation

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import ModelProfileSpec


@dataclass(frozen=True)
class Space:
    """How many sizes there are of CPU and of memory."""

    cpus: int
    memories: int

    @property
    def sizes(self) -> int:
        """How many combinations."""
        return self.cpus * self.memories


COARSE, FINE = Space(36, 20), Space(100, 100)

Draw = Callable[[random.Random, float], dict[str, Any]]
"""From randomness and the CPU seconds of a request to fields of the service."""


def _spread(rng: random.Random) -> dict[str, Any]:
    return {"distribution": "lognormal", "spread": rng.uniform(0.1, 0.8)}


def _several_workers(rng: random.Random) -> dict[str, Any]:
    return {"workers": rng.choice([2, 4, 8])}


OPEN: dict[str, Draw] = {
    "constant": lambda rng, _: {"distribution": "constant"},
    "exponential": lambda rng, _: {"distribution": "exponential"},
    "workers": lambda rng, _: {**_spread(rng), **_several_workers(rng)},
    "bimodal": lambda rng, _: {"distribution": "bimodal"},
    "asynchronous": lambda rng, cost: {**_spread(rng), "wait_seconds": cost * rng.uniform(1, 10), "held": False},
    "collector": lambda rng, cost: {
        **_spread(rng),
        "gc_every": rng.choice([50, 100, 200]),
        "gc_seconds": cost * rng.uniform(3, 12),
    },
    "pools": lambda rng, _: {**_spread(rng), "threads": 0, "workers": 1, "sync_cost": rng.uniform(0.02, 0.15)},
    "backlog": lambda rng, _: {**_spread(rng), **_several_workers(rng), "waiting_memory": rng.randint(1, 20) * MI},
    # held out
    "evenly": lambda rng, cost: {
        **_spread(rng),
        "constant_arrivals": True,
        "gc_every": 100,
        "gc_seconds": cost * rng.uniform(3, 12),
    },
    "two kinds": lambda rng, cost: {
        "distribution": "bimodal",
        "workers": rng.choice([3, 6]),
        "wait_seconds": cost * rng.uniform(1, 5),
    },
    "node pools": lambda rng, _: {"distribution": "rows", "spread": 0.9, "threads": 8, "sync_cost": 0.03},
}
CLOSED: dict[str, Draw] = {
    "closed": lambda rng, _: {**_spread(rng), **_several_workers(rng)},
    # held out
    "closed, waiting": lambda rng, cost: {**_spread(rng), "workers": 16, "wait_seconds": cost * rng.uniform(1, 5)},
}
REAL: dict[str, Draw] = {
    "batching": lambda rng, _: {**_spread(rng), "elasticity": rng.uniform(0.4, 0.9)},
    "spinning": lambda rng, _: {**_spread(rng), **_several_workers(rng), "elasticity": rng.uniform(0.2, 0.7)},
    "busy waiting": lambda rng, _: {**_spread(rng), "spin": rng.uniform(0.2, 0.9)},
    "caches": lambda rng, _: {
        "distribution": "rows",
        "spread": 0.5,
        "cached_rows": rng.choice([20, 60]),
        "cached": rng.uniform(0.05, 0.5),
    },
    "mapped files": lambda rng, _: {
        **_spread(rng),
        "mapped_memory": rng.randint(50, 300) * MI,
        "disk_seconds": 30.0,
    },
    "slow starts": lambda rng, _: _spread(rng),
    "ports in use": lambda rng, _: {**_spread(rng), "failing_starts": 0.2},
    # held out
    "throttled caches": lambda rng, _: {"distribution": "exponential", "elasticity": -rng.uniform(0.1, 0.5)},
    "recycled workers": lambda rng, cost: {
        **_spread(rng),
        "gc_every": rng.choice([200, 300, 400]),
        "gc_seconds": cost * rng.uniform(10, 60),
        "served_memory": rng.randint(20, 200) * MI,
    },
    "own limits": lambda rng, _: {**_spread(rng), **_several_workers(rng), "most_inside": rng.choice([8, 16, 32])},
    "first requests": lambda rng, cost: {**_spread(rng), "first_seconds": cost * rng.uniform(10, 100)},
}
"""What real model servers do: the CPU time of a request changes with the limit or with what was asked before, memory is
charged elsewhere, starts are slow or fail."""
HELD_OUT = frozenset(
    {
        "evenly",
        "two kinds",
        "node pools",
        "closed, waiting",
        "throttled caches",
        "recycled workers",
        "own limits",
        "first requests",
    }
)
FAMILIES = (*OPEN, *CLOSED, *REAL)


def draw(seed: int, family: str, space: Space = COARSE, noise: Noise | None = None, requests: int = 1500) -> Simulation:
    """Return a service of a family with an objective and a range; some have no feasible size."""
    rng = random.Random(f"{family} {seed}")
    cores = rng.choice([1, 1, 2, 4])
    cost = 10 ** rng.uniform(-2.7, -1.0)
    fields = {**OPEN, **CLOSED, **REAL}[family](rng, cost)
    if "elasticity" in fields:
        fields["full_cores"] = float(cores)
    closed = family in CLOSED
    clients = rng.choice([2, 4, 8]) if closed else 0
    used = max(1, min(cores, fields.get("workers", 1) or cores)) if fields.get("threads", 1) == 1 else cores
    rate = 0.0 if closed else float(Quantity.decimal(rng.uniform(0.05, 0.85) * used / cost))
    total = rng.choice([1000, 2000, 4000]) * MI
    base = rng.uniform(0.08, 0.6) * total
    served = int(base * rng.choice([0.0, 0.1, 0.4]))
    fields.setdefault("served_memory", served)
    service = Service(
        cpu_seconds=cost,
        rate=rate,
        clients=clients,
        base_memory=int(base),
        page_cache=int(base * rng.choice([0.0, 0.1, 0.5])),
        start_seconds=rng.uniform(0.5, 8),
        requests=requests,
        **fields,
    )
    spec = _spec(rng, service, cores, total, space, starts=family == "slow starts")
    # The noise of no two services is the same, else one unlucky sequence would count for every family.
    number = len(FAMILIES) * seed + FAMILIES.index(family)
    return Simulation(spec, service, number, noise or Noise())


def _spec(
    rng: random.Random, service: Service, cores: int, memory: int, space: Space, *, starts: bool
) -> ModelProfileSpec:
    """Return the profile: an objective relative to the latency of a server that has all it wants."""
    idle = service.measure(64000, 1000 * cores).values
    metric = rng.choice(["p95", "p95", "p95", "p99", "p50", "mean"])
    bound = idle[metric] * 10 ** rng.uniform(-0.08, 1.1)
    largest_cpu = 1000 * cores
    objectives: dict[str, Any] = {"latency": {metric: str(Duration.of(bound))}}
    if starts:
        ready = service.start_time(largest_cpu) * 10 ** rng.uniform(-0.05, 0.8)
        objectives["maxTimeToReady"] = str(Duration.of(ready))
    if service.first_seconds:
        first = service.first_time(largest_cpu) * 10 ** rng.uniform(-0.05, 0.8)
        objectives["maxFirstRequest"] = str(Duration.of(first))
    cpu_step = largest_cpu // 40 if space.cpus == 36 else largest_cpu // space.cpus
    memory_step = memory // space.memories
    load: dict[str, Any] = {"closedLoop": {"concurrency": service.clients}}
    if service.rate:
        arrival = "Constant" if service.constant_arrivals else "Poisson"
        load = {"openLoop": {"rate": str(Quantity.decimal(service.rate)), "arrival": arrival}}
    return spec_of(
        load=load,
        objectives=objectives,
        resources={
            "cpu": {
                "min": f"{largest_cpu - (space.cpus - 1) * cpu_step}m",
                "max": f"{largest_cpu}m",
                "step": f"{cpu_step}m",
            },
            "memory": {"min": str(memory_step), "max": str(memory), "step": str(memory_step)},
        },
        recommendation={"cpuMarginPercent": 0, "memoryMarginPercent": 0},
        search={"maxTrials": 30},
        server={"entryScript": {"source": {"configMap": {"name": "x"}}, "workers": max(1, service.workers)}},
    )


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
