"""The trial table: a row a trial, a column a figure, each with the words that explain it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.report.summary import NONE, bytes_words, cpu_words, seconds_words


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the trial table.

    Attributes
    ----------
    title, meaning
        What it is called, and what it says.
    cell
        Its text for a trial.
    number
        Whether its cells are figures, which stand to the right.
    rank
        Which goes first where the table is too wide: the highest.
    """

    title: str
    meaning: str
    cell: Callable[[Trial], str]
    number: bool = True
    rank: int = 0


def judged_value(trial: Trial) -> str:
    """Return what decided a trial: ``p95 104ms``."""
    return NONE if trial.judged is None else f"{trial.judged.metric} {trial.judged.value}"


def judged_interval(trial: Trial) -> str:
    """Return the interval of what decided a trial: ``59-203ms``, or ``0.9s-1.2s`` where the units differ."""
    judged = trial.judged
    if judged is None or judged.low is None or judged.high is None:
        return NONE
    low, high = judged.low, judged.high
    unit = high.lstrip("0123456789.")
    return f"{low.removesuffix(unit)}-{high}" if low.lstrip("0123456789.") == unit else f"{low}-{high}"


def says_more(trial: Trial) -> bool:
    """Whether a trial's message says what its row does not."""
    return bool(trial.message) and not (trial.outcome is Outcome.PASSED and trial.judged is not None)


def _cost(trial: Trial) -> str:
    cost = trial.usage.cpu_time_per_request if trial.usage is not None else None
    return seconds_words(cost.seconds if cost is not None else None)


def _peak(trial: Trial) -> str:
    memory = trial.usage.memory if trial.usage is not None else None
    return bytes_words(memory.peak.bytes if memory is not None else None)


def _throttled(trial: Trial) -> str:
    share = trial.usage.throttled_percent if trial.usage is not None else None
    return NONE if share is None else f"{float(share):.3g}%"


def _growth(trial: Trial) -> str:
    memory = trial.usage.memory if trial.usage is not None else None
    growth = memory.growth_per1000_requests if memory is not None else None
    return NONE if growth is None else str(growth)


def _other(trial: Trial) -> str:
    other = trial.node.other_cpu if trial.node is not None else None
    return NONE if other is None else str(other)


def _steal(trial: Trial) -> str:
    steal = trial.node.steal_percent if trial.node is not None else None
    return NONE if steal is None else f"{float(steal):.3g}%"


COLUMNS = (
    Column("trial", "Number of the trial, in the order they ran.", lambda t: str(t.index)),
    Column(
        "purpose",
        "Why it ran. Reference: at the largest size. Bracket and Bisect: looking for the smallest CPU. "
        "Repeat: the same size once more. Memory: looking for the smallest memory. Confirm: at the size to recommend.",
        lambda t: str(t.purpose),
        number=False,
        rank=1,
    ),
    Column("CPU limit", "CPU that the server was held to.", lambda t: str(t.limits.cpu or NONE)),
    Column("memory limit", "Memory that the server was held to.", lambda t: str(t.limits.memory or NONE)),
    Column(
        "server",
        "Fresh: started at this size. Resized: started at another and changed while it ran.",
        lambda t: "fresh" if t.fresh else "resized",
        number=False,
        rank=5,
    ),
    Column("outcome", "How it ended.", lambda t: str(t.outcome), number=False),
    Column("judged by", "The objective that decided, and what was measured.", judged_value, number=False),
    Column(
        "95% interval",
        "Where the true value lies with 95 % confidence, from sub-windows.",
        judged_interval,
        number=False,
        rank=3,
    ),
    Column("rate", "Completed requests a second.", lambda t: f"{t.load.rate}/s" if t.load else NONE, rank=6),
    Column("CPU used", "Mean CPU in the window.", lambda t: cpu_words(t.usage.cpu if t.usage else None), rank=7),
    Column("CPU/request", "CPU time that a completed request cost.", _cost, rank=2),
    Column("memory peak", "The most memory seen.", _peak, rank=2),
    Column("throttled", "Share of the scheduler's 100 ms periods in which the server was stopped at its limit.",
           _throttled, rank=4),
    Column("growth", "By how much memory grew for every 1,000 requests, where that could be told.", _growth, rank=8),
    Column("other CPU", "Mean CPU of the node that went to work other than the server and the load.", _other, rank=9),
    Column("steal", "Share of the node's CPU time that its hypervisor gave to others.", _steal, rank=10),
)  # fmt: skip


def table(trials: list[Trial]) -> tuple[list[Column], list[list[str]]]:
    """Return the columns in which anything was measured, and the cells of every trial."""
    cells = [[column.cell(trial) for column in COLUMNS] for trial in trials]
    used = [i for i in range(len(COLUMNS)) if any(row[i] != NONE for row in cells)]
    return [COLUMNS[i] for i in used], [[row[i] for i in used] for row in cells]
