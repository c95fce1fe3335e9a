"""Other ways to find a size, on the same services: what each tries, and what it answers.

A peer sees what a trial shows and nothing else. Those that search get as many trials as the adaptive search took for
the same service; those that cannot be held to a number of trials say how many they took.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.search.service import Measured
from benchmarks.search.simulation import SAMPLES, SCHEDULING, WARMUP, Simulation
from benchmarks.search.truth import Bounds, Truth

from modelprofiler.core.axis import Axis, Limits


@dataclass
class Bench:
    """Trials of one service for a peer, each on a fresh server, and what they took."""

    simulation: Simulation
    truth: Truth
    rng: random.Random
    trials: int = 0
    seconds: float = 0.0
    bounds: Bounds = field(init=False)

    def __post_init__(self) -> None:
        self.bounds = Bounds.of(self.simulation)

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The sizes of CPU and memory."""
        return self.simulation.axes

    def measured(self, size: Limits) -> Measured:
        """Run a trial."""
        self.trials += 1
        self.simulation.started_at, self.simulation.served = size.cpu, False
        measured = self.simulation.measured(size, self.rng)
        ready = self.simulation.service.start_time(size.cpu)
        self.seconds += SCHEDULING + ready + WARMUP + self.simulation.load_seconds(measured) + SAMPLES
        return measured

    def excess(self, size: Limits) -> tuple[float, float]:
        """Run a trial; return by which share latency is over its objective, and the memory peak over the limit."""
        measured = self.measured(size)
        slow = self.bounds.excess(self.simulation, measured)
        return slow, measured.memory / size.memory - 1

    def passes(self, size: Limits) -> bool:
        """Run a trial; whether it meets the objective."""
        return max(self.excess(size)) <= 0

    def cheapest(self, sizes: list[Limits]) -> Limits | None:
        """Return the cheapest of these sizes."""
        return min(sizes, key=self.truth.cost, default=None)


Peer = Callable[[Bench, int], Limits | None]
"""From a bench and a number of trials to the answer; none is an infeasible service."""


def full_grid(bench: Bench, budget: int) -> Limits | None:
    """Run every size once; the cheapest that passed.

    Without noise the trials of one CPU size differ by their memory alone, so each CPU size is run once here, and
    counted as often as there are sizes of memory.
    """
    cpu, memory = bench.axes
    if bench.simulation.noise.runs:
        sizes = [Limits(c, m) for c in cpu for m in memory]
        return bench.cheapest([size for size in sizes if bench.passes(size)])
    passed = []
    for c in cpu:
        before = bench.seconds
        excess = bench.excess(Limits(c, memory.last))
        if max(excess) <= 0:
            passed.append(Limits(c, memory.ceil((1 + excess[1]) * memory.last)))
        bench.trials += len(memory) - 1
        bench.seconds += (len(memory) - 1) * (bench.seconds - before)
    return bench.cheapest(passed)


def random_search(bench: Bench, budget: int) -> Limits | None:
    """Run sizes drawn at random; the cheapest that passed."""
    cpu, memory = bench.axes
    sizes = [Limits(bench.rng.choice(cpu), bench.rng.choice(memory)) for _ in range(budget)]
    return bench.cheapest([size for size in sizes if bench.passes(size)])


def hill_climbing(bench: Bench, budget: int) -> Limits | None:
    """Climb from the smallest size, a step of whatever was too small at a time, until one passes."""
    cpu, memory = bench.axes
    c = m = 0
    while True:
        slow, full = bench.excess(Limits(cpu[c], memory[m]))
        if slow <= 0 and full <= 0:
            return Limits(cpu[c], memory[m])
        if full > 0 and m < len(memory) - 1:
            m += 1
        elif c < len(cpu) - 1:
            c += 1
        else:
            return None


def bisection(bench: Bench, budget: int) -> Limits | None:
    """Halve the range of CPU at the most memory until one size is left, then that of memory at that CPU."""
    cpu, memory = bench.axes
    if not bench.passes(Limits(cpu.last, memory.last)):
        return None
    cpus, memories = list(cpu), list(memory)
    c = bisect.bisect_left(range(len(cpus) - 1), 1, key=lambda i: bench.passes(Limits(cpus[i], memory.last)))
    m = bisect.bisect_left(range(len(memories) - 1), 1, key=lambda i: bench.passes(Limits(cpus[c], memories[i])))
    return Limits(cpus[c], memories[m])


def vpa_rule(bench: Bench, budget: int) -> Limits | None:
    """Apply the Vertical Pod Autoscaler's rule to one run at the ceiling: the 90th percentile of each plus 15 %."""
    cpu, memory = bench.axes
    measured = bench.measured(Limits(cpu.last, memory.last))
    return Limits(cpu.ceil(1150 * _percentile(measured.cpu_samples, 0.9)), memory.ceil(1.15 * measured.memory))


def krr_rule(bench: Bench, budget: int) -> Limits | None:
    """Apply KRR's simple strategy to one run at the ceiling: 95th percentile of CPU, most memory plus 15 %."""
    cpu, memory = bench.axes
    measured = bench.measured(Limits(cpu.last, memory.last))
    return Limits(cpu.ceil(1000 * _percentile(measured.cpu_samples, 0.95)), memory.ceil(1.15 * measured.memory))


def _percentile(values: list[float], share: float) -> float:
    ascending = sorted(values)
    return ascending[min(int(share * len(ascending)), len(ascending) - 1)]


FULL_GRID = "full grid"
PEERS: dict[str, Peer] = {
    FULL_GRID: full_grid,
    "random search": random_search,
    "bisection of each axis": bisection,
    "hill climbing": hill_climbing,
    "VPA rule": vpa_rule,
    "KRR rule": krr_rule,
}
