"""The drawing area of a chart: scales, ticks and axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from modelprofiler.report.charts.shapes import Chart, Line, Path, Rectangle, Shape, Text

LOG_FROM = 8.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic.

Chosen by eye: on a linear axis the smallest value would lie in the lowest eighth of the chart."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value is on an axis, in pixels.

    Attributes
    ----------
    low, high
        Values at the ends.
    start, end
        Pixels at the ends.
    log
        Whether equal ratios are equal distances.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; a value beyond an end is drawn at that end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values between the ends, at most about this many."""
        return _log_ticks(self.low, self.high, most) if self.log else _linear_ticks(self.low, self.high, most)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**d for d in decades for m in mantissas if low <= m * 10.0**d <= high]
        if len(ticks) <= most:
            break
    return ticks


def binary_ticks(high: float) -> list[float]:
    """Return at most six amounts of memory from 0 to `high` bytes, in steps of a power of two."""
    step = 2.0 ** math.ceil(math.log2(high / 5)) if high > 0 else 1.0
    return [i * step for i in range(int(high // step) + 1)]


def latency_scale(values: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for positive values with room at both ends, logarithmic from a ratio of `LOG_FROM`."""
    low, high = min(values), max(values)
    if low > 0 and high / low >= LOG_FROM:
        return Scale(low / 1.25, high * 1.25, start, end, log=True)
    return Scale(0.0, high * 1.12 or 1.0, start, end)


@dataclass
class Plot:
    """A drawing area with axes, on which shapes are collected.

    Attributes
    ----------
    width, height
        Of the whole chart, in pixels.
    title, description
        What it shows, for readers who do not see it.
    left, margin_right, top, margin_bottom
        Left and upper edge of the drawing area, and its distance from the right and lower edge of the chart, in
        pixels. The margins hold the labels of the axes.
    """

    width: float
    height: float
    title: str
    description: str
    left: float = 54
    margin_right: float = 16
    top: float = 34
    margin_bottom: float = 46
    _shapes: list[Shape] = field(default_factory=list)

    @property
    def right(self) -> float:
        """Right edge of the drawing area."""
        return self.width - self.margin_right

    @property
    def bottom(self) -> float:
        """Lower edge of the drawing area."""
        return self.height - self.margin_bottom

    def add(self, *shapes: Shape) -> None:
        """Draw shapes above what is there."""
        self._shapes += shapes

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """Draw a line."""
        self.add(Line(x1, y1, x2, y2, style))

    def rectangle(self, x1: float, y1: float, x2: float, y2: float, style: str, tooltip: str = "") -> None:
        """Draw a rectangle between two corners."""
        self.add(Rectangle(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1), style, tooltip))

    def text(self, x: float, y: float, content: str, style: str = "label", anchor: str = "start") -> None:
        """Write a line of text; `anchor` is start, middle or end."""
        self.add(Text(x, y, content, style, anchor))

    def path(self, points: Sequence[tuple[float, float]], style: str, *, close_to: float | None = None) -> None:
        """Draw a line through points; with `close_to` the area between it and that height."""
        self.add(Path(points, style, close_to))

    def x_axis(self, scale: Scale, ticks: Sequence[float], format_tick: Callable[[float], str], title: str) -> None:
        """Draw the lower axis."""
        self.line(self.left, self.bottom, self.right, self.bottom, "axis")
        for tick in ticks:
            x = scale(tick)
            self.line(x, self.bottom, x, self.bottom + 5, "axis")
            self.text(x, self.bottom + 19, format_tick(tick), "tick", "middle")
        self.text((self.left + self.right) / 2, self.height - 6, title, "axis-title", "middle")

    def y_axis(
        self, scale: Scale, format_tick: Callable[[float], str], title: str, ticks: Sequence[float] | None = None
    ) -> None:
        """Draw the left axis with a grid, its title above it."""
        for tick in scale.ticks() if ticks is None else ticks:
            y = scale(tick)
            self.line(self.left, y, self.right, y, "grid")
            self.text(self.left - 8, y + 4, format_tick(tick), "tick", "end")
        self.text(0, 13, title, "axis-title")

    def chart(self) -> Chart:
        """Return what was drawn."""
        return Chart(self.width, self.height, f"{self.title}. {self.description}", tuple(self._shapes))
