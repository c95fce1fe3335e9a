"""One figure of every trial as a bar: what it cost, and what memory it took of its limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelprofiler.api.trial import Trial
from modelprofiler.report.charts import marks
from modelprofiler.report.charts.plot import Plot, Scale, binary_ticks
from modelprofiler.report.markup import Element, el
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import NONE, bytes_words, seconds_words

_ROW, _DENSE_ROW = 26.0, 15.0
_MOST_IN_ROWS = 24
"""More trials than this (a grid) get denser rows."""
_MOST_ROOM = 3.0
"""A limit of more than this many times the largest value is cut off at the edge: the values would be slivers."""


@dataclass(frozen=True, slots=True)
class _Bar:
    trial: Trial
    label: str
    value: float
    limit: float | None = None


def cost_chart(record: RunRecord, width: float = 420) -> Element | None:
    """Return CPU time of a request, by trial; None where no trial measured it."""
    bars = [
        _Bar(t, f"{t.index} · {_cores(t)}", cost)
        for t in record.profile.status.trials
        if (cost := cost_of(t)) is not None
    ]
    return _chart(bars, width, "CPU time of a request", "trial · CPU limit", lambda v: seconds_words(v), None)


def memory_chart(record: RunRecord, width: float = 420) -> Element | None:
    """Return each trial's peak of memory on its limit; None where no memory was measured."""
    bars = [
        _Bar(t, f"{t.index} · {t.limits.memory or NONE}", peak, t.limits.memory.bytes if t.limits.memory else None)
        for t in record.profile.status.trials
        if (peak := peak_of(t)) is not None
    ]
    return _chart(bars, width, "Peak of memory", "trial · memory limit", bytes_words, binary_ticks)


def _cores(trial: Trial) -> str:
    cpu = trial.limits.cpu
    return NONE if cpu is None else str(cpu) if str(cpu).endswith("m") else f"{cpu} CPU"


def cost_of(trial: Trial) -> float | None:
    """Return the CPU seconds of a request; None where they were not measured."""
    cost = trial.usage.cpu_time_per_request if trial.usage is not None else None
    return None if cost is None else cost.seconds


def peak_of(trial: Trial) -> float | None:
    """Return the most memory in bytes; None where it was not measured."""
    memory = trial.usage.memory if trial.usage is not None else None
    return None if memory is None else float(memory.peak.bytes)


def _chart(
    bars: Sequence[_Bar],
    width: float,
    title: str,
    rows: str,
    words: Callable[[float], str],
    ticks: Callable[[float], list[float]] | None,
) -> Element | None:
    if not bars:
        return None
    least, most = min(b.value for b in bars), max(b.value for b in bars)
    description = f"By trial, {len(bars)} of them: from {words(least)} to {words(most)}."
    row = _ROW if len(bars) <= _MOST_IN_ROWS else _DENSE_ROW
    plot = Plot(width, 30 + 46 + row * len(bars), title, description)
    plot.top, plot.left, plot.margin_right = 26, 76, 58 if bars[0].limit is None else 24
    high = min(max(most, *(b.limit or 0 for b in bars)), _MOST_ROOM * most)
    x = Scale(0.0, high or 1.0, plot.left, plot.right)
    places = ticks(x.high) if ticks is not None else x.ticks(4)
    for place in places:
        plot.line(x(place), plot.top, x(place), plot.bottom, "grid")
    plot.text(plot.left - 8, 13, rows, "axis-title", "end" if len(rows) < 10 else "middle")
    for i, bar in enumerate(bars):
        middle = plot.top + row * (i + 0.5)
        plot.text(plot.left - 8, middle + 4, bar.label, "tick", "end")
        if bar.limit is not None:
            plot.rect(plot.left, middle - row * 0.4, x(min(bar.limit, x.high)), middle + row * 0.4, "limit-bar")
        plot.rect(plot.left, middle - row * 0.27, x(bar.value), middle + row * 0.27, f"bar {marks.kind(bar.trial)}",
                  el("title", f"{words(bar.value)}\n{marks.words(bar.trial)}"))  # fmt: skip
        inside = x(bar.value) + 52 > plot.right + (40 if bar.limit is None else 0)
        plot.text(x(bar.value) + (-6 if inside else 6), middle + 4, words(bar.value),
                  "note inside" if inside else "note", "end" if inside else "start")  # fmt: skip
    plot.x_axis(x, places, words, title)
    return plot.svg()
