"""The adaptive search and its peers, over many services."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.search.families import FAMILIES, HELD_OUT, Space, draw
from benchmarks.search.peers import Bench, Peer
from benchmarks.search.score import Score, score
from benchmarks.search.simulation import Noise, Simulation
from benchmarks.search.truth import Truth, truth_of

from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import Recommend

QUIET = Noise()
"""Every run of a size is the same; counters and memory samples still err."""


def noisy(spread: float) -> Noise:
    """Return noise of this standard deviation from run to run, with a drift of up to 2 % within each."""
    return Noise(runs=spread, drift=0.02) if spread else QUIET


@dataclass
class Case:
    """A service, its truth, and what the searches made of it: name and noise to score."""

    family: str
    simulation: Simulation
    truth: Truth
    scores: dict[tuple[str, float], Score]

    @property
    def held_out(self) -> bool:
        """Whether its family was not looked at while the search was made."""
        return self.family in HELD_OUT


def cases(space: Space, count: int, requests: int = 1500) -> Iterator[Case]:
    """Yield that many services, families in turn, each with its truth."""
    for number in range(count):
        family = FAMILIES[number % len(FAMILIES)]
        simulation = draw(number // len(FAMILIES), family, space, requests=requests)
        yield Case(family, simulation, truth_of(simulation), {})


def run_adaptive(case: Case, spread: float) -> Score:
    """Run the adaptive search as the operator would, at zero margins."""
    simulation = replace(case.simulation, noise=noisy(spread), trials=[], started_at=0, wall_seconds=0.0)
    end = simulation.run()
    # A recommendation that is not verified says that no run at its size passed: it is no answer.
    verified = isinstance(end, Recommend) and end.recommendation.verification is not None
    answer = Limits.from_size(end.recommendation.limits) if isinstance(end, Recommend) and verified else None
    return score(simulation, case.truth, answer, len(simulation.trials), simulation.wall_seconds)


def run_peer(case: Case, name: str, peer: Peer, budget: int, spread: float = 0.0) -> Score:
    """Run a peer on the same service."""
    simulation = replace(case.simulation, noise=noisy(spread), trials=[], started_at=0, wall_seconds=0.0)
    bench = Bench(simulation, case.truth, random.Random(f"{name} {case.simulation.seed}"))
    answer = peer(bench, budget)
    return score(simulation, case.truth, answer, bench.trials, bench.seconds)
