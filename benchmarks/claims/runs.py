"""Many simulated runs, each with the clauses that are not proved; runs are independent, so each CPU takes its share."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.claims.telling import tell

from modelprofiler.core.steps import Recommend


@dataclass(frozen=True)
class Summary:
    """What became of a run.

    Attributes
    ----------
    number
        Of the run.
    noise
        Standard deviation of its CPU times from trial to trial.
    reason
        How it ended.
    recommends
        Whether there is a recommendation.
    texts
        How many texts were read.
    wrong
        A line for each clause that is not proved.
    """

    number: int
    noise: float
    reason: str
    recommends: bool
    texts: int
    wrong: tuple[str, ...]


def summary(number: int) -> Summary:
    """Run the world of this number, and read all that is said of it."""
    run = tell(number)
    recommends = isinstance(run.end, Recommend)
    wrong = tuple(str(problem) for problem in run.wrong)
    return Summary(number, run.world.noise.runs, run.end.reason.value, recommends, run.texts, wrong)


def summaries(numbers: Sequence[int]) -> Iterator[Summary]:
    """Yield what became of each run, on all CPUs that this process may use."""
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(summary, numbers, chunksize=10)
