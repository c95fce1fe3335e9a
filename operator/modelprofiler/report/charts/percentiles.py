"""How latency is distributed: the latency that a share of the requests did not exceed, up to the slowest."""

from __future__ import annotations

import math
from dataclasses import dataclass

from modelprofiler.api.trial import LoadStatus, Purpose
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.core.stats import PERCENTILES
from modelprofiler.load.histogram import Histogram
from modelprofiler.report.charts.plot import Plot, Scale, latency_scale
from modelprofiler.report.charts.shapes import Chart, Circle
from modelprofiler.report.formats import format_seconds
from modelprofiler.report.record import RunRecord, TrialRecord
from modelprofiler.report.summary import detailed_trial

_POINTS = 80
"""Points of a curve: one every four pixels."""


@dataclass(frozen=True, slots=True)
class PercentileChart:
    """The chart, the trial that it shows, and the reference trial, drawn in grey where it is another one."""

    chart: Chart
    shown: TrialRecord
    reference: TrialRecord | None


def percentile_chart(record: RunRecord, width: float = 420, height: float = 300) -> PercentileChart | None:
    """Return the chart; None where no histogram was kept."""
    shown = detailed_trial(record)
    histogram = _histogram(shown)
    if shown is None or histogram is None or shown.trial.load is None:
        return None
    reference = _reference(record, shown)
    furthest = max(_place(1 - 1 / histogram.n), _place(0.99))
    bounds = latency_bounds(record.profile.spec, reference_among(record.profile.status.trials))
    objectives = {name: bounds[name] for name in PERCENTILES if name in bounds}
    curves = [(histogram, "series")]
    if (grey := _histogram(reference)) is not None:
        curves.insert(0, (grey, "series muted"))
    values = [latency for curve, _ in curves for latency in (curve.min, curve.max)]
    plot = Plot(width, height, f"Latency by percentile, trial {shown.trial.index}", _description(shown.trial.load))
    x = Scale(0.0, furthest, plot.left, plot.right)
    y = latency_scale([*values, *objectives.values()], plot.bottom, plot.top)
    plot.y_axis(y, lambda v: format_seconds(v, 2), "latency" + (", logarithmic" if y.log else ""))
    shares = [share for share in (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999) if _place(share) <= furthest]
    plot.x_axis(x, [_place(s) for s in shares], _format_share, "share of requests that were at least this fast")
    for name, bound in objectives.items():
        _draw_objective(plot, x(_place(PERCENTILES[name])), y(bound), f"{name} ≤ {format_seconds(bound)}")
    for curve, style in curves:
        plot.path(_curve(curve, x, y), style)
    _draw_intervals(plot, x, y, shown.trial.load)
    return PercentileChart(plot.chart(), shown, reference)


def _histogram(trial: TrialRecord | None) -> Histogram | None:
    """Return the latencies of a trial; None where none were kept."""
    return trial.load.histogram if trial is not None and trial.load is not None and trial.load.histogram.n else None


def _reference(record: RunRecord, shown: TrialRecord) -> TrialRecord | None:
    """Return the first reference trial with a histogram, unless it is the one shown."""
    references = [t for t in record.trials if t.trial.purpose is Purpose.REFERENCE and _histogram(t) is not None]
    return references[0] if references and references[0].trial.index != shown.trial.index else None


def _place(share: float) -> float:
    """Return where a percentile is on the axis: 90 %, 99 % and 99.9 % are equally far apart."""
    return -math.log10(1 - share)


def _format_share(place: float) -> str:
    return f"{100 * (1 - 10**-place):.5g}%"


def _curve(histogram: Histogram, x: Scale, y: Scale) -> list[tuple[float, float]]:
    end = _place(1 - 1 / histogram.n) if histogram.n > 1 else 0.0
    points = []
    for i in range(_POINTS + 1):
        place = min(end, x.high) * i / _POINTS
        value = histogram.quantile(1 - 10**-place)
        if value is not None:
            points.append((x(place), y(value)))
    return points


def _draw_objective(plot: Plot, x: float, y: float, label: str) -> None:
    plot.line(x, plot.bottom, x, y, "drop")
    plot.line(x - 14, y, x + 14, y, "objective solid")
    plot.text(x - 18, y + 4, label, "objective-label", "end")


def _draw_intervals(plot: Plot, x: Scale, y: Scale, load: LoadStatus) -> None:
    for name, share in PERCENTILES.items():
        value, low, high = (getattr(part, name) for part in (load.latency, load.latency_low, load.latency_high))
        if value is None or _place(share) > x.high:
            continue
        at = x(_place(share))
        if low is not None and high is not None:
            plot.line(at, y(max(low.seconds, y.low)), at, y(high.seconds), "interval series-interval")
        tooltip = f"{name} {value}" + (f" ({low} to {high})" if low and high else "")
        plot.add(Circle(at, y(value.seconds), 4, "dot", tooltip))


def _description(load: LoadStatus) -> str:
    values = [(name, getattr(load.latency, name)) for name in ("p50", "p95", "p99", "max")]
    return ", ".join(f"{name} {value}" for name, value in values if value is not None) + "."
