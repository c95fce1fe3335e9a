"""The trial table: a row for each trial, and columns with their explanations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.report.formats import NONE, format_bytes, format_cpu, format_percent, format_seconds
from modelprofiler.report.usage import cpu_seconds_per_request, peak_memory_bytes


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the trial table.

    Attributes
    ----------
    title, meaning
        Its heading, and the explanation of it.
    cell
        Returns the text of a trial's cell.
    number
        Whether its cells are numbers, which are aligned to the right.
    rank
        Where the table is too wide, the column with the highest rank is left out first; 0 always stays.
    """

    title: str
    meaning: str
    cell: Callable[[Trial], str]
    number: bool = True
    rank: int = 0


def judged_value(trial: Trial) -> str:
    """Return the value that decided a trial: ``p95 104ms``."""
    return NONE if trial.judged is None else f"{trial.judged.metric} {trial.judged.value}"


def judged_interval(trial: Trial) -> str:
    """Return the interval of the value that decided a trial: ``59-203ms``, or ``900ms-1.2s`` for two units."""
    judged = trial.judged
    if judged is None or judged.low is None or judged.high is None:
        return NONE
    low, high = judged.low, judged.high
    unit = high.lstrip("0123456789.")
    return f"{low.removesuffix(unit)}-{high}" if low.lstrip("0123456789.") == unit else f"{low}-{high}"


def line_of(trial: Trial) -> str:
    """Return a finished trial as one line of text."""
    seconds = (trial.completion_time - trial.start_time).total_seconds()
    size = f"{trial.limits.cpu} CPU, {trial.limits.memory}"
    resized = "" if trial.fresh else " (resized)"
    return f"trial {trial.index} {trial.purpose}: {size}{resized}: {trial.outcome}, {trial.message} [{seconds:.0f} s]"


def adds_information(trial: Trial) -> bool:
    """Whether a trial's message says something that its row does not."""
    return bool(trial.message) and not (trial.outcome is Outcome.PASSED and trial.judged is not None)


def _memory_growth(trial: Trial) -> str:
    memory = trial.usage.memory if trial.usage is not None else None
    growth = memory.growth_per1000_requests if memory is not None else None
    return NONE if growth is None else str(growth)


def _other_cpu(trial: Trial) -> str:
    other = trial.node.other_cpu if trial.node is not None else None
    return NONE if other is None else str(other)


def _reference_loop(trial: Trial) -> str:
    times = (trial.node.loop_before, trial.node.loop_after) if trial.node is not None else ()
    return ", ".join(format_seconds(time.seconds) for time in times if time is not None) or NONE


COLUMNS = (
    Column("trial", "Number of the trial, in the order in which they ran.", lambda t: str(t.index)),
    Column(
        "purpose",
        "Why the trial ran. Reference: at the largest size. Bracket and Bisect: to find the "
        "smallest CPU. Repeat: the same size again. Memory: to find the smallest memory. Confirm: at the size to be "
        "recommended. Soak: with a long window, to see whether memory goes on growing. Grid: one of all combinations.",
        lambda t: str(t.purpose),
        number=False,
        rank=1,
    ),
    Column("CPU limit", "The server's CPU limit.", lambda t: str(t.limits.cpu or NONE)),
    Column("memory limit", "The server's memory limit.", lambda t: str(t.limits.memory or NONE)),
    Column(
        "server",
        "Fresh: started at this size. Resized: started at another size and resized while it ran.",
        lambda t: "fresh" if t.fresh else "resized",
        number=False,
        rank=5,
    ),
    Column("outcome", "How the trial ended.", lambda t: str(t.outcome), number=False),
    Column("judged by", "The objective that decided the outcome, and the value measured for it.", judged_value,
           number=False),
    Column(
        "95% interval",
        "Contains the true value with 95 % confidence; computed from parts of the window.",
        judged_interval,
        number=False,
        rank=3,
    ),
    Column("rate", "Completed requests per second.", lambda t: f"{t.load.rate}/s" if t.load else NONE, rank=6),
    Column(
        "CPU used",
        "Mean CPU usage in the window.",
        lambda t: format_cpu(t.usage.cpu if t.usage else None),
        rank=7,
    ),
    Column(
        "CPU/request",
        "CPU time of a completed request.",
        lambda t: format_seconds(cpu_seconds_per_request(t)),
        rank=2,
    ),
    Column("memory peak", "Largest amount of memory seen.", lambda t: format_bytes(peak_memory_bytes(t)), rank=2),
    Column(
        "throttled",
        "Share of the kernel's 100 ms periods in which the server used up its CPU limit and was stopped.",
        lambda t: format_percent(t.usage.throttled_percent if t.usage is not None else None),
        rank=4,
    ),
    Column("growth", "Growth of memory per 1,000 requests, where it could be measured.", _memory_growth, rank=8),
    Column("other CPU", "Mean CPU usage on the node by anything but the server and the load.", _other_cpu, rank=9),
    Column(
        "steal",
        "Share of the node's CPU time that its hypervisor gave to other virtual machines.",
        lambda t: format_percent(t.node.steal_percent if t.node is not None else None),
        rank=10,
    ),
    Column(
        "reference loop",
        "CPU time that the same fixed work took on the node before and after the load: the longer, the slower was the "
        "node.",
        _reference_loop,
        rank=11,
    ),
)  # fmt: skip


def table(trials: list[Trial]) -> tuple[list[Column], list[list[str]]]:
    """Return the columns in which anything was measured, and the cells of every trial."""
    cells = [[column.cell(trial) for column in COLUMNS] for trial in trials]
    used = [i for i in range(len(COLUMNS)) if any(row[i] != NONE for row in cells)]
    return [COLUMNS[i] for i in used], [[row[i] for i in used] for row in cells]
