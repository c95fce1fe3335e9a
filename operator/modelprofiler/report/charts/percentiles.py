"""How latency is spread: the latency that a share of the requests stays under, up to the slowest."""

from __future__ import annotations

import math

from modelprofiler.api.trial import LoadStatus, Purpose
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.intervals import PERCENTILES
from modelprofiler.report.charts.plot import Plot, Scale, latency_scale
from modelprofiler.report.markup import Element, el
from modelprofiler.report.record import RunRecord, TrialRecord
from modelprofiler.report.summary import seconds_words, shown_trial

_POINTS = 80


def percentile_chart(
    record: RunRecord, width: float = 420, height: float = 300
) -> tuple[Element, TrialRecord, TrialRecord | None] | None:
    """Return the chart, the trial that it shows, and the reference drawn beside it; None without a histogram."""
    shown = shown_trial(record)
    if shown is None or shown.load is None or not shown.load.histogram.n or shown.trial.load is None:
        return None
    reference = next(
        (t for t in record.trials if t.trial.purpose is Purpose.REFERENCE and t.load and t.load.histogram.n), None
    )
    if reference is not None and reference.trial.index == shown.trial.index:
        reference = None
    histogram = shown.load.histogram
    furthest = max(_place(1 - 1 / histogram.n), _place(0.99))
    bounds = latency_bounds(record.profile.spec, reference_among(record.profile.status.trials))
    objectives = {name: bounds[name] for name in PERCENTILES if name in bounds}
    curves = [(shown, "series")] if reference is None else [(reference, "series muted"), (shown, "series")]
    values = [v for trial, _ in curves if trial.load for v in (trial.load.histogram.min, trial.load.histogram.max)]
    plot = Plot(width, height, f"Latency by percentile, trial {shown.trial.index}", _description(shown.trial.load))
    x = Scale(0.0, furthest, plot.left, plot.right)
    y = latency_scale([*values, *objectives.values()], plot.bottom, plot.top)
    plot.y_axis(y, lambda v: seconds_words(v, 2), "latency" + (", logarithmic" if y.log else ""))
    shares = [q for q in (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999) if _place(q) <= furthest]
    plot.x_axis(x, [_place(q) for q in shares], _share_words, "share of requests that were at least this fast")
    for name, bound in objectives.items():
        at = x(_place(PERCENTILES[name]))
        plot.line(at, plot.bottom, at, y(bound), "drop")
        plot.line(at - 14, y(bound), at + 14, y(bound), "objective solid")
        plot.text(at - 18, y(bound) + 4, f"{name} ≤ {seconds_words(bound)}", "objective-label", "end")
    for trial, style in curves:
        if trial.load is not None:
            plot.path(_curve(trial.load.histogram, x, y), style)
    _intervals(plot, x, y, shown.trial.load)
    return plot.svg(), shown, reference


def _place(share: float) -> float:
    """Return where a percentile stands: each further nine is one unit to the right."""
    return -math.log10(1 - share)


def _share_words(place: float) -> str:
    return f"{100 * (1 - 10**-place):.5g}%"


def _curve(histogram: Histogram, x: Scale, y: Scale) -> list[tuple[float, float]]:
    end = _place(1 - 1 / histogram.n) if histogram.n > 1 else 0.0
    found = []
    for i in range(_POINTS + 1):
        place = min(end, x.high) * i / _POINTS
        value = histogram.quantile(1 - 10**-place)
        if value is not None:
            found.append((x(place), y(value)))
    return found


def _intervals(plot: Plot, x: Scale, y: Scale, load: LoadStatus) -> None:
    for name, share in PERCENTILES.items():
        value, low, high = (getattr(part, name) for part in (load.latency, load.latency_low, load.latency_high))
        if value is None or _place(share) > x.high:
            continue
        at = x(_place(share))
        if low is not None and high is not None:
            plot.line(at, y(max(low.seconds, y.low)), at, y(high.seconds), "interval series-interval")
        plot.add(_dot(at, y(value.seconds), f"{name} {value}" + (f" ({low} to {high})" if low and high else "")))


def _dot(x: float, y: float, words: str) -> Element:
    return el("circle", el("title", words), cx=x, cy=y, r=4, class_="dot")


def _description(load: LoadStatus) -> str:
    found = [(name, getattr(load.latency, name)) for name in ("p50", "p95", "p99", "max")]
    return ", ".join(f"{name} {value}" for name, value in found if value is not None) + "."
