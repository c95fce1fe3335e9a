"""Latency against CPU: every trial with its interval, the objective, and the recommended size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Trial
from modelprofiler.report.charts import marks
from modelprofiler.report.charts.plot import LOG_FROM, Plot, Scale, latency_scale
from modelprofiler.report.markup import Element
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import Summary, latency_metric, seconds_words

_LANE = 30
_INTERVALS_APART = 9.0


@dataclass(frozen=True, slots=True)
class _Point:
    trial: Trial
    cpu: float
    value: float
    low: float
    high: float


def latency_chart(record: RunRecord, width: float = 860, height: float = 400) -> Element | None:
    """Return the chart; None where no trial measured a latency."""
    metric, bound = latency_metric(record)
    points, silent = _points(record.profile.status.trials, metric)
    if not points:
        return None
    recommendation = Summary.of(record).recommendation
    chosen = recommendation.requests.cpu.millicores if recommendation and recommendation.requests.cpu else None
    plot = Plot(width, height, f"{metric} latency against CPU", _description(points, silent, metric, bound, chosen))
    plot.top += _LANE if silent else 6
    values = [v for p in points for v in (p.value, p.high)] + [max(p.low, p.value / 3) for p in points]
    y = latency_scale([*values, *([bound] if bound else [])], plot.bottom, plot.top)
    sizes = [p.cpu for p in points] + [float(t.limits.cpu.millicores) for t in silent if t.limits.cpu is not None]
    if len(set(sizes)) < 2 and (searched := record.profile.status.resources) is not None:
        sizes += [float(q.millicores) for q in (searched.cpu.min, searched.cpu.max) if q is not None]
    x = _cpu_scale([*sizes, *([float(chosen)] if chosen else [])], plot)
    if bound is not None:
        plot.rect(plot.left, y(bound), plot.right, plot.top, "too-slow")
    plot.y_axis(y, lambda v: seconds_words(v, 2), f"{metric} latency" + (", logarithmic" if y.log else ""))
    ticks = x.ticks(10 if width > 600 else 5)
    plot.x_axis(x, ticks, lambda v: str(Quantity.cpu(round(v))), "CPU limit" + (", logarithmic" if x.log else ""))
    if chosen is not None:
        plot.line(x(chosen), plot.top - 6, x(chosen), plot.bottom, "chosen")
        anchor = "end" if x(chosen) > plot.right - 90 else "middle"
        plot.text(x(chosen), plot.top - 11 - (_LANE if silent else 0), f"recommended {Quantity.cpu(chosen)}",
                  "chosen-label", anchor)  # fmt: skip
    if bound is not None:
        plot.line(plot.left, y(bound), plot.right, y(bound), "objective")
        plot.text(plot.right, y(bound) - 6, f"objective {metric} ≤ {seconds_words(bound)}", "objective-label", "end")
    proof = recommendation.verification.trial if recommendation and recommendation.verification else None
    _draw(plot, x, y, sorted(points, key=lambda p: p.trial.index != proof))
    for trial in silent:
        if trial.limits.cpu is not None:
            plot.add(marks.mark(trial, x(trial.limits.cpu.millicores), plot.top - _LANE / 2))
    if silent:
        plot.text(plot.left - 8, plot.top - _LANE / 2 + 4, "none", "tick", "end")
    return plot.svg()


def _points(trials: list[Trial], metric: str) -> tuple[list[_Point], list[Trial]]:
    """Return the trials with a latency, and those without."""
    points, silent = [], []
    for trial in trials:
        value = getattr(trial.load.latency, metric) if trial.load is not None else None
        if value is None or value.seconds <= 0 or trial.limits.cpu is None or trial.load is None:
            silent.append(trial)
            continue
        low, high = (getattr(part, metric) for part in (trial.load.latency_low, trial.load.latency_high))
        ends = (value if low is None else low, value if high is None else high)
        points.append(_Point(trial, trial.limits.cpu.millicores, value.seconds, ends[0].seconds, ends[1].seconds))
    return points, silent


def _cpu_scale(sizes: list[float], plot: Plot) -> Scale:
    low, high = min(sizes), max(sizes)
    if high > 1.5 * LOG_FROM * low:
        return Scale(low / 1.2, high * 1.2, plot.left, plot.right, log=True)
    room = max((high - low) * 0.07, 0.1 * high)
    return Scale(max(low - room, 0.0), high + room, plot.left, plot.right)


def _draw(plot: Plot, x: Scale, y: Scale, points: list[_Point]) -> None:
    radius = marks.RADIUS if len(points) <= marks.MOST_NUMBERED else marks.SMALL_RADIUS
    placed: list[_Place] = []  # the first ones stand at their exact CPU
    drawn = []
    for point in points:
        wanted = _Place(x(point.cpu), y(point.value), y(point.high), y(max(point.low, y.low)))
        at = _free(wanted, placed, radius)
        placed.append(at)
        style = f"interval {marks.kind(point.trial)}"
        plot.line(at.x, at.top, at.x, at.bottom, style)
        for end in (at.top, at.bottom):
            plot.line(at.x - 4, end, at.x + 4, end, style)
        drawn.append(marks.mark(point.trial, at.x, at.y, radius))
    plot.add(*drawn)  # above every interval


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a mark is drawn, and its interval from `top` to `bottom`."""

    x: float
    y: float
    top: float
    bottom: float

    def covers(self, other: _Place, radius: float) -> bool:
        """Whether the marks, or the intervals, would lie on each other."""
        apart = abs(self.x - other.x)
        marks_touch = apart < 2 * radius + 1 and abs(self.y - other.y) < 2 * radius + 1
        return marks_touch or (apart < _INTERVALS_APART and self.top < other.bottom and self.bottom > other.top)


def _free(wanted: _Place, placed: list[_Place], radius: float) -> _Place:
    """Return the place nearest to the wanted one at which nothing is covered; two marks to either side at most."""
    step, width = _INTERVALS_APART, 2 * radius + 2
    for offset in (0.0, step, -step, width, -width, 2 * width, -2 * width):
        place = replace(wanted, x=wanted.x + offset)
        if not any(place.covers(other, radius) for other in placed):
            return place
    return wanted


def _description(
    points: list[_Point], silent: list[Trial], metric: str, bound: float | None, chosen: int | None
) -> str:
    sentences = [f"{len(points)} trials with a {metric} latency"]
    if bound is not None:
        within = sum(p.value <= bound for p in points)
        sentences.append(f"{within} of them within the objective of {seconds_words(bound)}")
    if silent:
        sentences.append(f"{len(silent)} without, at the top")
    if chosen is not None:
        sentences.append(f"{Quantity.cpu(chosen)} CPU is recommended")
    smallest = min(points, key=lambda p: p.cpu)
    sentences.append(f"the smallest CPU tried is {Quantity.cpu(round(smallest.cpu))}")
    return ", ".join(sentences) + ". The trial table has every figure."
