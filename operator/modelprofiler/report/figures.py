"""The charts of the page, each with its caption and legend."""

from __future__ import annotations

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import INCONCLUSIVE, Outcome
from modelprofiler.report.charts.bars import cost_chart, cost_of, memory_chart
from modelprofiler.report.charts.latency import latency_chart
from modelprofiler.report.charts.marks import legend_mark
from modelprofiler.report.charts.memory import memory_over_time
from modelprofiler.report.charts.percentiles import percentile_chart
from modelprofiler.report.markup import Child, Element, el
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import shown_trial, size_words


def all_of(record: RunRecord) -> list[Element]:
    """Return every chart that the record has the figures for."""
    small = [found for make in (_percentiles, _memory_over_time, _cost, _memory) if (found := make(record)) is not None]
    latency = _latency(record)
    return [part for part in (latency, el("div", small, class_="charts") if small else None) if part is not None]


def _figure(title: str, chart: Child, caption: str, legend: Element | None = None) -> Element:
    return el("figure", el("h2", title), chart, legend, el("figcaption", caption), class_="card")


def _latency(record: RunRecord) -> Element | None:
    wide, narrow = latency_chart(record), latency_chart(record, 400, 420)
    if wide is None or narrow is None:
        return None
    trials = record.profile.status.trials
    keys = [
        (any(t.outcome is Outcome.PASSED for t in trials), "passed fresh", False, "met the objectives"),
        (any(t.outcome not in INCONCLUSIVE | {Outcome.PASSED} for t in trials), "failed fresh", True, "missed them"),
        (any(t.outcome in INCONCLUSIVE for t in trials), "idle fresh", False, "said nothing about the size"),
        (any(not t.fresh for t in trials), "passed resized", False, "hollow: resized while it ran"),
    ]
    legend = [el("li", legend_mark(style, diamond=diamond), words) for used, style, diamond, words in keys if used]
    caption = (
        "A mark is a trial, with its number. The bar is its 95 % interval: where the true value lies, as far as this "
        "trial can tell. Below the dashed line the objective is met."
    )
    charts = [el("div", wide, class_="wide"), el("div", narrow, class_="narrow")]
    return _figure("Latency against CPU", charts, caption, el("ul", legend, class_="legend"))


def _percentiles(record: RunRecord) -> Element | None:
    found = percentile_chart(record)
    if found is None:
        return None
    chart, shown, reference = found
    caption = f"Trial {shown.trial.index}, {size_words(shown.trial.limits)}"
    if reference is not None:
        caption += f"; in grey trial {reference.trial.index}, {size_words(reference.trial.limits)}"
    caption += ". To the right are the slowest requests: each further nine is one step. Bars are 95 % intervals."
    return _figure("Latency of all requests", chart, caption)


def _memory_over_time(record: RunRecord) -> Element | None:
    found = memory_over_time(record)
    if found is None:
        return None
    chart, shown = found
    caption = (
        f"Trial {shown.trial.index}. The working set is what the kernel cannot take back when memory gets short; "
        "at the limit the server is killed."
    )
    return _figure("Memory over time", chart, caption)


def _memory(record: RunRecord) -> Element | None:
    chart = memory_chart(record)
    if chart is None:
        return None
    caption = (
        "The most memory of each trial; the pale bar is what it was held to, which may "
        "go on beyond the edge. A trial without a bar was not measured."
    )
    return _figure("Memory by trial", chart, caption)


def _cost(record: RunRecord) -> Element | None:
    chart = cost_chart(record)
    if chart is None:
        return None
    caption = "What a completed request costs. It hardly depends on the limit: what changes there is the waiting."
    shown = shown_trial(record)
    if shown is not None and (cost := cost_of(shown.trial)) is not None:
        hours = Quantity.decimal(cost * 1e6 / 3600, 3)
        caption += f" A million requests take {hours} hours of one CPU (trial {shown.trial.index})."
    return _figure("CPU time of a request", chart, caption)
