"""What an answer is worth against the truth, and many of them as a row of a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.search.simulation import Simulation
from benchmarks.search.truth import Truth

from modelprofiler.core.axis import Limits
from modelprofiler.core.stats import wilson


@dataclass(frozen=True)
class Score:
    """One answer.

    Attributes
    ----------
    feasible
        Whether any size meets the objective.
    right
        Whether the answer does; of an infeasible service whether it was called so.
    near
        Whether it is within one step of the optimum on both axes, too.
    excess_cost
        By which share it costs more than the optimum; absent unless it is right, and where nothing is feasible.
    trials, seconds
        What it took, in simulated wall time.
    """

    feasible: bool
    right: bool
    near: bool
    excess_cost: float | None
    trials: int
    seconds: float


def score(
    simulation: Simulation, truth: Truth, answer: Limits | None, trials: int, seconds: float, *, refused: bool
) -> Score:
    """Return what an answer is worth, or that there is none: `refused` where the service was called infeasible."""
    best = truth.best
    if best is None or answer is None:
        return Score(best is not None, best is None and refused, False, None, trials, seconds)
    if not truth.meets(answer):
        return Score(True, False, False, None, trials, seconds)
    cpu, memory = simulation.axes
    steps = (
        cpu.position_of_ceil(answer.cpu) - cpu.position_of_ceil(best.cpu),
        memory.position_of_ceil(answer.memory) - memory.position_of_ceil(best.memory),
    )
    excess = truth.cost(answer) / truth.cost(best) - 1
    return Score(True, True, max(abs(s) for s in steps) <= 1, excess, trials, seconds)


HEAD = (
    "| search | noise | services | feasible | within one step | infeasible called so | trials: median, p95 "
    "| cost over the optimum | wall time, median |\n|---|---|---|---|---|---|---|---|---|"
)


def row(name: str, noise: str, scores: Sequence[Score]) -> str:
    """Return a row of the table: shares in percent with their 95 % Wilson intervals."""
    able = [s for s in scores if s.feasible]
    unable = [s for s in scores if not s.feasible]
    trials = sorted(s.trials for s in able)
    extra = [s.excess_cost for s in able if s.excess_cost is not None]
    cells = [
        name,
        noise,
        str(len(scores)),
        share([s.right for s in able]),
        share([s.near for s in able]),
        share([s.right for s in unable]),
        f"{statistics.median(trials):g}, {trials[int(0.95 * len(trials))]}",
        f"{100 * statistics.fmean(extra):+.1f} %" if extra else "",
        f"{statistics.median(s.seconds for s in able) / 60:,.1f} min",
    ]
    return f"| {' | '.join(cells)} |"


def share(hits: Sequence[bool]) -> str:
    """Return a share in percent with its interval."""
    if not hits:
        return ""
    low, high = wilson(sum(hits), len(hits))
    return f"{100 * sum(hits) / len(hits):.1f} % ({100 * low:.1f} to {100 * high:.1f})"
