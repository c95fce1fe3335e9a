"""What `modelprofiler run` shows while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import threading
from time import monotonic
from typing import Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Trial
from modelprofiler.local.progress import Listener, Progress
from modelprofiler.report.provenance import describe_load, describe_objectives
from modelprofiler.report.record import TrialRecord
from modelprofiler.report.rows import line_of
from modelprofiler.report.text import fitting

ROUNDING_SECONDS = 0.5
"""A remaining time below this would be shown as 0 s."""
OTHER_LINES = 5
"""Lines that are not finished trials: headline, column titles, two of the trial in progress, and the cursor's."""
MIN_ROWS = 2
MAX_NOTES = 4
"""Notes of a run that are shown at once, so that they leave room for the trials."""


def headline(profile: ModelProfile) -> str:
    """Return the objectives and the load of a run: ``digits: p95 at most 250ms; 50 requests/s, Poisson arrivals``."""
    return f"{profile.metadata.name}: {describe_objectives(profile.spec)}; {describe_load(profile.spec)}"


class View(Listener, Protocol):
    """A listener that shows the run."""

    def refresh(self) -> None:
        """Draw the current state; to be called several times a second."""

    def clear(self) -> None:
        """Remove what was drawn, because the report follows in its place."""

    def close(self) -> None:
        """Draw for the last time, unless the view was cleared."""


def view_of(profile: ModelProfile, *, plain: bool = False) -> View:
    """Return a view on standard error: a live table in a terminal, lines elsewhere."""
    return LiveView(profile) if sys.stderr.isatty() and not plain else PlainView(profile)


class PlainView:
    """One line for each stage and trial, for logs and CI. On standard error: standard output has only the result."""

    def __init__(self, profile: ModelProfile, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._last = ""
        self._print(headline(profile))

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def on_note(self, message: str) -> None:
        """Print a sentence."""
        self._print(message)

    def on_wait(self, message: str) -> None:
        """Print what the run waits for."""
        self._print(message)

    def on_stage(self, progress: Progress) -> None:
        """Print each stage once."""
        active = progress.active
        line = f"trial {active.index} {active.purpose}: {active.message}"
        if line != self._last:
            self._last = line
            self._print(line)

    def on_trial_finished(self, record: TrialRecord) -> None:
        """Print the trial."""
        self._print(line_of(record.trial))

    def on_run_finished(self, profile: ModelProfile) -> None:
        """Do nothing: the command prints the result."""

    def refresh(self) -> None:
        """Do nothing: printed lines do not change."""

    def clear(self) -> None:
        """Do nothing: a log keeps everything."""

    def close(self) -> None:
        """Do nothing."""


class LiveView:
    """A table that grows, with the trial in progress below it."""

    def __init__(self, profile: ModelProfile, console: Console | None = None) -> None:
        self._profile = profile
        self._console = console or Console(stderr=True)
        self._trials: list[Trial] = []
        self._notes: list[str] = []
        self._wait: str | None = None
        self._progress: Progress | None = None
        self._spinner = Spinner("dots")
        self._lock = threading.Lock()
        self._live = Live(self._render(), console=self._console, auto_refresh=False, transient=False)
        self._live.start(refresh=True)

    def on_note(self, message: str) -> None:
        """Show a sentence under the table."""
        with self._lock:
            self._notes = [*self._notes, message][-MAX_NOTES:]

    def on_wait(self, message: str) -> None:
        """Show what the run waits for, until the next stage."""
        with self._lock:
            self._wait = message

    def on_stage(self, progress: Progress) -> None:
        """Show the stage of the trial; a wait is over by then."""
        with self._lock:
            self._progress = progress
            self._wait = None

    def on_trial_finished(self, record: TrialRecord) -> None:
        """Add a row."""
        with self._lock:
            self._trials.append(record.trial)
            self._progress = None

    def on_run_finished(self, profile: ModelProfile) -> None:
        """Remove the trial in progress."""
        with self._lock:
            self._progress = None

    def refresh(self) -> None:
        """Draw the current state; to be called several times a second."""
        with self._lock:
            drawn = self._render()
        self._live.update(drawn, refresh=True)

    def clear(self) -> None:
        """Remove the table from the screen."""
        self._live.transient = True
        self._live.update(Text(""), refresh=True)
        self._live.stop()

    def close(self) -> None:
        """Draw all trials, and leave them on the screen."""
        if self._live.is_started:
            with self._lock:
                self._live.update(self._render(all_trials=True))
            self._live.stop()

    def _render(self, *, all_trials: bool = False) -> RenderableType:
        parts: list[RenderableType] = [Text(headline(self._profile), style="bold")]
        shown = self._trials if all_trials else self._trials[-self._rows_that_fit(len(self._trials)) :]
        if hidden := len(self._trials) - len(shown):
            parts.append(Text(f"{hidden} earlier trial{'' if hidden == 1 else 's'} not shown", style="dim"))
        if shown:
            parts.append(trial_table(shown, self._console.width))
        parts += [Text(note, style="dim") for note in self._messages()]
        if self._progress is not None:
            parts.append(self._active(self._progress))
        return Group(*parts)

    def _messages(self) -> list[str]:
        return [*self._notes, *([self._wait] if self._wait is not None else [])]

    def _rows_that_fit(self, trials: int) -> int:
        """Return how many trials fit on the screen; more would push the one in progress off it."""
        width, height = self._console.size
        messages = sum(math.ceil(len(message) / width) for message in self._messages())
        rows = height - OTHER_LINES - messages
        return rows if rows >= trials else max(rows - 1, MIN_ROWS)  # one line says how many are hidden

    def _active(self, progress: Progress) -> RenderableType:
        active, elapsed = progress.active, monotonic() - progress.started
        grid = Table.grid(padding=(0, 1))
        self._spinner.update(text=Text(f"trial {active.index} {active.purpose}: {active.message}"))
        cells: list[RenderableType] = [self._spinner]
        if progress.expected:
            remaining = progress.expected - elapsed
            cells.append(ProgressBar(total=progress.expected, completed=min(elapsed, progress.expected), width=24))
            cells.append(
                Text(f"at most {remaining:.0f} s left" if remaining > ROUNDING_SECONDS else "a little longer", "dim")
            )
        else:
            cells.append(Text(f"{elapsed:.0f} s", "dim"))
        grid.add_row(*cells)
        note = Text(f"  {progress.note}", "dim") if progress.note else Text("")
        return Group(grid, note)


def trial_table(trials: list[Trial], width: int) -> Table:
    """Return finished trials as a table that fits into `width` characters."""
    columns, cells = fitting(trials, width)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column.title.upper(), justify="right" if column.number else "left", no_wrap=True)
    for trial, row in zip(trials, cells, strict=True):
        styles = [_colour(trial) if column.title == "outcome" else "" for column in columns]
        table.add_row(*(Text(cell, style) for cell, style in zip(row, styles, strict=True)))
    return table


def _colour(trial: Trial) -> str:
    if trial.outcome is Outcome.PASSED:
        return "green"
    return "yellow" if trial.outcome in INCONCLUSIVE else "red"
