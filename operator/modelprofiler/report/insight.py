"""What a load has learned of its rows, as tables and sentences: the same in text and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelprofiler.api.trial import AnswerKind, LoadStatus
from modelprofiler.core.text import row_size
from modelprofiler.load.insight.facts import Percentile, RowInsight, SlowRow
from modelprofiler.report.formats import NONE, format_seconds
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import detailed_trial


@dataclass(frozen=True, slots=True)
class RowTable:
    """A table: its title, its columns with their meanings, and the text of its cells."""

    title: str
    columns: tuple[tuple[str, str], ...]
    cells: list[list[str]]

    def lines(self) -> list[str]:
        """Return the table as lines of text, each column as wide as it has to be."""
        rows = [[title.upper() for title, _ in self.columns], *self.cells]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        return ["  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What is known of the rows of a load.

    Attributes
    ----------
    sentences, tables
        In the order in which they are shown.
    trial
        The trial they are about; None where there was a single load.
    """

    sentences: list[str]
    tables: list[RowTable]
    trial: int | None = None

    def lines(self) -> list[str]:
        """Return the tables as lines of text, an empty one between them."""
        return [line for table in self.tables for line in ("", table.title, *table.lines())]


def rows_of_run(record: RunRecord) -> RowFacts | None:
    """Return what is known of the rows by the trial that a report shows in detail; None where nothing is."""
    shown = detailed_trial(record)
    if shown is None:
        return None
    insight = shown.load.rows if shown.load is not None else None
    return row_facts(shown.trial.load, insight, shown.trial.index)


def row_facts(load: LoadStatus | None, insight: RowInsight | None, trial: int | None = None) -> RowFacts | None:
    """Return what is known of the rows of a load; None where nothing is."""
    sentences = _about_answers(load.answers if load is not None else ())
    tables: list[RowTable] = []
    if insight is not None:
        sentences = [*filter(None, [insight.sentence]), *sentences]
        if insight.differs:
            tables.append(_by_size(insight))
        if insight.slowest:
            tables.append(_slowest(insight.slowest))
            sentences += _about_chance(insight.slowest)
        if insight.left_out:
            total = insight.requests + insight.left_out
            sentences.append(f"Only the first {insight.requests:,} of {total:,} requests were looked at row by row.")
    return RowFacts(sentences, tables, trial) if sentences or tables else None


def _by_size(insight: RowInsight) -> RowTable:
    columns = (
        ("row size", "Size of the body."),
        ("requests", "Requests of the window with such rows."),
        ("p50", "Median latency."),
        ("95% interval", "Contains the true median with 95 % confidence."),
        ("p95", "95 of 100 requests were at least this fast; a dash stands for too few requests."),
        ("95% interval", "Contains the true p95 with 95 % confidence."),
    )
    cells = [
        [s.sizes, f"{s.requests:,}", _value(s.p50), _interval(s.p50), _value(s.p95), _interval(s.p95)]
        for s in insight.strata
    ]
    return RowTable("Latency by row size", columns, cells)


def _slowest(rows: Sequence[SlowRow]) -> RowTable:
    columns = (
        ("row", "Number of the row in the dataset, from 1; of equal rows one is named."),
        ("sha256", "Beginning of the digest of its body, or of its body and path where it has its own path."),
        ("size", "Size of its body."),
        ("requests", "How often it was sent in the window."),
        ("median", "Median of its latencies."),
        ("fastest", "The shortest of its latencies."),
    )
    cells = [
        [
            str(row.row),
            row.digest,
            row_size(row.size),
            f"{row.requests:,}",
            format_seconds(row.median),
            format_seconds(row.fastest),
        ]
        for row in rows
    ]
    return RowTable("The slowest rows", columns, cells)


def _about_chance(rows: Sequence[SlowRow]) -> list[str]:
    """Say that a row that was sent once may have been slow for another reason."""
    once = sum(row.requests == 1 for row in rows)
    if not once:
        return []
    total = len(rows)
    which = "Each" if once == total else str(once)
    verb = "was" if once in {1, total} else "were"
    return [f"{which} of the {total} slowest rows {verb} sent once in the window, and may have been slow by chance."]


def _about_answers(kinds: Sequence[AnswerKind]) -> list[str]:
    """Name the rows that were answered differently from most."""
    sentences = []
    for kind in kinds:
        if numbers := kind.row_numbers:
            named = ", ".join(map(str, numbers))
            rows = f"Row {named} was" if len(numbers) == 1 else f"Rows {named} were"
            more = ", among others," if kind.rows > len(numbers) else ""
            sentences.append(f"{rows}{more} answered differently from most: status {kind.status}, {kind.shape}.")
    return sentences


def _value(percentile: Percentile | None) -> str:
    return NONE if percentile is None else str(percentile)


def _interval(percentile: Percentile | None) -> str:
    if percentile is None or percentile.low is None or percentile.high is None:
        return NONE
    return f"{format_seconds(percentile.low)} to {format_seconds(percentile.high)}"
