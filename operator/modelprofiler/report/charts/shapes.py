"""What a chart consists of.

A chart is data. ``templates/chart.html.j2`` writes it as SVG, and escapes every text in it. `style` is always one or
more CSS classes of ``templates/page.css``, coordinates are pixels from the upper left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    kind: ClassVar[str] = "line"
    x1: float
    y1: float
    x2: float
    y2: float
    style: str


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle with its upper left corner at (`x`, `y`)."""

    kind: ClassVar[str] = "rectangle"
    x: float
    y: float
    width: float
    height: float
    style: str
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle around (`x`, `y`)."""

    kind: ClassVar[str] = "circle"
    x: float
    y: float
    radius: float
    style: str
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text at the baseline `y`; `anchor` (start, middle or end) says which part of it is at `x`."""

    kind: ClassVar[str] = "text"
    x: float
    y: float
    content: str
    style: str = "label"
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points.

    Attributes
    ----------
    points
        Pairs of coordinates, at least one.
    close_to
        Where given, the area between the line and this height is drawn instead.
    """

    kind: ClassVar[str] = "path"
    points: Sequence[tuple[float, float]]
    style: str
    close_to: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A trial's mark around (`x`, `y`), with its number in it where `label` is given."""

    kind: ClassVar[str] = "mark"
    x: float
    y: float
    radius: float
    style: str
    tooltip: str
    diamond: bool = False
    label: str = ""


Shape: TypeAlias = "Line | Rectangle | Circle | Text | Path | Mark"


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing.

    Attributes
    ----------
    width, height
        Of the whole drawing.
    label
        What it shows, for readers who do not see it.
    shapes
        In the order in which they are drawn.
    """

    width: float
    height: float
    label: str
    shapes: tuple[Shape, ...]
