"""What every chart is drawn on: scales, ticks, axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from modelprofiler.report.markup import Child, Element, el, number

LOG_FROM = 8.0
"""A ratio of largest to smallest from which a logarithmic axis shows more than a linear one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels.

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
        """Return the pixel of a value; beyond the ends it is that of the end."""
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
    found: list[float] = []
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**d for d in decades for m in mantissas if low <= m * 10.0**d <= high]
        if len(found) <= most:
            break
    return found


def binary_ticks(high: float) -> list[float]:
    """Return sizes of memory from 0 to `high` bytes, at most six, in steps of a power of two."""
    step = 2.0 ** math.ceil(math.log2(high / 5)) if high > 0 else 1.0
    return [i * step for i in range(int(high // step) + 1)]


def latency_scale(values: Sequence[float], start: float, end: float) -> Scale:
    """Return the scale of an axis of positive values, with room at both ends; logarithmic where they differ much."""
    low, high = min(values), max(values)
    if high / low >= LOG_FROM:
        return Scale(low / 1.25, high * 1.25, start, end, log=True)
    return Scale(0.0, high * 1.12, start, end)


@dataclass
class Plot:
    """A drawing area with axes.

    Attributes
    ----------
    width, height
        Of the whole picture, in pixels.
    title, description
        What it shows, for who does not see it.
    left, right, top, bottom
        Edges of the drawing area.
    """

    width: float
    height: float
    title: str
    description: str
    left: float = 54
    margin_right: float = 16
    top: float = 34
    margin_bottom: float = 46
    _parts: list[Element] = field(default_factory=list)

    @property
    def right(self) -> float:
        """Right edge of the drawing area."""
        return self.width - self.margin_right

    @property
    def bottom(self) -> float:
        """Lower edge of the drawing area."""
        return self.height - self.margin_bottom

    def add(self, *parts: Element | None) -> None:
        """Draw on top of what is there."""
        self._parts += [part for part in parts if part is not None]

    def line(self, x1: float, y1: float, x2: float, y2: float, class_: str) -> None:
        """Draw a line."""
        self.add(el("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_))

    def rect(self, x1: float, y1: float, x2: float, y2: float, class_: str, *children: Child) -> None:
        """Draw a rectangle between two corners."""
        left, top = min(x1, x2), min(y1, y2)
        size = {"width": abs(x2 - x1), "height": abs(y2 - y1)}
        self.add(el("rect", *children, x=left, y=top, class_=class_, **size))

    def text(self, x: float, y: float, words: str, class_: str = "label", anchor: str = "start") -> None:
        """Write words; `anchor` is start, middle or end."""
        self.add(el("text", words, x=x, y=y, class_=class_, text_anchor=anchor))

    def path(self, points: Sequence[tuple[float, float]], class_: str, *, close_to: float | None = None) -> None:
        """Draw a line through points; with `close_to` the area between it and that height."""
        drawn = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
        if close_to is not None:
            drawn += f"V{number(close_to)}H{number(points[0][0])}Z"
        self.add(el("path", d=drawn, class_=class_))

    def x_axis(self, scale: Scale, ticks: Sequence[float], words: Callable[[float], str], title: str) -> None:
        """Draw the lower axis."""
        self.line(self.left, self.bottom, self.right, self.bottom, "axis")
        for tick in ticks:
            x = scale(tick)
            self.line(x, self.bottom, x, self.bottom + 5, "axis")
            self.text(x, self.bottom + 19, words(tick), "tick", "middle")
        self.text((self.left + self.right) / 2, self.height - 6, title, "axis-title", "middle")

    def y_axis(
        self, scale: Scale, words: Callable[[float], str], title: str, ticks: Sequence[float] | None = None
    ) -> None:
        """Draw the left axis with a grid, its title above it."""
        for tick in scale.ticks() if ticks is None else ticks:
            y = scale(tick)
            self.line(self.left, y, self.right, y, "grid")
            self.text(self.left - 8, y + 4, words(tick), "tick", "end")
        self.text(0, 13, title, "axis-title")

    def svg(self, class_: str = "") -> Element:
        """Return the picture."""
        # A label, not a <title>, which browsers show as the tooltip of every mark that has none.
        return el(
            "svg",
            self._parts,
            viewBox=f"0 0 {number(self.width)} {number(self.height)}",
            role="img",
            aria_label=f"{self.title}. {self.description}",
            class_=f"chart {class_}".strip(),
        )
