"""A run as one page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from importlib import resources

from modelprofiler import __version__
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.report import figures
from modelprofiler.report.charts import marks
from modelprofiler.report.markup import Element, el, to_html
from modelprofiler.report.notes import notes
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import Column, says_more, table
from modelprofiler.report.summary import (
    State,
    Summary,
    objective_words,
    provenance_rows,
    seconds_words,
    shown_trial,
)
from modelprofiler.report.terms import TERMS

_STATE_CLASSES = {State.VERIFIED: "good", State.NOT_VERIFIED: "warn", State.FAILED: "bad", State.UNFINISHED: "idle"}


def render(record: RunRecord) -> str:
    """Return the page.

    Whatever a user or a server wrote is text in it, never markup.
    """
    name = record.profile.metadata.name
    page = el(
        "html",
        el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("title", f"{name}: {Summary.of(record).title}"),
            el("style", resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")),
        ),
        el("body", el("main", _header(record), _answer(record), figures.all_of(record), _trials(record), _end(record))),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{to_html(page)}\n"


def _header(record: RunRecord) -> Element:
    profile = record.profile
    model = profile.spec.model
    version = f"{model.name or ''} {model.version or ''}".strip() if model is not None else ""
    when = profile.status.completion_time or profile.status.start_time
    about = [f"namespace {profile.metadata.namespace}", f"model {version}" if version else ""]
    about.append(f"{when:%d %B %Y, %H:%M} UTC".lstrip("0") if when is not None else "")
    return el("header", el("h1", profile.metadata.name), el("p", " · ".join(a for a in about if a), class_="soft"))


def _answer(record: RunRecord) -> Element:
    summary = Summary.of(record)
    state = el("span", summary.state.value, class_=f"state {_STATE_CLASSES[summary.state]}")
    found = summary.recommendation
    items = [el("li", sentence) for sentence in notes(record)]
    note_list = el("ul", items, class_="notes", aria_label="Notes") if items else None
    if found is None:
        objective = el("p", f"Asked for: {objective_words(record.profile.spec)}.", class_="soft")
        words = [state, el("h2", summary.title), el("p", summary.message), objective, note_list]
        return el("section", words, class_="card", aria_label="Result")
    today = f"Today: {found.current.cpu or 'no'} CPU, {found.current.memory or 'no'} memory." if found.current else None
    return el(
        "section",
        el(
            "div",
            el(
                "div",
                state,
                el("dl", _figures(record, summary), class_="figures"),
                el("p", summary.verdict),
                el("p", found.explanation) if found.explanation else None,
                el("p", today) if today else None,
                class_="words",
            ),
            el("pre", el("code", _manifest(found)), tabindex="0",
               aria_label="The recommendation for a manifest"),
            class_="answer",
        ),
        note_list,
        class_="card",
        aria_label="Recommendation",
    )  # fmt: skip


def _figures(record: RunRecord, summary: Summary) -> list[Element]:
    """Return the headline: what to ask for, and what it gives."""
    found = summary.recommendation
    assert found is not None
    size = found.requests
    limit = "request and limit" if found.limits.cpu == size.cpu else "request, no limit"
    rows = [
        (str(size.cpu or "none"), f"CPU, {limit}", ""),
        (str(size.memory or "none"), "memory, request and limit", ""),
    ]
    shown = shown_trial(record)
    if shown is not None and shown.trial.load is not None and found.verification is not None:
        judged, usage = shown.trial.judged, shown.trial.usage
        if judged is not None:
            rows.append((judged.value, f"{judged.metric}, objective {judged.threshold}", "small"))
        cost = usage.cpu_time_per_request if usage is not None else None
        if cost is not None:
            rows.append((seconds_words(cost.seconds), "CPU time of a request", "small"))
    return [el("div", el("dt", label), el("dd", value), class_=style or None) for value, label, style in rows]


def _manifest(found: ContainerRecommendation) -> str:
    lines = ["env:"] if found.env else []
    # Their values look like numbers, and a manifest wants strings.
    lines += [f'- {{name: {variable.name}, value: "{variable.value}"}}' for variable in found.env]
    lines.append("resources:")
    for name, size in (("requests", found.requests), ("limits", found.limits)):
        sizes = [f"    {key}: {value}" for key, value in (("cpu", size.cpu), ("memory", size.memory)) if value]
        lines += [f"  {name}:", *sizes] if sizes else []
    return "\n".join(lines)


def _trials(record: RunRecord) -> Element:
    trials = record.profile.status.trials
    if not trials:
        return el("section", el("h2", "Trials"), el("p", "No trial has finished."), class_="card")
    columns, cells = table(trials)
    found = Summary.of(record).recommendation
    proof = found.verification.trial if found is not None and found.verification is not None else None
    head = el("tr", [_heading(column) for column in columns])
    bodies = []
    for trial, row in zip(trials, cells, strict=True):
        line = [_cell(column, text, marks.kind(trial)) for column, text in zip(columns, row, strict=True)]
        said = el("tr", el("td", trial.message, colspan=str(len(columns))), class_="said") if says_more(trial) else None
        bodies.append(el("tbody", el("tr", line, class_="chosen-row" if trial.index == proof else None), said))
    shown = el("table", el("caption", el("h2", "Trials")), el("thead", head), bodies)
    return el("section", el("div", shown, class_="scroll", tabindex="0", role="region", aria_label="Trials"),
              class_="card trials")  # fmt: skip


def _heading(column: Column) -> Element:
    style = "number" if column.number else None
    return el("th", el("abbr", column.title, title=column.meaning), scope="col", class_=style)


def _cell(column: Column, text: str, kind: str) -> Element:
    style = "number" if column.number else None
    content = el("span", text, class_=f"outcome {kind}") if column.title == "outcome" else text
    if column.title == "trial":
        return el("th", content, scope="row", class_=style, data_label=column.title)
    return el("td", content, class_=style, data_label=column.title)


def _end(record: RunRecord) -> list[Element]:
    rows = [(el("dt", name), el("dd", value)) for name, value in provenance_rows(record)]
    terms = [(el("dt", name), el("dd", meaning)) for name, meaning in TERMS.items()]
    return [
        el("section", el("h2", "Where the numbers come from"), el("dl", rows, class_="rows"), class_="card"),
        el("section", el("details", el("summary", "Terms"), el("dl", terms, class_="rows")), class_="card"),
        el("footer", f"Made by modelprofiler {__version__}."),
    ]
