"""Latency against CPU: every trial with its interval, the objective, and the recommended size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Trial
from modelprofiler.report.charts import marks
from modelprofiler.report.charts.plot import LOG_FROM, Plot, Scale, latency_scale
from modelprofiler.report.charts.shapes import Chart
from modelprofiler.report.formats import format_seconds
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import Summary, judged_latency

_LANE = 30
"""Height in pixels of the lane above the drawing area, in which trials without a latency are marked."""
_LABEL_HEIGHT = 8
"""Pixels that keep the label of the recommended size, above the lane, off the title of the axis."""
_INTERVALS_APART = 9.0
"""Pixels between two intervals: their end bars are 8 wide."""


@dataclass(frozen=True, slots=True)
class _Point:
    """A trial with its CPU limit in millicores, and its latency and the ends of its interval in seconds."""

    trial: Trial
    cpu: float
    value: float
    low: float
    high: float


def latency_chart(record: RunRecord, width: float = 860, height: float = 400) -> Chart | None:
    """Return the chart; None where no trial measured a latency."""
    metric, bound = judged_latency(record)
    points, without_latency = _points(record.profile.status.trials, metric)
    if not points:
        return None
    recommendation = Summary.of(record).recommendation
    chosen = recommendation.requests.cpu.millicores if recommendation and recommendation.requests.cpu else None
    description = _description(points, without_latency, metric, bound, chosen)
    plot = Plot(width, height, f"{metric} latency against CPU", description)
    plot.top += _LANE + _LABEL_HEIGHT if without_latency else 6
    y = _latency_scale(points, bound, plot)
    x = _cpu_scale(_cpu_sizes(record, points, without_latency, chosen), plot)
    if bound is not None:
        plot.rectangle(plot.left, y(bound), plot.right, plot.top, "too-slow")
    plot.y_axis(y, lambda v: format_seconds(v, 2), f"{metric} latency" + (", logarithmic" if y.log else ""))
    ticks = x.ticks(10 if width > 600 else 5)
    plot.x_axis(x, ticks, lambda v: str(Quantity.cpu(round(v))), "CPU limit" + (", logarithmic" if x.log else ""))
    if chosen is not None:
        _draw_recommended(plot, x(chosen), chosen, lane=bool(without_latency))
    if bound is not None:
        plot.line(plot.left, y(bound), plot.right, y(bound), "objective")
        plot.text(plot.right, y(bound) - 6, f"objective {metric} ≤ {format_seconds(bound)}", "objective-label", "end")
    _draw_points(plot, x, y, _confirmed_first(points, recommendation))
    _draw_without_latency(plot, x, without_latency)
    return plot.chart()


def _points(trials: list[Trial], metric: str) -> tuple[list[_Point], list[Trial]]:
    """Return the trials with a latency, and those without."""
    points, without_latency = [], []
    for trial in trials:
        value = getattr(trial.load.latency, metric) if trial.load is not None else None
        if value is None or value.seconds <= 0 or trial.limits.cpu is None or trial.load is None:
            without_latency.append(trial)
            continue
        low = getattr(trial.load.latency_low, metric) or value
        high = getattr(trial.load.latency_high, metric) or value
        points.append(_Point(trial, trial.limits.cpu.millicores, value.seconds, low.seconds, high.seconds))
    return points, without_latency


def _confirmed_first(points: list[_Point], recommendation: ContainerRecommendation | None) -> list[_Point]:
    """Return the points with the trial that verified the recommendation first: it stands exactly at its CPU."""
    confirming = recommendation.verification.trial if recommendation and recommendation.verification else None
    return sorted(points, key=lambda point: point.trial.index != confirming)


def _latency_scale(points: list[_Point], bound: float | None, plot: Plot) -> Scale:
    # An interval that begins below a third of its value would make the axis too long for the rest.
    values = [v for p in points for v in (p.value, p.high, max(p.low, p.value / 3))]
    return latency_scale([*values, *([bound] if bound else [])], plot.bottom, plot.top)


def _cpu_sizes(
    record: RunRecord, points: list[_Point], without_latency: list[Trial], chosen: int | None
) -> list[float]:
    """Return every CPU that the axis must show, in millicores."""
    sizes = [p.cpu for p in points] + [float(t.limits.cpu.millicores) for t in without_latency if t.limits.cpu]
    if len(set(sizes)) < 2 and (searched := record.profile.status.resources) is not None:
        sizes += [float(q.millicores) for q in (searched.cpu.min, searched.cpu.max) if q is not None]
    return [*sizes, *([float(chosen)] if chosen else [])]


def _cpu_scale(sizes: list[float], plot: Plot) -> Scale:
    low, high = min(sizes), max(sizes)
    if high > 1.5 * LOG_FROM * low:
        return Scale(low / 1.2, high * 1.2, plot.left, plot.right, log=True)
    room = max((high - low) * 0.07, 0.1 * high)
    return Scale(max(low - room, 0.0), high + room, plot.left, plot.right)


def _draw_recommended(plot: Plot, x: float, millicores: int, *, lane: bool) -> None:
    plot.line(x, plot.top - 6, x, plot.bottom, "chosen")
    anchor = "end" if x > plot.right - 90 else "middle"
    y = plot.top - 11 - (_LANE if lane else 0)
    plot.text(x, y, f"recommended {Quantity.cpu(millicores)}", "chosen-label", anchor)


def _draw_without_latency(plot: Plot, x: Scale, trials: list[Trial]) -> None:
    for trial in trials:
        if trial.limits.cpu is not None:
            plot.add(marks.mark(trial, x(trial.limits.cpu.millicores), plot.top - _LANE / 2))
    if trials:
        plot.text(plot.left - 8, plot.top - _LANE / 2 + 4, "none", "tick", "end")


def _draw_points(plot: Plot, x: Scale, y: Scale, points: list[_Point]) -> None:
    radius = marks.RADIUS if len(points) <= marks.MOST_NUMBERED else marks.SMALL_RADIUS
    placed: list[_Place] = []  # the first ones stand at their exact CPU
    drawn = []
    for point in points:
        exact = _Place(x(point.cpu), y(point.value), y(point.high), y(max(point.low, y.low)))
        at = _free_place(exact, placed, radius)
        placed.append(at)
        style = f"interval {marks.kind(point.trial)}"
        plot.line(at.x, at.top, at.x, at.bottom, style)
        for end in (at.top, at.bottom):
            plot.line(at.x - 4, end, at.x + 4, end, style)
        drawn.append(marks.mark(point.trial, at.x, at.y, radius))
    plot.add(*drawn)  # above every interval


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a mark is drawn, and its interval from `top` to `bottom`, in pixels."""

    x: float
    y: float
    top: float
    bottom: float

    def overlaps(self, other: _Place, radius: float) -> bool:
        """Whether the marks or the intervals would lie on each other."""
        apart = abs(self.x - other.x)
        marks_touch = apart < 2 * radius + 1 and abs(self.y - other.y) < 2 * radius + 1
        return marks_touch or (apart < _INTERVALS_APART and self.top < other.bottom and self.bottom > other.top)


def _free_place(exact: _Place, placed: list[_Place], radius: float) -> _Place:
    """Return the nearest place at which nothing is covered, at most two marks to either side; else the exact one."""
    step, width = _INTERVALS_APART, 2 * radius + 2
    for offset in (0.0, step, -step, width, -width, 2 * width, -2 * width):
        place = replace(exact, x=exact.x + offset)
        if not any(place.overlaps(other, radius) for other in placed):
            return place
    return exact


def _description(
    points: list[_Point], without_latency: list[Trial], metric: str, bound: float | None, chosen: int | None
) -> str:
    parts = [f"{len(points)} trials with a {metric} latency"]
    if bound is not None:
        within = sum(p.value <= bound for p in points)
        parts.append(f"{within} of them within the objective of {format_seconds(bound)}")
    if without_latency:
        parts.append(f"{len(without_latency)} without one, at the top")
    if chosen is not None:
        parts.append(f"{Quantity.cpu(chosen)} CPU is recommended")
    smallest = min(points, key=lambda p: p.cpu)
    parts.append(f"the smallest CPU limit is {Quantity.cpu(round(smallest.cpu))}")
    return ", ".join(parts) + ". The trial table has every value."
