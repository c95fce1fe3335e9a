"""The spans of time around a load, from which a container's usage is taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from modelprofiler.core.evidence import LoadEvidence

CompletedBetween: TypeAlias = Callable[[float, float], float]
"""Requests completed from one time to another (seconds since the epoch); fractions where a bin is cut."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, both ends included, in seconds since the epoch."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return self.end - self.start

    def __contains__(self, time: object) -> bool:
        return isinstance(time, int | float) and self.start <= time <= self.end


@dataclass(frozen=True, slots=True)
class LoadWindows:
    """When a load ran, and what it completed; times are seconds since the epoch.

    Attributes
    ----------
    window
        The measured window, warm-up excluded.
    completed_between
        Requests completed between two times, warm-up included; zero outside the load.
    start, end
        When the first request of the warm-up was due and when the last response was read.
    exclusive
        The time around the load in which the container served nothing else: from being ready, or the end of the load
        before, until the next load. CPU samples outside it say nothing about this load.
    """

    window: Window
    completed_between: CompletedBetween
    start: float
    end: float
    exclusive: Window


def windows_of(load: LoadEvidence, exclusive: Window) -> LoadWindows | None:
    """Return the windows of a finished load; None when it ended before its measured window did.

    Parameters
    ----------
    load
        What the load generator reported.
    exclusive
        When the server had only this load to serve, as the shell knows it; extended so that it holds the load itself.
    """
    times = (load.warmup_started, load.window_started, load.window_ended, load.ended)
    if None in times:
        return None
    start, window_start, window_end, end = (time for time in times if time is not None)
    around = Window(min(exclusive.start, start), exclusive.end)
    return LoadWindows(Window(window_start, window_end), load.completed_between, start, end, around)


def windows_from(
    window: Window, completed_between: CompletedBetween, start: float, end: float, exclusive: Window | None = None
) -> LoadWindows:
    """Return the windows of a load from their times; see `LoadWindows`.

    Without `exclusive` only the time from the start of the load counts: what came before may have been the model being
    loaded.
    """
    return LoadWindows(window, completed_between, start, end, exclusive or Window(start, math.inf))
