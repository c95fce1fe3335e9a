"""What the operator took for something: requests and bytes by its own count, CPU and memory by its node's cAdvisor."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.main_job import OperatorPod

from modelprofiler.cluster.adapter import LEASES
from modelprofiler.cluster.traffic import READS

SAMPLE_SECONDS = 4.0
HEALTH_SECONDS = 10.5
"""What the health endpoint says may be ten seconds old."""

Count = dict[str, dict[str, int]]
"""Requests, bytes sent and received by verb and resource."""


@dataclass
class Cost:
    """What was taken in some stretch of time."""

    traffic: Count = field(default_factory=dict)
    samples: list[tuple[float, float, float]] = field(default_factory=list)
    """(time, CPU seconds, working set in bytes), each once."""

    def requests(self, *, writes: bool) -> int:
        """Return the requests that change something, or those that do not, without those of the Lease.

        It is renewed a dozen times a minute, whatever a trial takes.
        """
        return sum(
            c["requests"]
            for request, c in self.traffic.items()
            if (request.split()[0] in READS) is not writes and request.split()[1] != LEASES.plural
        )

    def requests_of(self, verb: str, resource: str = "") -> int:
        """Return the requests of one verb, of one resource or of all."""
        named = {request: c["requests"] for request, c in self.traffic.items() if request.split()[0] == verb}
        return sum(n for request, n in named.items() if not resource or request.split()[1] == resource)

    def total(self, unit: str) -> int:
        """Return the bytes ``sent`` or ``received``."""
        return sum(c[unit] for c in self.traffic.values())

    @property
    def cpu_percent(self) -> float | None:
        """Percent of a core between the first sample and the last; None where there are no two."""
        if len(self.samples) < 2:
            return None
        (t0, cpu0, _), (t1, cpu1, _) = self.samples[0], self.samples[-1]
        return 100 * (cpu1 - cpu0) / (t1 - t0)

    @property
    def mebibytes(self) -> float | None:
        """Largest working set that was sampled; None where none was."""
        return max((s[2] for s in self.samples), default=0) / 2**20 or None


@asynccontextmanager
async def cost_of(pod: OperatorPod) -> AsyncIterator[Cost]:
    """Count what the operator takes while the block runs; the result is complete after it."""
    cost = Cost()
    # Perhaps some seconds old: nothing but the load that holds up the queue has run since.
    before = dict((await asyncio.to_thread(pod.health))["apiTraffic"])

    async def sample() -> None:
        while True:
            latest = await asyncio.to_thread(pod.latest)
            if latest is not None and (not cost.samples or latest[0] > cost.samples[-1][0]):
                cost.samples.append(latest)
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield cost
    finally:
        sampling.cancel()
    cost.traffic = difference(await traffic(pod), before)


async def traffic(pod: OperatorPod) -> Count:
    """Return what the operator has counted since it started, until now."""
    await asyncio.to_thread(pod.health)
    await asyncio.sleep(HEALTH_SECONDS)
    health = await asyncio.to_thread(pod.health)
    return dict(health["apiTraffic"])


def difference(after: Count, before: Count) -> Count:
    nothing = dict.fromkeys(("requests", "sent", "received"), 0)
    counts = {request: {k: v - before.get(request, nothing)[k] for k, v in c.items()} for request, c in after.items()}
    return {request: c for request, c in counts.items() if c["requests"] or c["received"]}


async def settled_samples(cost: Cost, count: int, within: float) -> None:
    """Wait until a container was sampled this often, which takes cAdvisor 10 to 20 s each, or the time is over."""
    for _ in range(round(within)):
        if len(cost.samples) >= count:
            return
        await asyncio.sleep(1)


@dataclass(frozen=True)
class Gap:
    """From the end of one trial's load to the next trial, which needed no new pod; seconds."""

    recorded: float
    """Until its row was in the status."""
    begun: float
    """Until the next trial began: its start time."""
    loading: float
    """Until the next trial's load generator ran: resized, scheduled, started."""


def gaps(records: Sequence[Any]) -> list[Gap]:
    """Return the gaps of a run, read off its report (`modelprofiler.report.record.TrialRecord`, in order)."""
    durations = []
    for before, after in itertools.pairwise(records):
        if after.trial.fresh or before.load is None or after.load is None or not before.load.ended:
            continue
        if before.trial.purpose == "Reference":  # it waits for its last samples, ten to twenty seconds
            continue
        if after.load.started is None:
            continue
        ended = before.load.ended
        durations.append(
            Gap(
                before.trial.completion_time.timestamp() - ended,
                after.trial.start_time.timestamp() - ended,
                after.load.started - ended,
            )
        )
    return durations


def spread(values: list[float], form: str = "{:.1f}") -> str:
    """Return the median of some values, and the largest."""
    if not values:
        return "none"
    return f"{form.format(statistics.median(values))} (largest {form.format(max(values))}, n = {len(values)})"
