"""What was found, as Markdown."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from benchmarks.operator_scale.costs import Cost, Gap, spread


@dataclass
class Run:
    """A measured run."""

    cost: Cost = field(default_factory=Cost)
    trials: int = 0
    gaps: list[Gap] = field(default_factory=list)


@dataclass
class Stage:
    """A queue of some length, in which all wait and one load runs."""

    waiting: int
    applied: float | None = None
    """Seconds until all were applied."""
    looked_at: float | None = None
    """Seconds until the operator had looked at all."""
    idle: Cost = field(default_factory=Cost)


@dataclass
class Results:
    """All that was measured; what was not reached is empty."""

    unqueued: Run = field(default_factory=Run)
    queued: Run = field(default_factory=Run)
    stages: list[Stage] = field(default_factory=list)
    newcomers: list[float] = field(default_factory=list)
    ready: float | None = None
    """Seconds from the removal of the operator's pod until the next one was ready."""
    restarted: Cost | None = None
    """Requests of the next one, until it was ready and for a while after."""
    position_writes: int | None = None
    """Statuses of waiting profiles that were written since one run ended and another."""


def number(value: float | None, form: str) -> str:
    """Return a number in its format, or that it was not measured."""
    return "not measured" if value is None else form.format(value)


def markdown(results: Results) -> str:
    """Return the tables."""
    longest = results.stages[-1].waiting if results.stages else 0
    lines = [f"| what | no queue | {longest:,} waiting | to reach |", "|---|---|---|---|"]
    runs = (results.unqueued, results.queued)

    def row(label: str, cells: list[str], goal: str = "") -> None:
        lines.append(f"| {label} | {' | '.join(cells)} | {goal} |")

    def each(run: Run, value: float) -> str:
        return f"{value / run.trials:.1f}" if run.trials else "not measured"

    row("trials of the run", [str(run.trials) for run in runs])
    row("API writes a trial", [each(run, run.cost.requests(writes=True)) for run in runs], "10")
    row("… of the status", [each(run, run.cost.requests_of("update", "modelprofiles/status")) for run in runs], "4")
    row("API lists a trial", [each(run, run.cost.requests_of("list")) for run in runs], "3")
    row("API reads a trial", [each(run, run.cost.requests(writes=False)) for run in runs])
    row("KiB sent a trial", [each(run, run.cost.total("sent") / 1024) for run in runs])
    row("KiB received a trial", [each(run, run.cost.total("received") / 1024) for run in runs])
    row("seconds from a load's end to the next trial's start", [spread([g.begun for g in r.gaps]) for r in runs], "2")
    row("… to the next load generator running", [spread([g.loading for g in r.gaps]) for r in runs])
    row("working set in a run, largest", [number(run.cost.mebibytes, "{:.0f} MiB") for run in runs], "300 MiB")
    row("CPU in a run", [number(run.cost.cpu_percent, "{:.1f} % of a core") for run in runs])
    for stage in results.stages:
        at = f"{stage.waiting:,} waiting"
        row(f"working set, {at}, one load running", ["", number(stage.idle.mebibytes, "{:.0f} MiB")], "300 MiB")
        row(f"CPU, {at}, one load running", ["", number(stage.idle.cpu_percent, "{:.1f} % of a core")])
        row(f"API writes in that time, {at}", ["", str(stage.idle.requests(writes=True))])
        row(f"until all of {at} were applied", ["", number(stage.applied, "{:.0f} s")])
        row(f"until all of {at} had been looked at", ["", number(stage.looked_at, "{:.0f} s")])
    row("a new profile has conditions after", ["", spread(results.newcomers, "{:.2f} s")])
    row("restart: the next operator is ready after", ["", number(results.ready, "{:.0f} s")])
    written = results.restarted.requests(writes=True) if results.restarted else None
    row("restart: API writes until 40 s after", ["", number(written, "{:.0f}")])
    writes = number(results.position_writes, "{:.0f}")
    row("statuses of waiting profiles written for two turns that ended", ["", writes])
    return "\n".join([*lines, "", *_requests(runs)])


def _requests(runs: tuple[Run, Run]) -> list[str]:
    """Return the requests a trial by verb and resource, the most frequent first."""
    names = {request for run in runs for request in run.cost.traffic}

    def count(run: Run, request: str) -> float:
        return run.cost.traffic.get(request, {}).get("requests", 0) / max(1, run.trials)

    order = sorted(names, key=lambda request: (-statistics.mean(count(run, request) for run in runs), request))
    lines = ["| requests a trial | no queue | with the queue |", "|---|---|---|"]
    return lines + [f"| {request} | {' | '.join(f'{count(run, request):.1f}' for run in runs)} |" for request in order]
