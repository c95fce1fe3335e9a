"""Memory against its limit over time, in the trial that the report shows in detail."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Purpose
from modelprofiler.metrics.series import thinned
from modelprofiler.report.charts.plot import Plot, Scale, binary_ticks
from modelprofiler.report.charts.shapes import Chart, Circle
from modelprofiler.report.formats import format_bytes
from modelprofiler.report.record import RunRecord, TrialRecord
from modelprofiler.report.summary import detailed_trial

FEWEST_SAMPLES = 3
"""Fewer are no curve."""
_TEXT_HEIGHT = 20
"""Pixels below which two labels would lie on each other."""
_FAR = 4.0
"""A limit of more than this many times the peak is not drawn to scale: the curve would be flat."""
_MOST_DOTTED = 16
"""Up to this many samples each is drawn as a dot: a cluster's are 10 to 20 s apart, and nothing is known in between."""
MOST_POINTS = 240
"""Points of the curve at most, so that one has about two pixels: a run on this machine takes ten samples a second."""


def memory_over_time(
    record: RunRecord, width: float = 420, height: float = 300, *, soak: bool = False
) -> tuple[Chart, TrialRecord] | None:
    """Return the working set over time and the trial that it is of; None where too few samples were kept.

    It is the trial that the report shows in detail, or the last soak.
    """
    soaks = [t for t in record.trials if t.trial.purpose is Purpose.SOAK and len(t.memory) >= FEWEST_SAMPLES]
    last_soak = soaks[-1] if soaks else None
    shown = last_soak if soak else detailed_trial(record)
    if shown is None or len(shown.memory) < FEWEST_SAMPLES:
        return None
    limit = shown.trial.limits.memory
    start = (shown.load.warmup_started if shown.load else None) or shown.memory[0].time
    samples = [(s.time - start, s.value) for s in thinned(shown.memory, MOST_POINTS)]
    peak = max(value for _, value in samples)
    far = limit is not None and limit.bytes > _FAR * peak
    high = 1.5 * peak if far else max(peak, limit.bytes if limit is not None else 0)
    description = f"The working set peaked at {format_bytes(peak)}" + (f" of {limit}." if limit is not None else ".")
    plot = Plot(width, height, f"Memory of trial {shown.trial.index} over time", description)
    x = Scale(samples[0][0], max(samples[-1][0], samples[0][0] + 1), plot.left, plot.right)
    y = Scale(0.0, max(high * 1.12, 1.0), plot.bottom, plot.top)
    _draw_window(plot, x, shown, start)
    plot.y_axis(y, format_bytes, "working set", binary_ticks(y.high))
    plot.x_axis(x, x.ticks(6), lambda v: f"{v:.0f} s", "time since the load began")
    curve = [(x(time), y(value)) for time, value in samples]
    plot.path(curve, "area", close_to=plot.bottom)
    plot.path(curve, "series")
    if len(curve) <= _MOST_DOTTED:
        plot.add(*(Circle(px, py, 3, "dot") for px, py in curve))
    _draw_peak(plot, y, shown, peak)
    if limit is not None:
        _draw_limit(plot, y, limit, far=far)
    return plot.chart(), shown


def _draw_window(plot: Plot, x: Scale, shown: TrialRecord, start: float) -> None:
    load = shown.load
    if load is not None and load.window_started and load.window_ended:
        begin, end = x(load.window_started - start), x(load.window_ended - start)
        plot.rectangle(begin, plot.top, end, plot.bottom, "window")
        plot.text(begin + 6, plot.bottom - 8, "measured window", "note")


def _draw_peak(plot: Plot, y: Scale, shown: TrialRecord, sampled: float) -> None:
    """Draw the recorded peak: the kernel's own is higher than any sample."""
    memory = shown.trial.usage.memory if shown.trial.usage is not None else None
    if memory is None:
        return
    at = max(float(memory.peak.bytes), sampled)
    plot.line(plot.left, y(at), plot.right, y(at), "peak")
    limit = shown.trial.limits.memory
    near = limit is not None and 0 <= y(at) - y(limit.bytes) < _TEXT_HEIGHT
    plot.text(plot.left + 6, y(at) + (14 if near else -6), f"peak {format_bytes(at)}", "note")


def _draw_limit(plot: Plot, y: Scale, limit: Quantity, *, far: bool) -> None:
    if far:
        plot.text(plot.right, plot.top + 12, f"limit {limit}, far above", "objective-label", "end")
        return
    plot.line(plot.left, y(limit.bytes), plot.right, y(limit.bytes), "objective")
    plot.text(plot.right, y(limit.bytes) - 6, f"limit {limit}", "objective-label", "end")
