"""The charts of the page, each with its heading, caption and legend."""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import INCONCLUSIVE, Outcome
from modelprofiler.report.charts.bars import cost_chart, memory_chart
from modelprofiler.report.charts.latency import latency_chart
from modelprofiler.report.charts.memory import memory_over_time
from modelprofiler.report.charts.percentiles import percentile_chart
from modelprofiler.report.charts.shapes import Chart, Mark
from modelprofiler.report.formats import format_size
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import detailed_trial
from modelprofiler.report.usage import cpu_seconds_per_request


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A mark and what it means."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its text.

    Attributes
    ----------
    title, caption
        What stands above and below it.
    chart
        The chart.
    narrow
        The chart that small screens get instead; where absent, they get the same.
    legend
        What the marks mean.
    """

    title: str
    caption: str
    chart: Chart
    narrow: Chart | None = None
    legend: tuple[LegendEntry, ...] = ()


def latency_figure(record: RunRecord) -> Figure | None:
    """Return latency against CPU; None where no trial measured a latency."""
    wide, narrow = latency_chart(record), latency_chart(record, 400, 420)
    if wide is None or narrow is None:
        return None
    caption = (
        "Each mark is a trial, with its number. The bar is its 95 % interval, which contains the true value with 95 % "
        "confidence. Below the dashed line the objective is met."
    )
    return Figure("Latency against CPU", caption, wide, narrow, _legend(record))


def small_figures(record: RunRecord) -> list[Figure]:
    """Return every other chart for which the record has the measurements."""
    figures = (_percentiles(record), _memory_over_time(record), _soak(record), _cost(record), _memory(record))
    return [figure for figure in figures if figure is not None]


def _legend(record: RunRecord) -> tuple[LegendEntry, ...]:
    trials = record.profile.status.trials
    failures = INCONCLUSIVE | {Outcome.PASSED}
    entries = [
        (any(t.outcome is Outcome.PASSED for t in trials), "passed fresh", "met the objectives"),
        (any(t.outcome not in failures for t in trials), "failed fresh", "missed the objectives"),
        (any(t.outcome in INCONCLUSIVE for t in trials), "idle fresh", "says nothing about the size"),
        (any(not t.fresh for t in trials), "passed resized", "hollow: resized while it ran"),
    ]
    return tuple(
        LegendEntry(Mark(8, 8, 5.5, style, "", diamond=style.startswith("failed")), text)
        for present, style, text in entries
        if present
    )


def _percentiles(record: RunRecord) -> Figure | None:
    percentiles = percentile_chart(record)
    if percentiles is None:
        return None
    shown, reference = percentiles.shown.trial, percentiles.reference
    caption = f"Trial {shown.index}, {format_size(shown.limits)}"
    if reference is not None:
        caption += f"; in grey trial {reference.trial.index}, {format_size(reference.trial.limits)}"
    caption += ". The slowest requests are on the right: 90 %, 99 % and 99.9 % are equally far apart. "
    return Figure("Latency of all requests", caption + "Bars are 95 % intervals.", percentiles.chart)


def _memory_over_time(record: RunRecord) -> Figure | None:
    memory = memory_over_time(record)
    if memory is None:
        return None
    chart, shown = memory
    caption = (
        f"Trial {shown.trial.index}. The working set is the memory that the kernel cannot reclaim; when it reaches the "
        "limit, the server is killed."
    )
    return Figure("Memory over time", caption, chart)


def _soak(record: RunRecord) -> Figure | None:
    memory, detailed = memory_over_time(record, soak=True), detailed_trial(record)
    if memory is None or (detailed is not None and detailed.trial.index == memory[1].trial.index):
        return None
    chart, shown = memory
    caption = (
        f"Trial {shown.trial.index}, {format_size(shown.trial.limits)}. A long window shows whether memory goes on "
        "growing: a leak stays a straight line, and a cache or a heap bends."
    )
    return Figure("Memory in the soak", caption, chart)


def _memory(record: RunRecord) -> Figure | None:
    chart = memory_chart(record)
    if chart is None:
        return None
    caption = (
        "The peak of memory in each trial. The pale bar is the limit, which may continue beyond the edge. "
        "Trials whose memory was not measured are left out."
    )
    return Figure("Memory by trial", caption, chart)


def _cost(record: RunRecord) -> Figure | None:
    chart = cost_chart(record)
    if chart is None:
        return None
    caption = "What a completed request costs. The limit hardly changes it: it changes how long requests wait."
    shown = detailed_trial(record)
    if shown is not None and (seconds := cpu_seconds_per_request(shown.trial)) is not None:
        hours = Quantity.decimal(seconds * 1e6 / 3600, 3)
        caption += f" A million requests take {hours} hours of one CPU (trial {shown.trial.index})."
    return Figure("CPU time of a request", caption, chart)
