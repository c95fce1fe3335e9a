"""The spans of time during and around a load, from which a container's usage is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from modelprofiler.core.evidence import LoadEvidence

CompletedBetween: TypeAlias = Callable[[float, float], float]
"""Number of requests completed between two times (seconds since the epoch); a fraction where a bin is cut."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in seconds since the epoch, both ends included."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length of the span in seconds."""
        return self.end - self.start

    def __contains__(self, time: object) -> bool:
        return isinstance(time, int | float) and self.start <= time <= self.end


@dataclass(frozen=True, slots=True)
class LoadWindows:
    """When a load ran and how many requests it completed; times are seconds since the epoch.

    Attributes
    ----------
    window
        The measured window, warm-up excluded.
    completed_between
        Number of requests completed between two times, warm-up included; zero outside of the load.
    start, end
        When the first request of the warm-up was due and when the last response was read.
    exclusive
        The span around the load in which the container served nothing else: from when it was ready, or from the end
        of the previous load, until the next load. CPU samples outside of it do not belong to this load.
    """

    window: Window
    completed_between: CompletedBetween
    start: float
    end: float
    exclusive: Window


def windows_of(load: LoadEvidence, exclusive: Window, ahead: float = 0.0) -> LoadWindows | None:
    """Return the windows of a finished load; None when it did not get to the end of its measured window.

    Parameters
    ----------
    load
        What the load generator reported.
    exclusive
        When the server had only this load to serve, by the clock of the samples; extended to the start of the load
        where it begins later.
    ahead
        Seconds by which the clock of the samples is ahead of the load generator's. The windows are by the former.
    """
    start, end = load.warmup_started, load.ended
    if start is None or load.window_started is None or load.window_ended is None or end is None:
        return None
    if load.window_ended < load.window_started or end < start:
        return None  # no load has such times: somebody else has written the result
    window = Window(load.window_started + ahead, load.window_ended + ahead)
    start, end = start + ahead, end + ahead

    def completed_between(t0: float, t1: float) -> float:
        return load.completed_between(t0 - ahead, t1 - ahead)

    around = Window(min(exclusive.start, start), exclusive.end)
    return LoadWindows(window, completed_between if ahead else load.completed_between, start, end, around)


def windows_from(
    window: Window, completed_between: CompletedBetween, start: float, end: float, exclusive: Window | None = None
) -> LoadWindows:
    """Return the windows of a load; see `LoadWindows` for the parameters.

    Without `exclusive` it begins at the start of the load: before that the server may have been loading its model.
    """
    return LoadWindows(window, completed_between, start, end, exclusive or Window(start, math.inf))
