"""A run as text for a terminal, a log or a pull request."""

from __future__ import annotations

import io
import textwrap

from modelprofiler.api.status import Savings
from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Size, Trial
from modelprofiler.report.formats import NONE, printable
from modelprofiler.report.insight import RowFacts, rows_of_run
from modelprofiler.report.notes import notes
from modelprofiler.report.provenance import provenance_rows
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import Column, adds_information, table
from modelprofiler.report.summary import State, Summary

_GAP = 2
_STATE_COLORS = {State.VERIFIED: "green", State.NOT_VERIFIED: "yellow", State.FAILED: "red", State.UNFINISHED: "cyan"}


def render(record: RunRecord, width: int = 100, color: bool = False) -> str:
    """Return the report: the recommendation first, then the trials, notes and provenance.

    Parameters
    ----------
    record
        The run, finished or not.
    width
        In characters, at least 40. Columns of the trial table that do not fit are left out, the least important first.
    color
        Whether to use a terminal's colours; without effect where rich is not installed.
    """
    width = max(width, 40)
    parts = [_headline(record, width), _trials(record, width)]
    if (facts := rows_of_run(record)) is not None:
        parts.append(_rows(facts, width))
    if sentences := notes(record):
        parts.append("Notes\n" + "\n".join(_item(sentence, width) for sentence in sentences))
    rows = provenance_rows(record)
    label = max(len(name) for name, _ in rows) + _GAP
    parts.append("Provenance\n" + "\n".join(_wrapped(value, width, f"  {name:{label}}") for name, value in rows))
    text = printable("\n\n".join(parts) + "\n")
    return _colored(text, record, width) if color else text


def _headline(record: RunRecord, width: int) -> str:
    summary = Summary.of(record)
    recommendation = summary.recommendation
    name = _in_one_line(record.profile.metadata.name)
    if recommendation is None:
        lines = [f"{name}: {summary.title} ({summary.reason})" if summary.reason else f"{name}: {summary.title}"]
        return "\n".join([*lines, _wrapped(summary.message, width)])
    lines = [f"{name}: {summary.state.value}", ""]
    lines += [f"  container {_in_one_line(recommendation.container_name)}"]
    sizes = [("requests", recommendation.requests), ("limits", recommendation.limits)]
    if recommendation.current is not None:
        sizes.append(("today", recommendation.current.requests))
    lines += [f"    {label:9} {_size(size)}" for label, size in sizes]
    if recommendation.savings is not None:
        lines.append(f"    {'saves':9} {_saved(recommendation.savings)}")
    lines += [f"    {'env':9} {_in_one_line(f'{variable.name}={variable.value}')}" for variable in recommendation.env]
    return "\n".join([*lines, "", _wrapped(summary.verdict, width), _wrapped(recommendation.explanation, width)])


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _saved(savings: Savings) -> str:
    """Return what the recommended size saves; a part that it does not save is left out."""

    def amounts(size: Size) -> str:
        parts = [f"cpu {size.cpu}" if size.cpu else "", f"memory {size.memory}" if size.memory else ""]
        return " ".join(filter(None, parts))

    everywhere = f", {amounts(savings.all_replicas)} in all" if savings.all_replicas is not None else ""
    return f"{amounts(savings.per_replica)} for each replica{everywhere}"


def _size(size: Size) -> str:
    return f"cpu {size.cpu or 'none'!s:8} memory {size.memory or 'none'}"


def _trials(record: RunRecord, width: int) -> str:
    trials = record.profile.status.trials
    if not trials:
        return "No trial has finished."
    columns, cells = fitting(trials, width)
    widths = [max(len(c.title), *(len(row[i]) for row in cells)) for i, c in enumerate(columns)]
    lines = [_line([c.title.upper() for c in columns], columns, widths)]
    lines += [_line(row, columns, widths) for row in cells]
    messages = [_item(f"trial {t.index}: {t.message}", width) for t in trials if adds_information(t)]
    lines += ["", *messages] if messages else []
    return "\n".join(lines)


def _rows(facts: RowFacts, width: int) -> str:
    """Return what is known of the rows; tables that do not fit are cut, as numbers would be unreadable when wrapped."""
    sentences = [_item(sentence, width) for sentence in facts.sentences]
    tables = [f"  {line}"[:width].rstrip() for line in facts.lines()]
    return "\n".join([f"Rows of the dataset (trial {facts.trial})", *sentences, *tables])


def _line(cells: list[str], columns: list[Column], widths: list[int]) -> str:
    padded = [f"{cell:>{w}}" if c.number else f"{cell:{w}}" for cell, c, w in zip(cells, columns, widths, strict=True)]
    return (" " * _GAP).join(padded).rstrip()


def fitting(trials: list[Trial], width: int) -> tuple[list[Column], list[list[str]]]:
    """Return the trial table without the columns that do not fit in `width` characters."""
    columns, cells = table(trials)
    while True:
        needed = sum(max(len(c.title), *(len(row[i]) for row in cells)) + _GAP for i, c in enumerate(columns)) - _GAP
        least = max(range(len(columns)), key=lambda i: columns[i].rank)
        if needed <= width or columns[least].rank == 0:
            return columns, cells
        columns = columns[:least] + columns[least + 1 :]
        cells = [row[:least] + row[least + 1 :] for row in cells]


def _wrapped(text: str, width: int, prefix: str = "") -> str:
    indent = " " * len(prefix)
    lines = textwrap.wrap(text, width, initial_indent=prefix, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines) or prefix.rstrip()


def _item(sentence: str, width: int) -> str:
    return _wrapped(sentence, width, "  - ")


def _colored(text: str, record: RunRecord, width: int) -> str:
    """Return the text with its headings, answer and outcomes in colour; as it is where rich is not installed."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return text
    styled = Text(text)
    styled.highlight_regex(r"(?m)\A.*$", style=f"bold {_STATE_COLORS[Summary.of(record).state]}")
    styled.highlight_regex(r"(?m)^ {4}(requests|limits|today) .*$", style="bold")
    styled.highlight_regex(r"(?m)^(Notes|Provenance|Rows of the dataset.*|\s*TRIAL .*)$", style="bold dim")
    for outcome in Outcome:
        style = "green" if outcome is Outcome.PASSED else "dim" if outcome in INCONCLUSIVE else "red"
        styled.highlight_regex(rf"(?<= ){outcome.value}(?= )", style=style)
    styled.highlight_regex(rf"(?<= ){NONE}(?= |$)", style="dim")
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=width, no_color=False)
    console.print(styled, soft_wrap=True, end="")
    return out.getvalue()
