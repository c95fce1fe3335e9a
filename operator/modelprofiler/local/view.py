"""What `modelprofiler run` shows while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from time import monotonic
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import INCONCLUSIVE, Outcome, Trial
from modelprofiler.local.progress import Progress
from modelprofiler.report.record import TrialRecord

ABSENT = "–"
MARGIN_SECONDS = 0.5


def headline(profile: ModelProfile) -> str:
    """Return what is measured, against what: ``digits: p95 up to 250ms at 50 requests/s``."""
    return f"{profile.metadata.name}: {objective(profile.spec)} at {load(profile.spec)}"


def objective(spec: ModelProfileSpec) -> str:
    """Return the objectives in a few words."""
    wanted = spec.objectives
    if wanted.latency is not None:
        found = [f"{name} up to {bound}" for name, bound in wanted.latency.to_dict().items()]
    else:
        found = [f"p95 at most {wanted.max_slowdown_percent} % slower than the largest size"]
    if wanted.max_throttled_percent is not None:
        found.append(f"throttled at most {wanted.max_throttled_percent} %")
    if wanted.max_time_to_ready is not None:
        found.append(f"ready within {wanted.max_time_to_ready}")
    return ", ".join(found)


def load(spec: ModelProfileSpec) -> str:
    """Return the load in a few words."""
    if spec.load.open_loop is not None:
        return f"{spec.load.open_loop.rate} requests/s ({spec.load.open_loop.arrival})"
    assert spec.load.closed_loop is not None
    return f"{spec.load.closed_loop.concurrency} clients"


def line_of(trial: Trial) -> str:
    """Return a finished trial as one plain line."""
    seconds = (trial.completion_time - trial.start_time).total_seconds()
    size = f"{trial.limits.cpu} CPU, {trial.limits.memory}"
    how = "" if trial.fresh else " (resized)"
    return f"trial {trial.index} {trial.purpose}: {size}{how}: {trial.outcome}, {trial.message} [{seconds:.0f} s]"


class PlainView:
    """One line for every step, for logs and CI; to standard error, so that standard output is the result alone."""

    def __init__(self, profile: ModelProfile, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._last = ""
        self._say(headline(profile))

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def said(self, message: str) -> None:
        """Print a sentence."""
        self._say(message)

    def went_on(self, progress: Progress) -> None:
        """Print each stage once."""
        active = progress.active
        line = f"trial {active.index} {active.purpose}: {active.message}"
        if line != self._last:
            self._last = line
            self._say(line)

    def finished_trial(self, record: TrialRecord) -> None:
        """Print the trial."""
        self._say(line_of(record.trial))

    def ended(self, profile: ModelProfile) -> None:
        """Do nothing: the result is printed by whoever ran it."""

    def refresh(self) -> None:
        """Do nothing: lines stay as they are."""

    def close(self) -> None:
        """Do nothing."""


class LiveView:
    """A table that grows, with the trial in progress below it."""

    def __init__(self, profile: ModelProfile, console: Console | None = None) -> None:
        self._profile = profile
        self._console = console or Console(stderr=True)
        self._trials: list[Trial] = []
        self._notes: list[str] = []
        self._progress: Progress | None = None
        self._spinner = Spinner("dots")
        self._lock = threading.Lock()
        self._live = Live(self._render(), console=self._console, auto_refresh=False, transient=False)
        self._live.start()

    def said(self, message: str) -> None:
        """Show a sentence under the table."""
        with self._lock:
            self._notes = [*self._notes, message][-4:]

    def went_on(self, progress: Progress) -> None:
        """Show where the trial is."""
        with self._lock:
            self._progress = progress

    def finished_trial(self, record: TrialRecord) -> None:
        """Add a row."""
        with self._lock:
            self._trials.append(record.trial)
            self._progress = None

    def ended(self, profile: ModelProfile) -> None:
        """Take the trial in progress away."""
        with self._lock:
            self._progress = None

    def refresh(self) -> None:
        """Draw anew; to be called several times a second."""
        with self._lock:
            drawn = self._render()
        self._live.update(drawn, refresh=True)

    def close(self) -> None:
        """Draw for the last time, and leave it on the screen."""
        self.refresh()
        self._live.stop()

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [Text(headline(self._profile), style="bold")]
        if self._trials:
            parts.append(trial_table(self._trials))
        parts += [Text(note, style="dim") for note in self._notes]
        if self._progress is not None:
            parts.append(self._active(self._progress))
        return Group(*parts)

    def _active(self, progress: Progress) -> RenderableType:
        active, gone = progress.active, monotonic() - progress.started
        grid = Table.grid(padding=(0, 1))
        self._spinner.update(
            text=Text(f"trial {active.index} {active.purpose}: {active.stage.lower()}, {active.message}")
        )
        cells: list[RenderableType] = [self._spinner]
        if progress.expected:
            left = progress.expected - gone
            cells.append(ProgressBar(total=progress.expected, completed=min(gone, progress.expected), width=24))
            cells.append(Text(f"{left:.0f} s left at most" if left > MARGIN_SECONDS else "a little longer", "dim"))
        else:
            cells.append(Text(f"{gone:.0f} s", "dim"))
        grid.add_row(*cells)
        note = Text(f"  {progress.note}", "dim") if progress.note else Text("")
        return Group(grid, note)


def trial_table(trials: list[Trial]) -> Table:
    """Return finished trials as a table."""
    table = Table(box=None, pad_edge=False, header_style="dim", collapse_padding=True)
    metric = next((t.judged.metric for t in trials if t.judged is not None), "latency")
    for name, right in (
        *(("#", True), ("TRIAL", False), ("CPU", True), ("MEMORY", True), ("OUTCOME", False), (metric.upper(), True)),
        *(("95 % INTERVAL", False), ("CPU USED", True), ("PER REQUEST", True), ("PEAK", True), ("TIME", True)),
    ):
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for trial in trials:
        table.add_row(*_cells(trial))
    return table


def _cells(trial: Trial) -> list[Text]:
    judged, usage = trial.judged, trial.usage
    failed = "yellow" if trial.outcome in INCONCLUSIVE else "red"
    colour = "green" if trial.outcome is Outcome.PASSED else failed
    interval = f"{judged.low} to {judged.high}" if judged and judged.low and judged.high else ABSENT
    seconds = (trial.completion_time - trial.start_time).total_seconds()
    memory = usage.memory if usage else None
    values = [
        str(trial.index),
        f"{trial.purpose}{'' if trial.fresh else ' ~'}",
        str(trial.limits.cpu),
        str(trial.limits.memory),
        str(trial.outcome),
        judged.value if judged else ABSENT,
        interval,
        str(usage.cpu) if usage and usage.cpu else ABSENT,
        str(usage.cpu_time_per_request) if usage and usage.cpu_time_per_request else ABSENT,
        str(memory.peak) if memory else ABSENT,
        f"{seconds:.0f} s",
    ]
    return [Text(value, style=colour if value == str(trial.outcome) else "") for value in values]
