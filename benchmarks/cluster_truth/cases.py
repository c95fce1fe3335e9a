"""The servers of known cost, their limits and their loads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.cluster_truth.nodes import Node
from tests.e2e.support import Object, cost_profile, cost_server

SECONDS = 30
"""Length of each load."""
LINGER_SECONDS = 15
"""How long a server stays after the operator has seen enough, so that every other source sees as much."""
MIB = 2**20


@dataclass(frozen=True)
class Case:
    """A server and its load.

    Attributes
    ----------
    cpu_ms
        CPU time of a request.
    knobs
        Further arguments of tests/servers/costserver.py.
    """

    name: str
    title: str
    cpu_ms: float
    memory_mib: int
    rate: str
    millicores: int
    arrival: str = "Poisson"
    threads: int = 1
    knobs: dict[str, float] = field(default_factory=dict)

    @property
    def growth_bytes(self) -> float:
        """Memory kept for ever, a request."""
        return self.knobs.get("leak_kib", 0) * 1024

    def profile(self, name: str, node: Node) -> Object:
        """Return the ModelProfile: one size on a node, so one trial that counts, read from Prometheus."""
        template = node.pinned(cost_server(cpu_ms=self.cpu_ms, memory_mib=self.memory_mib, **self.knobs))
        container: dict[str, Any] = template["spec"]["containers"][0]
        template["spec"]["terminationGracePeriodSeconds"] = LINGER_SECONDS + 5
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": LINGER_SECONDS}}}
        return cost_profile(
            name,
            template,
            load={"openLoop": {"rate": self.rate, "arrival": self.arrival}, "warmup": "2s", "duration": f"{SECONDS}s"},
            resources={"cpu": {"values": [f"{self.millicores}m"]}, "memory": {"values": ["512Mi"]}},
            metrics={"source": "Prometheus"},
        )


def cases_for(node: Node) -> tuple[Case, ...]:
    """Return the cases for a node.

    In user mode a page fault costs 370 µs and a system call 34 µs (docs/cluster.md), so that a request that touches
    8 MiB would cost most of a second, and 150 requests a second would overload a server: there are fewer of both.
    """
    return tuple(USER_MODE.get(case.name, case) if node.user_mode else case for case in CASES)


CASES = (
    Case("half", "half a core of one", 8, 64, "50", 1000),
    Case("throttled", "throttled: 8 ms at 25/s on 250m", 8, 64, "25", 250),
    Case("small", "small requests: 150/s on 500m", 1, 128, "150", 500),
    Case(
        "held",
        "8 MiB held by each request for a fifth of the time, 160 MiB and 3 s of CPU at start",
        20,
        48,
        "10",
        1000,
        knobs={"request_memory_mib": 8, "startup_memory_mib": 160, "startup_cpu_ms": 3000},
    ),
    Case(
        "growing",
        "two workers, 64 KiB kept with each request",
        8,
        48,
        "40",
        1000,
        threads=3,
        knobs={"leak_kib": 64, "workers": 2},
    ),
)

_BY_NAME = {case.name: case for case in CASES}
USER_MODE = {
    "small": replace(_BY_NAME["small"], title="small requests: 30/s on 500m", rate="30"),
    "held": replace(
        _BY_NAME["held"],
        title="1 MiB held by each request, 4/s, 64 MiB and 3 s of CPU at start",
        rate="4",
        knobs={"request_memory_mib": 1, "startup_memory_mib": 64, "startup_cpu_ms": 3000},
    ),
}
"""What is otherwise on a node in user mode."""
