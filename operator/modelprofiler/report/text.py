"""A run as text for a terminal, a log or a pull request."""

from __future__ import annotations

import io
import textwrap

from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Size, Trial
from modelprofiler.report.notes import notes
from modelprofiler.report.record import RunRecord
from modelprofiler.report.rows import Column, says_more, table
from modelprofiler.report.summary import NONE, State, Summary, provenance_rows

_GAP = 2
_STATE_COLORS = {State.VERIFIED: "green", State.NOT_VERIFIED: "yellow", State.FAILED: "red", State.UNFINISHED: "cyan"}


def render(record: RunRecord, width: int = 100, color: bool = False) -> str:
    """Return the report: the recommendation first, then how it was found.

    Parameters
    ----------
    record
        The run, finished or not.
    width
        Columns of the terminal; columns of the trial table that do not fit are left out, the least important first.
    color
        Whether to use a terminal's colours, where rich is installed.
    """
    width = max(width, 40)
    parts = [_headline(record, width), _trials(record, width)]
    if found := notes(record):
        parts.append("Note\n" + "\n".join(_item(sentence, width) for sentence in found))
    rows = provenance_rows(record)
    label = max(len(name) for name, _ in rows) + _GAP
    parts.append("Provenance\n" + "\n".join(_wrapped(value, width, f"  {name:{label}}") for name, value in rows))
    text = "\n\n".join(part for part in parts if part) + "\n"
    return _colored(text, record, width) if color else text


def _headline(record: RunRecord, width: int) -> str:
    summary = Summary.of(record)
    found = summary.recommendation
    name = record.profile.metadata.name
    if found is None:
        lines = [f"{name}: {summary.title} ({summary.reason})" if summary.reason else f"{name}: {summary.title}"]
        return "\n".join([*lines, _wrapped(summary.message, width)])
    lines = [f"{name}: {summary.state.value}", ""]
    lines += [f"  container {found.container_name}"]
    sizes = [("requests", found.requests), ("limits", found.limits)]
    if found.current is not None:
        sizes.append(("today", found.current))
    lines += [f"    {label:9} {_size(size)}" for label, size in sizes]
    lines += [f"    {'env':9} {variable.name}={variable.value}" for variable in found.env]
    return "\n".join([*lines, "", _wrapped(summary.verdict, width), _wrapped(found.explanation, width)])


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
    said = [_item(f"trial {t.index}: {t.message}", width) for t in trials if says_more(t)]
    lines += ["", *said] if said else []
    return "\n".join(lines)


def _line(cells: list[str], columns: list[Column], widths: list[int]) -> str:
    padded = [f"{cell:>{w}}" if c.number else f"{cell:{w}}" for cell, c, w in zip(cells, columns, widths, strict=True)]
    return (" " * _GAP).join(padded).rstrip()


def fitting(trials: list[Trial], width: int) -> tuple[list[Column], list[list[str]]]:
    """Return the trial table without the columns that do not fit in `width` characters."""
    columns, cells = table(trials)
    while True:
        needed = sum(max(len(c.title), *(len(row[i]) for row in cells)) + _GAP for i, c in enumerate(columns)) - _GAP
        out = max(range(len(columns)), key=lambda i: columns[i].rank)
        if needed <= width or columns[out].rank == 0:
            return columns, cells
        columns = columns[:out] + columns[out + 1 :]
        cells = [row[:out] + row[out + 1 :] for row in cells]


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
    styled.highlight_regex(r"(?m)^(Note|Provenance|\s*TRIAL .*)$", style="bold dim")
    for outcome in Outcome:
        style = "green" if outcome is Outcome.PASSED else "dim" if outcome in INCONCLUSIVE else "red"
        styled.highlight_regex(rf"(?<= ){outcome.value}(?= )", style=style)
    styled.highlight_regex(rf"(?<= ){NONE}(?= |$)", style="dim")
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=width, no_color=False)
    console.print(styled, soft_wrap=True, end="")
    return out.getvalue()
