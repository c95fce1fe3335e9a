"""The adaptive search and its peers, over many services; services are independent, so each CPU takes its share."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.search.bayes import bayesian, warm_started
from benchmarks.search.families import COARSE, FAMILIES, HELD_OUT, Space, draw
from benchmarks.search.peers import FULL_GRID, PEERS, Bench, Peer
from benchmarks.search.score import Score, score
from benchmarks.search.simulation import Noise, Simulation
from benchmarks.search.truth import Truth, truth_of

from modelprofiler.api.conditions import Reason
from modelprofiler.core.axis import Limits
from modelprofiler.core.steps import GiveUp, Recommend

ADAPTIVE = "Adaptive"
BAYES = "Bayesian (Optuna GP)"
WARM_BAYES = "Bayesian, warm start"
SPREADS = (0.0, 0.05, 0.2)
"""Noise: standard deviations from run to run."""
LOOP = 0.03
"""Error of the reference loop where runs differ. Measured on two busy CPUs, where the loop and the work of a server
differed by 3.1 %, while each of them varied by 4 to 6 %."""
GRID_SERVICES = 65
"""With noise every single size of a grid has to be run: on so many services, and on the small space."""


def noisy(spread: float) -> Noise:
    """Return noise of this standard deviation from run to run, with a drift of up to 2 % within each.

    At 0 every run of a size is the same; counters and memory samples still err.
    """
    return Noise(runs=spread, drift=0.02, loop=LOOP) if spread else Noise()


@dataclass(frozen=True)
class Job:
    """A service that is to be searched.

    Attributes
    ----------
    space
        Its sizes.
    number
        Families take turns.
    requests
        Most requests of a trial.
    peer_spreads
        Noise with which its peers run; the adaptive search runs with all of `SPREADS`.
    bayes
        Whether Bayesian optimisation is one of them.
    """

    space: Space
    number: int
    requests: int = 1500
    peer_spreads: tuple[float, ...] = SPREADS
    bayes: bool = False

    @property
    def family(self) -> str:
        """Its family."""
        return FAMILIES[self.number % len(FAMILIES)]


@dataclass(frozen=True)
class Case:
    """What the searches made of a service: name and noise to score."""

    family: str
    scores: dict[tuple[str, float], Score]

    @property
    def held_out(self) -> bool:
        """Whether its family was not looked at while the search was made."""
        return self.family in HELD_OUT


def evaluate(jobs: Sequence[Job]) -> Iterator[Case]:
    """Yield the cases in the order of the jobs, on all CPUs that this process may use."""
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Not forked: the compiler and the linear algebra of the peers have threads.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(evaluated, jobs, chunksize=1)


def evaluated(job: Job) -> Case:
    """Run everything on one service."""
    simulation = draw(job.number // len(FAMILIES), job.family, job.space, requests=job.requests)
    truth = truth_of(simulation)
    scores = {(ADAPTIVE, spread): run_adaptive(simulation, truth, spread) for spread in SPREADS}
    for spread in job.peer_spreads:
        peers = dict(PEERS)
        if spread and (job.space != COARSE or job.number >= GRID_SERVICES):
            del peers[FULL_GRID]
        if job.bayes:
            peers[BAYES], peers[WARM_BAYES] = bayesian, warm_started
        budget = scores[ADAPTIVE, spread].trials
        for name, peer in peers.items():
            scores[name, spread] = run_peer(simulation, truth, name, peer, budget, spread)
    return Case(job.family, scores)


def run_adaptive(simulation: Simulation, truth: Truth, spread: float) -> Score:
    """Run the adaptive search as the operator would, at zero margins."""
    simulation = replace(simulation, noise=noisy(spread), trials=[], started_at=0, served=False, wall_seconds=0.0)
    end = simulation.run()
    # A recommendation that is not verified says that no run at its size passed: it is no answer.
    verified = isinstance(end, Recommend) and end.recommendation.verification is not None
    answer = Limits.from_size(end.recommendation.limits) if isinstance(end, Recommend) and verified else None
    refused = isinstance(end, GiveUp) and end.reason is Reason.NO_FEASIBLE_SIZE
    return score(simulation, truth, answer, len(simulation.trials), simulation.wall_seconds, refused=refused)


def run_peer(simulation: Simulation, truth: Truth, name: str, peer: Peer, budget: int, spread: float = 0.0) -> Score:
    """Run a peer on the same service."""
    simulation = replace(simulation, noise=noisy(spread), trials=[], started_at=0, served=False, wall_seconds=0.0)
    bench = Bench(simulation, truth, random.Random(f"{name} {simulation.seed}"))
    answer = peer(bench, budget)
    return score(simulation, truth, answer, bench.trials, bench.seconds, refused=answer is None)
