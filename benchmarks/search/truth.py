"""The true answer of a simulated service: every size evaluated without noise, on a fresh server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from benchmarks.search.service import Measured
from benchmarks.search.simulation import Simulation

from modelprofiler.core.axis import Limits
from modelprofiler.core.bounds import latency_bounds


@dataclass(frozen=True)
class Truth:
    """What every size does.

    Attributes
    ----------
    needs
        For each CPU size that meets the objective: the smallest memory size that it then needs, in bytes; absent CPU
        sizes do not meet it, or not with any memory of the range.
    ceiling
        The largest size.
    """

    needs: dict[int, int]
    ceiling: Limits

    @property
    def best(self) -> Limits | None:
        """The cheapest size that meets the objective, the one with less CPU among equals; absent when none does."""
        sizes = (Limits(cpu, memory) for cpu, memory in self.needs.items())
        return min(sizes, key=lambda size: (self.cost(size), size), default=None)

    def meets(self, size: Limits) -> bool:
        """Whether a size meets the objective."""
        return size.cpu in self.needs and size.memory >= self.needs[size.cpu]

    def cost(self, size: Limits) -> float:
        """Return the share of the largest CPU plus the share of the largest memory."""
        return size.cpu / self.ceiling.cpu + size.memory / self.ceiling.memory


def truth_of(simulation: Simulation) -> Truth:
    """Evaluate every size; memory is a threshold at each CPU size, so that no size needs more than one evaluation."""
    cpu, memory = simulation.axes
    needs = {}
    bounds = Bounds.of(simulation)
    for size in cpu:
        measured = simulation.service.measure(size, size)
        if bounds.excess(simulation, measured) <= 0 and measured.memory <= memory.last:
            needs[size] = memory.ceil(measured.memory)
    return Truth(needs, Limits(cpu.last, memory.last))


@dataclass(frozen=True)
class Bounds:
    """The objectives of a service in numbers: latencies in seconds by metric, and the least rate of a closed loop."""

    latency: dict[str, float]
    rate: float

    @classmethod
    def of(cls, simulation: Simulation) -> Self:
        """Return those of a simulation."""
        latency = latency_bounds(simulation.spec, None)
        return cls(latency, least_rate(simulation, latency))

    def excess(self, simulation: Simulation, measured: Measured) -> float:
        """Return by which share a run of a fresh server is beyond the objective that it misses most, memory apart."""
        service, objectives = simulation.service, simulation.spec.objectives
        slow = max(measured.values[metric] / bound for metric, bound in self.latency.items())
        slow = max(slow, self.rate / (service.count / measured.seconds))
        slow = max(slow, 100 * measured.refused / float(objectives.max_error_percent))
        if objectives.max_time_to_ready is not None:
            slow = max(slow, service.start_time(measured.cpu) / objectives.max_time_to_ready.seconds)
        if objectives.max_first_request is not None:
            slow = max(slow, service.first_time(measured.cpu) / objectives.max_first_request.seconds)
        return max(slow, 2.0) - 1 if measured.overloaded else slow - 1


def least_rate(simulation: Simulation, bounds: dict[str, float]) -> float:
    """Return the rate that a closed loop must complete: the slowdown that is allowed to latency holds for it, too."""
    service = simulation.service
    if service.rate:
        return 0.0
    top = service.measure(simulation.axes[0].last, simulation.axes[0].last)
    slowdown = min(bound / top.values[metric] for metric, bound in bounds.items())
    return service.count / top.seconds / max(1.0, slowdown)
