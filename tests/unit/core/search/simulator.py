"""Specs and simulated services for the tests of the search: the simulator of benchmarks/search, with fewer requests."""

from __future__ import annotations

from benchmarks.search.families import FAMILIES, Space, draw, spec_of
from benchmarks.search.service import MI, Service
from benchmarks.search.simulation import EPOCH, Noise, Simulation

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources

REQUESTS = 400
"""Requests of a trial, however long that takes: enough for a percentile, and fast without a compiler."""

__all__ = [
    "EPOCH",
    "MI",
    "REQUESTS",
    "Noise",
    "Service",
    "Simulation",
    "random_simulation",
    "resources_of",
    "spec_of",
]


def resources_of(spec: ModelProfileSpec) -> EffectiveResources:
    """Return the range of a spec that gives both axes."""
    assert spec.resources.cpu is not None
    assert spec.resources.memory is not None
    return EffectiveResources(cpu=spec.resources.cpu, memory=spec.resources.memory)


def random_simulation(number: int, *, cpus: int = 36, memories: int = 20, noise: Noise | None = None) -> Simulation:
    """Return a service, an objective and a range, families in turn; some have no feasible size."""
    family = FAMILIES[number % len(FAMILIES)]
    return draw(number // len(FAMILIES), family, Space(cpus, memories), noise, REQUESTS)
