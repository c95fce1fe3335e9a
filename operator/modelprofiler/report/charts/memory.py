"""Memory against its limit over time, in the confirming trial."""

from __future__ import annotations

from modelprofiler.metrics.series import thinned
from modelprofiler.report.charts.plot import Plot, Scale, binary_ticks
from modelprofiler.report.markup import Element, el
from modelprofiler.report.record import RunRecord, TrialRecord
from modelprofiler.report.summary import bytes_words, shown_trial

FEWEST_SAMPLES = 3
_TEXT_HEIGHT = 20
_FAR = 4.0
"""A limit of more than so many times the peak is only named: drawn to scale, it would press the curve to the ground."""
_FEW = 16
"""Up to here every sample is marked: a cluster's are 10 to 20 s apart, and between them nothing is known."""
MOST_POINTS = 240
"""A line of two pixels a point: ten samples a second would be drawn on each other."""


def memory_over_time(record: RunRecord, width: float = 420, height: float = 300) -> tuple[Element, TrialRecord] | None:
    """Return memory of the confirming trial over time, and the trial; None where too few samples were kept."""
    shown = shown_trial(record)
    if shown is None or len(shown.memory) < FEWEST_SAMPLES:
        return None
    limit = shown.trial.limits.memory
    start = (shown.load.warmup_started if shown.load else None) or shown.memory[0].time
    samples = [(s.time - start, s.value) for s in thinned(shown.memory, MOST_POINTS)]
    peak = max(value for _, value in samples)
    far = limit is not None and limit.bytes > _FAR * peak
    high = 1.5 * peak if far else max(peak, limit.bytes if limit is not None else 0)
    where = f"Memory of trial {shown.trial.index} over time: it peaked at {bytes_words(peak)}"
    plot = Plot(width, height, "Memory over time", where + (f" of {limit}." if limit is not None else "."))
    x = Scale(samples[0][0], max(samples[-1][0], samples[0][0] + 1), plot.left, plot.right)
    y = Scale(0.0, high * 1.12, plot.bottom, plot.top)
    if shown.load is not None and shown.load.window_started and shown.load.window_ended:
        begin, end = x(shown.load.window_started - start), x(shown.load.window_ended - start)
        plot.rect(begin, plot.top, end, plot.bottom, "window")
        plot.text(begin + 6, plot.bottom - 8, "measured window", "note")
    plot.y_axis(y, bytes_words, "working set", binary_ticks(y.high))
    plot.x_axis(x, x.ticks(6), lambda v: f"{v:.0f} s", "time since the load began")
    drawn = [(x(t), y(v)) for t, v in samples]
    plot.path(drawn, "area", close_to=plot.bottom)
    plot.path(drawn, "series")
    if len(drawn) <= _FEW:
        plot.add(*(el("circle", cx=px, cy=py, r=3, class_="dot") for px, py in drawn))
    _peak(plot, y, shown, peak)
    if limit is not None and far:
        plot.text(plot.right, plot.top + 12, f"limit {limit}, far above", "objective-label", "end")
    elif limit is not None:
        plot.line(plot.left, y(limit.bytes), plot.right, y(limit.bytes), "objective")
        plot.text(plot.right, y(limit.bytes) - 6, f"limit {limit}", "objective-label", "end")
    return plot.svg(), shown


def _peak(plot: Plot, y: Scale, shown: TrialRecord, sampled: float) -> None:
    """Draw the peak that was recorded: the kernel's own is higher than any sample."""
    memory = shown.trial.usage.memory if shown.trial.usage is not None else None
    if memory is None:
        return
    at = max(float(memory.peak.bytes), sampled)
    plot.line(plot.left, y(at), plot.right, y(at), "peak")
    limit = shown.trial.limits.memory
    near = limit is not None and 0 <= y(at) - y(limit.bytes) < _TEXT_HEIGHT
    plot.text(plot.left + 6, y(at) + (14 if near else -6), f"peak {bytes_words(at)}", "note")
