"""Bar charts with one bar for each trial: CPU time of a request, and the peak of memory against its limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelprofiler.api.trial import Trial
from modelprofiler.report.charts import marks
from modelprofiler.report.charts.plot import Plot, Scale, binary_ticks
from modelprofiler.report.charts.shapes import Chart
from modelprofiler.report.formats import NONE, format_bytes, format_seconds
from modelprofiler.report.record import RunRecord
from modelprofiler.report.usage import cpu_seconds_per_request, peak_memory_bytes

_ROW, _DENSE_ROW = 26.0, 15.0
"""Height of a row in pixels."""
_MOST_IN_ROWS = 24
"""More trials than this (a grid) get dense rows, so that the chart stays about one screen high."""
_LONGEST_AXIS = 3.0
"""The axis ends at this many times the largest value, and a larger limit is cut off: else the bars would be slivers."""
_LABEL_WIDTH = 52
"""Pixels that a value needs beside its bar; without this room it is written inside the bar."""


@dataclass(frozen=True, slots=True)
class _Bar:
    trial: Trial
    label: str
    value: float
    limit: float | None = None


def cost_chart(record: RunRecord, width: float = 420) -> Chart | None:
    """Return the CPU time of a request in each trial; None where no trial measured it."""
    bars = [
        _Bar(trial, f"{trial.index} · {_cores(trial)}", cost)
        for trial in record.profile.status.trials
        if (cost := cpu_seconds_per_request(trial)) is not None
    ]
    return _chart(bars, width, "CPU time of a request", "trial · CPU limit", lambda v: format_seconds(v), None)


def memory_chart(record: RunRecord, width: float = 420) -> Chart | None:
    """Return the peak of memory in each trial against its limit; None where no memory was measured."""
    bars = [
        _Bar(
            trial,
            f"{trial.index} · {trial.limits.memory or NONE}",
            peak,
            trial.limits.memory.bytes if trial.limits.memory else None,
        )
        for trial in record.profile.status.trials
        if (peak := peak_memory_bytes(trial)) is not None
    ]
    return _chart(bars, width, "Peak of memory", "trial · memory limit", format_bytes, binary_ticks)


def _cores(trial: Trial) -> str:
    cpu = trial.limits.cpu
    return NONE if cpu is None else str(cpu) if str(cpu).endswith("m") else f"{cpu} CPU"


def _chart(
    bars: Sequence[_Bar],
    width: float,
    title: str,
    row_title: str,
    format_value: Callable[[float], str],
    ticks: Callable[[float], list[float]] | None,
) -> Chart | None:
    if not bars:
        return None
    least, most = min(bar.value for bar in bars), max(bar.value for bar in bars)
    description = f"One bar for each of {len(bars)} trials: from {format_value(least)} to {format_value(most)}."
    row = _ROW if len(bars) <= _MOST_IN_ROWS else _DENSE_ROW
    plot = Plot(width, 30 + 46 + row * len(bars), title, description)
    plot.top, plot.left, plot.margin_right = 26, 76, 58 if bars[0].limit is None else 24
    high = min(max(most, *(bar.limit or 0 for bar in bars)), _LONGEST_AXIS * most)
    x = Scale(0.0, high or 1.0, plot.left, plot.right)
    places = ticks(x.high) if ticks is not None else x.ticks(4)
    for place in places:
        plot.line(x(place), plot.top, x(place), plot.bottom, "grid")
    plot.text(plot.left - 8, 13, row_title, "axis-title", "end" if len(row_title) < 10 else "middle")
    for i, bar in enumerate(bars):
        _draw(plot, x, bar, plot.top + row * (i + 0.5), row, format_value)
    plot.x_axis(x, places, format_value, title)
    return plot.chart()


def _draw(plot: Plot, x: Scale, bar: _Bar, y: float, row: float, format_value: Callable[[float], str]) -> None:
    """Draw a bar around the height `y`, on its limit where it has one, with its label and its value."""
    value = format_value(bar.value)
    plot.text(plot.left - 8, y + 4, bar.label, "tick", "end")
    if bar.limit is not None:
        plot.rectangle(plot.left, y - row * 0.4, x(min(bar.limit, x.high)), y + row * 0.4, "limit-bar")
    style = f"bar {marks.kind(bar.trial)}"
    tooltip = f"{value}\n{marks.tooltip(bar.trial)}"
    plot.rectangle(plot.left, y - row * 0.27, x(bar.value), y + row * 0.27, style, tooltip)
    if x(bar.value) + _LABEL_WIDTH > plot.right + (40 if bar.limit is None else 0):
        plot.text(x(bar.value) - 6, y + 4, value, "note inside", "end")
    else:
        plot.text(x(bar.value) + 6, y + 4, value, "note")
