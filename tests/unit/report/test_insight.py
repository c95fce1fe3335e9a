"""What a report says about the rows of the dataset."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.report.runs import verified

from modelprofiler.api.trial import AnswerKind
from modelprofiler.load.insight.facts import Percentile, RowInsight, SlowRow, Stratum
from modelprofiler.report import page, text
from modelprofiler.report.document import document
from modelprofiler.report.insight import row_facts
from modelprofiler.report.record import RunRecord, TrialRecord
from modelprofiler.report.summary import detailed_trial


def percentile(seconds: float) -> Percentile:
    """Return a percentile that is known to a hundredth."""
    return Percentile(value=seconds, low=seconds * 0.99, high=seconds * 1.01)


def stratum(smallest: int, largest: int, seconds: float) -> Stratum:
    """Return a stratum of 100 requests; its p95 is twice its median."""
    p50, p95 = percentile(seconds), percentile(2 * seconds)
    return Stratum(smallest=smallest, largest=largest, requests=100, p50=p50, p95=p95)


def slow(row: int, requests: int = 3) -> SlowRow:
    """Return a slow row."""
    return SlowRow(row=row, digest="0123456789ab", size=2048, requests=requests, median=0.25, fastest=0.2)


DIFFERENT = RowInsight(
    requests=200, strata=[stratum(90, 1024, 0.01), stratum(1025, 4096, 0.03)], slowest=[slow(17), slow(4, 1)]
)
SAME = RowInsight(requests=200, strata=[stratum(90, 1024, 0.01), stratum(1025, 4096, 0.01)])


def with_rows(insight: RowInsight, **changes: Any) -> RunRecord:
    """Return a run whose detailed trial has learned this of its rows, and has these changes of its load."""
    record = verified()
    shown = detailed_trial(record)
    assert shown is not None
    assert shown.load is not None
    load = replace(shown.load, rows=insight)
    row = shown.trial
    if changes:
        assert row.load is not None
        row = row.model_copy(update={"load": row.load.model_copy(update=changes)})
    rows = [row if t.index == row.index else t for t in record.profile.status.trials]
    status = record.profile.status.model_copy(update={"trials": rows})
    details = dict(record.details) | {row.index: replace(shown, trial=row, load=load)}
    return replace(record, profile=record.profile.model_copy(update={"status": status}), details=details)


def test_strata_that_differ_are_a_table() -> None:
    """With their sizes, medians and intervals; the slowest rows stand below with their digests."""
    shown = text.render(with_rows(DIFFERENT))
    section = shown[shown.index("Rows of the dataset (trial ") : shown.index("\nNotes\n")]
    assert (
        "Latency depends on the size of the rows: p50 is 10ms for rows of 90 B to 1.0 KiB and 30ms for rows of 1.0 KiB "
        "to 4.0 KiB."
    ) in " ".join(section.split())
    lines = [" ".join(line.split()) for line in section.splitlines()]
    assert "90 B to 1.0 KiB 100 10ms 9.9ms to 10.1ms 20ms 19.8ms to 20.2ms" in lines
    assert "17 0123456789ab 2.0 KiB 3 250ms 200ms" in lines
    assert "1 of the 2 slowest rows was sent once in the window" in " ".join(section.split())


def test_strata_that_do_not_differ_are_one_sentence() -> None:
    """A table of equal numbers says nothing."""
    facts = row_facts(None, SAME)
    assert facts is not None
    assert ["Latency does not differ noticeably by the size of the rows."] == facts.sentences
    assert [] == facts.tables


def test_rows_that_are_answered_otherwise_are_named() -> None:
    """As many as the load kept, and whether there are more."""
    usual = AnswerKind(status=200, shape="JSON object with score", answers=90, looked_at=90, bodies=9, rows=90)
    other = AnswerKind(
        status=422, shape="JSON object with detail", answers=9, looked_at=9, bodies=1, rows=9, row_numbers=[3, 8]
    )
    shown = " ".join(text.render(with_rows(SAME, answers=[usual, other])).split())
    assert "Rows 3, 8 were, among others, answered differently from most: status 422, JSON object with detail." in shown


def test_the_page_has_the_same_tables_with_explained_columns() -> None:
    """And no section where nothing is known."""
    html = page.render(with_rows(DIFFERENT))
    assert 2 == len(re.findall(r"<h3>(Latency by row size|The slowest rows)</h3>", html))
    assert '<abbr title="Median of its latencies.">median</abbr>' in html
    assert '<td class="number">0123456789ab</td>' in html
    assert "Rows of the dataset" not in page.render(verified())


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_tables_fit_the_terminal(width: int) -> None:
    """Numbers that do not fit are cut."""
    shown = text.render(with_rows(DIFFERENT), width)
    section = shown[shown.index("Rows of the dataset (trial ") : shown.index("\nProvenance\n")]
    assert all(len(line) <= width for line in section.splitlines())


def test_the_json_document_has_the_numbers() -> None:
    """Readable, and read back."""
    record = with_rows(DIFFERENT)
    shown = detailed_trial(record)
    assert shown is not None
    data = document(record)["trials"][shown.trial.index - 1]
    assert 17 == data["load"]["rows"]["slowest"][0]["row"]
    read = TrialRecord.from_dict(data).load
    assert read is not None
    assert DIFFERENT == read.rows


def test_numbers_that_somebody_has_made_up_are_shown_as_any_others() -> None:
    """A latency of zero is no divisor."""
    zero = Percentile(value=0, low=0, high=0)
    nothing = Stratum(smallest=0, largest=0, requests=0, p50=zero)
    facts = row_facts(None, RowInsight(strata=[nothing, stratum(1, 2, 0.01)]))
    assert facts is not None
    assert [] == facts.tables


def test_requests_beyond_the_bound_are_admitted() -> None:
    """What was looked at stands next to what was not."""
    facts = row_facts(None, RowInsight(requests=500_000, left_out=100_000))
    assert facts is not None
    assert ["Only the first 500,000 of 600,000 requests were looked at row by row."] == facts.sentences
