"""A run as one HTML page that loads nothing: no script, font or picture from anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.report import html
from modelprofiler.report.charts import marks
from modelprofiler.report.figures import latency_figure, small_figures
from modelprofiler.report.formats import format_seconds
from modelprofiler.report.insight import rows_of_run
from modelprofiler.report.notes import notes
from modelprofiler.report.provenance import describe_model, describe_objectives, provenance_rows
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import Column, adds_information, table
from modelprofiler.report.summary import State, Summary, detailed_trial
from modelprofiler.report.terms import TERMS
from modelprofiler.report.usage import cpu_seconds_per_request
from modelprofiler.version import __version__

_STATE_CLASSES = {State.VERIFIED: "good", State.NOT_VERIFIED: "warn", State.FAILED: "bad", State.UNFINISHED: "idle"}


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of the headline with its label."""

    text: str
    label: str
    large: bool = False


@dataclass(frozen=True, slots=True)
class _TrialRow:
    """A trial of the table: its cells, its message where that says more, and whether it verified the recommendation."""

    cells: list[tuple[Column, str]]
    kind: str
    message: str
    confirming: bool


def render(record: RunRecord) -> str:
    """Return the page of a run, finished or not."""
    summary = Summary.of(record)
    recommendation = summary.recommendation
    columns, cells = table(record.profile.status.trials)
    return html.render(
        "page.html.j2",
        name=record.profile.metadata.name,
        about=_about(record),
        summary=summary,
        state_class=_STATE_CLASSES[summary.state],
        recommendation=recommendation,
        headline=_headline(record, recommendation) if recommendation is not None else [],
        manifest=_manifest(recommendation) if recommendation is not None else "",
        objectives=describe_objectives(record.profile.spec),
        notes=notes(record),
        latency_figure=latency_figure(record),
        small_figures=small_figures(record),
        columns=columns,
        trials=_trial_rows(record, columns, cells),
        row_facts=rows_of_run(record),
        provenance=provenance_rows(record),
        terms=TERMS.items(),
        version=__version__,
    )


def _about(record: RunRecord) -> list[str]:
    """Return what stands beside the name: namespace, model and date."""
    profile = record.profile
    model = describe_model(profile.spec)
    moment = profile.status.completion_time or profile.status.start_time
    parts = [f"namespace {profile.metadata.namespace}", f"model {model}" if model else ""]
    parts.append(f"{moment:%d %B %Y, %H:%M} UTC".lstrip("0") if moment is not None else "")
    return [part for part in parts if part]


def _headline(record: RunRecord, recommendation: ContainerRecommendation) -> list[_Value]:
    """Return the recommended size, and what was measured at it where that was verified."""
    size = recommendation.requests
    limit = "request and limit" if recommendation.limits.cpu == size.cpu else "request, no limit"
    values = [
        _Value(str(size.cpu or "none"), f"CPU, {limit}", large=True),
        _Value(str(size.memory or "none"), "memory, request and limit", large=True),
    ]
    shown = detailed_trial(record)
    if shown is None or recommendation.verification is None:
        return values
    if (judged := shown.trial.judged) is not None:
        values.append(_Value(judged.value, f"{judged.metric}, objective {judged.threshold}"))
    if (seconds := cpu_seconds_per_request(shown.trial)) is not None:
        values.append(_Value(format_seconds(seconds), "CPU time of a request"))
    return values


def _manifest(recommendation: ContainerRecommendation) -> str:
    """Return the recommendation as it stands in a container of a manifest."""
    lines = ["env:"] if recommendation.env else []
    # Their values look like numbers, and a manifest wants strings.
    lines += [f'- {{name: {variable.name}, value: "{variable.value}"}}' for variable in recommendation.env]
    lines.append("resources:")
    for name, size in (("requests", recommendation.requests), ("limits", recommendation.limits)):
        sizes = [f"    {key}: {value}" for key, value in (("cpu", size.cpu), ("memory", size.memory)) if value]
        lines += [f"  {name}:", *sizes] if sizes else []
    return "\n".join(lines)


def _trial_rows(record: RunRecord, columns: list[Column], cells: list[list[str]]) -> list[_TrialRow]:
    recommendation = Summary.of(record).recommendation
    verification = recommendation.verification if recommendation is not None else None
    confirming = verification.trial if verification is not None else None
    return [
        _TrialRow(
            list(zip(columns, row, strict=True)),
            marks.kind(trial),
            trial.message if adds_information(trial) else "",
            trial.index == confirming,
        )
        for trial, row in zip(record.profile.status.trials, cells, strict=True)
    ]
