"""The latency of a server that was measured as it runs: no size was tried, so nothing is recommended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus
from modelprofiler.api.trial import Judged, LoadStatus
from modelprofiler.core.text import head, printable
from modelprofiler.load.insight.facts import RowInsight
from modelprofiler.report.formats import NONE
from modelprofiler.report.insight import row_facts
from modelprofiler.report.provenance import describe_load, describe_objectives
from modelprofiler.version import __version__

LATENCY_ONLY = (
    "Latency only: the server was measured as it runs, and was neither started nor limited, so no size is recommended."
)
"""What such a measurement is; every form of it begins with this."""
LACKS = {
    "Pending": ", which only says that the work is accepted or that the model is not loaded",
    "NotJson": ", which is called JSON and is none",
}
"""What is said of answers that lack something else than a body."""
LONGEST_SAMPLE = 60
"""Characters of an answer that are shown on a line."""


class ObjectiveState(StrEnum):
    """Whether the objectives were met."""

    MET = "Met"
    MISSED = "Missed"
    NOT_KNOWN = "NotKnown"


@dataclass(frozen=True, slots=True)
class LatencyMeasurement:
    """One load on a running server.

    Attributes
    ----------
    url
        Where requests were sent.
    spec
        What was asked for; its server was not started.
    state, certain, message, judged
        Whether the objectives were met, whether that is certain at 95 % confidence, the reason as a sentence, and the
        metric that decided.
    load
        What was measured; None where the load did not begin.
    dataset
        The rows in numbers.
    notes
        Sentences that limit what the numbers are worth.
    rows
        What was learned of single rows; None where nothing was.
    started, completed
        When the measurement began and ended.
    """

    url: str
    spec: ModelProfileSpec
    state: ObjectiveState
    certain: bool
    message: str
    judged: Judged | None
    load: LoadStatus | None
    dataset: DatasetStatus
    notes: Sequence[str]
    started: datetime
    completed: datetime
    rows: RowInsight | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON data; what was not measured is absent."""
        data: dict[str, Any] = {
            "kind": "LatencyMeasurement",
            "scope": LATENCY_ONLY,
            "url": self.url,
            "objectives": self.spec.objectives.to_dict(),
            "result": {
                "objectives": str(self.state),
                "certain": self.certain,
                "message": self.message,
                **({"judged": self.judged.to_dict()} if self.judged is not None else {}),
            },
            "load": self.spec.load.to_dict(),
            "dataset": self.dataset.to_dict(),
            "notes": list(self.notes),
            "startTime": self.started.isoformat(),
            "completionTime": self.completed.isoformat(),
            "modelprofilerVersion": __version__,
        }
        if self.load is not None:
            data["measured"] = self.load.to_dict()
        if self.rows is not None:
            data["rows"] = self.rows.to_dict()
        return data

    def to_text(self) -> str:
        """Return the measurement as text for a terminal."""
        lines = [LATENCY_ONLY, "", *self._head()]
        if self.load is not None:
            lines += ["", *_latency_table(self.load), "", *_facts(self.load)]
        if (facts := row_facts(self.load, self.rows)) is not None:
            lines += ["", *facts.sentences, *facts.lines()]
        if self.notes:
            lines += ["", *(f"note: {note}" for note in self.notes)]
        return "\n".join(printable(line) for line in lines) + "\n"

    def _head(self) -> Iterator[str]:
        titles = {ObjectiveState.MET: "met", ObjectiveState.MISSED: "missed", ObjectiveState.NOT_KNOWN: "not known"}
        doubt = "" if self.certain or self.state is ObjectiveState.NOT_KNOWN else ", but not for certain"
        yield f"server      {self.url}"
        yield f"load        {describe_load(self.spec)}"
        yield f"asked for   {describe_objectives(self.spec)}"
        yield f"objectives  {titles[self.state]}{doubt}: {self.message}"


def _latency_table(load: LoadStatus) -> Iterator[str]:
    """Yield a line for each metric; a dash stands for what had too few requests."""
    yield f"{'latency':12}{'value':>10}   95% interval"
    for metric in LATENCY_METRICS:
        value, low, high = (getattr(part, metric) for part in (load.latency, load.latency_low, load.latency_high))
        interval = f"{low} to {high}" if low is not None and high is not None else NONE
        yield f"{metric:12}{value if value is not None else NONE!s:>10}   {interval}"


def _facts(load: LoadStatus) -> Iterator[str]:
    counts = load.failures_by_kind.to_dict() if load.failures_by_kind is not None else {}
    failures = ", ".join(f"{count} by {kind}" for kind, count in counts.items() if count)
    yield f"rate        {load.rate} requests/s completed"
    yield f"requests    {load.requests:,} in {load.duration}, of which {load.failures:,} failed" + (
        f": {failures}" if failures else ""
    )
    for kind in load.answers:
        sample = f", such as {head(kind.sample, LONGEST_SAMPLE)}" if kind.sample else ""
        error = ", which looks like a report of an error" if kind.error else LACKS.get(kind.lack or "", "")
        yield f"answers     {kind.answers:,} with status {kind.status}, warm-up included: {kind.shape}{error}{sample}"
    distinct = "" if load.distinct_rows is None else f" of {load.distinct_rows:,}"
    yield f"rows        {load.rows_covered:,}{distinct} distinct rows were sent"
    if load.first_request is not None:
        yield f"first       the first request took {load.first_request.duration}"
