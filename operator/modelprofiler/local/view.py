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
from modelprofiler.report.text import fitting

MARGIN_SECONDS = 0.5
WAITING = "waiting "
"""How sentences begin that hold only until something goes on."""
LINES_BESIDE = 5
"""Lines of a live view that are no trials: headline, titles, two of the trial in progress, and the cursor's."""
FEWEST_ROWS = 2


def headline(profile: ModelProfile) -> str:
    """Return what is measured, against what: ``digits: p95 at most 250ms at 50 requests/s, Poisson arrivals``."""
    return f"{profile.metadata.name}: {describe_objectives(profile.spec)}; {describe_load(profile.spec)}"


def line_of(trial: Trial) -> str:
    """Return a finished trial as one plain line."""
    seconds = (trial.completion_time - trial.start_time).total_seconds()
    size = f"{trial.limits.cpu} CPU, {trial.limits.memory}"
    how = "" if trial.fresh else " (resized)"
    return f"trial {trial.index} {trial.purpose}: {size}{how}: {trial.outcome}, {trial.message} [{seconds:.0f} s]"


class View(Listener, Protocol):
    """A listener that shows what it is told."""

    def refresh(self) -> None:
        """Draw anew; to be called several times a second."""

    def clear(self) -> None:
        """Take away what was drawn: a report that says it all follows in its place."""

    def close(self) -> None:
        """Draw for the last time, unless it was cleared."""


def view_of(profile: ModelProfile, *, plain: bool = False) -> View:
    """Return what suits the standard error: a live table in a terminal, lines elsewhere."""
    return LiveView(profile) if sys.stderr.isatty() and not plain else PlainView(profile)


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
        self._progress: Progress | None = None
        self._spinner = Spinner("dots")
        self._lock = threading.Lock()
        self._live = Live(self._render(), console=self._console, auto_refresh=False, transient=False)
        self._live.start(refresh=True)

    def said(self, message: str) -> None:
        """Show a sentence under the table."""
        with self._lock:
            self._notes = [*self._notes, message][-4:]

    def went_on(self, progress: Progress) -> None:
        """Show where the trial is; whatever was waited for is over then."""
        with self._lock:
            self._progress = progress
            self._notes = [note for note in self._notes if not note.startswith(WAITING)]

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

    def clear(self) -> None:
        """Take it from the screen."""
        self._live.transient = True
        self._live.update(Text(""), refresh=True)
        self._live.stop()

    def close(self) -> None:
        """Draw for the last time, and leave it on the screen."""
        if self._live.is_started:
            with self._lock:
                self._live.update(self._render(whole=True))
            self._live.stop()

    def _render(self, *, whole: bool = False) -> RenderableType:
        parts: list[RenderableType] = [Text(headline(self._profile), style="bold")]
        shown = self._trials if whole else self._trials[-self._room(len(self._trials)) :]
        if hidden := len(self._trials) - len(shown):
            parts.append(Text(f"{hidden} earlier trial{'' if hidden == 1 else 's'} not shown", style="dim"))
        if shown:
            parts.append(trial_table(shown, self._console.width))
        parts += [Text(note, style="dim") for note in self._notes]
        if self._progress is not None:
            parts.append(self._active(self._progress))
        return Group(*parts)

    def _room(self, trials: int) -> int:
        """Return how many trials the screen has room for: what does not fit would push out the one in progress."""
        width, height = self._console.size
        notes = sum(math.ceil(len(note) / width) for note in self._notes)
        left = height - LINES_BESIDE - notes
        return left if left >= trials else max(left - 1, FEWEST_ROWS)

    def _active(self, progress: Progress) -> RenderableType:
        active, gone = progress.active, monotonic() - progress.started
        grid = Table.grid(padding=(0, 1))
        self._spinner.update(text=Text(f"trial {active.index} {active.purpose}: {active.message}"))
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


def trial_table(trials: list[Trial], width: int) -> Table:
    """Return finished trials as a table that fits into `width` characters."""
    columns, cells = fitting(trials, width)
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        drawn.add_column(column.title.upper(), justify="right" if column.number else "left", no_wrap=True)
    for trial, row in zip(trials, cells, strict=True):
        styles = [_colour(trial) if column.title == "outcome" else "" for column in columns]
        drawn.add_row(*(Text(cell, style) for cell, style in zip(row, styles, strict=True)))
    return drawn


def _colour(trial: Trial) -> str:
    if trial.outcome is Outcome.PASSED:
        return "green"
    return "yellow" if trial.outcome in INCONCLUSIVE else "red"
