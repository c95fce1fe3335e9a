"""Rows of CSV: separators, quotes and line breaks inside a field as spreadsheets and databases write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.fields import Value, row_of
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.lines import LONGEST_LINE, check_text
from modelprofiler.load.rows.row import Fault, Row, listed

SEPARATORS = ",;\t|"
"""What separates the fields: the comma, and where that leaves the header in one piece, what spreadsheets of other
languages and databases write."""

_SEPARATOR_LINE = "sep="
"""How the first line of a file of Excel begins that names its separator."""


def rows_of_csv(file: BinaryIO, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield the rows of a CSV file, whose first line has the names of the columns.

    Raises
    ------
    DatasetError
        The file is not CSV, not UTF-8, or has no such column.
    """
    check_text(file, "write CSV")
    csv.field_size_limit(LONGEST_LINE)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    number = 0
    try:
        lines = _Lines(text)
        header, reader = _header(lines, how)
        body = body_column(header, how)
        for fields in reader:
            lines.size = 0
            if not fields:
                continue
            number += 1
            yield _row(number, header, fields, body, how)
    except csv.Error as error:
        raise DatasetError(f"the dataset is not CSV, in row {number + 1}: {error}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"the dataset is not UTF-8, in row {number + 1} or soon after it; write UTF-8") from None
    finally:
        text.detach()


def body_column(header: Sequence[str], how: RowFormat) -> str | None:
    """Return the name of the column with the bodies; None where requests have no body.

    Raises
    ------
    DatasetError
        There is no such column, or several.
    """
    for name in how.columns:
        if header.count(name) != 1:
            times = f"{header.count(name)} columns" if name in header else "no column"
            raise DatasetError(f"the dataset has {times} {name!r}; it has {listed(header)}")
    if how.column is not None:
        return how.column
    others = [name for name in header if name not in how.columns]
    if len(others) > 1:
        raise DatasetError(f"the dataset has {len(others)} columns; name the one with the bodies: {listed(others)}")
    if not others and how.path_column is None:
        raise DatasetError("the dataset has no column with the bodies")
    return others[0] if others else None


def _header(lines: Iterator[str], how: RowFormat) -> tuple[list[str], Iterator[list[str]]]:
    """Return the names of the columns, and what reads the rows after them."""
    first = next((line for line in lines if line.strip()), "")
    if not first:
        raise DatasetError("the dataset is empty; write a header line and a row for each request")
    separator = ""
    if first.lower().startswith(_SEPARATOR_LINE) and len(first.strip("\r\n")) == len(_SEPARATOR_LINE) + 1:
        separator = first[len(_SEPARATOR_LINE)]
        first = next(lines, "")
    pushed = _pushed(first, lines)
    # A quoted name may contain a line end; the reader takes as many lines as the header has.
    separators = [separator] if separator else _fitting(first, how)
    reader = csv.reader(pushed, delimiter=separators[0], strict=True)
    return next(reader), reader


def _fitting(line: str, how: RowFormat) -> list[str]:
    """Return the separators by which a header has all the columns that are asked for; the comma where none has."""
    columns = set(how.columns)
    if not columns:
        return [","]

    def fits(separator: str) -> bool:
        try:
            return columns <= set(next(csv.reader([line], delimiter=separator)))
        except (csv.Error, StopIteration):
            return False

    return [separator for separator in SEPARATORS if fits(separator)] or [","]


def _pushed(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


class _Lines(Iterator[str]):
    """The lines of a text with their ends; neither one of them nor those of a row together fill the memory.

    Attributes
    ----------
    size
        Characters of the lines since it was set to 0: a row has several where it has line ends in quotes.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.size = 0

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.size += len(line)
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise csv.Error("a line is over 20 MiB")
        if self.size > LONGEST_LINE + len(line):
            raise csv.Error("its lines are over 20 MiB; is there a quote without an end?")
        return line


def _row(number: int, header: Sequence[str], fields: Sequence[str], body: str | None, how: RowFormat) -> Row | Fault:
    if len(fields) != len(header):
        return Fault(
            number, "has", f"{len(fields)} fields where the header has {len(header)} (a separator inside a field?)"
        )
    values: Mapping[str, Value] = dict(zip(header, fields, strict=True))
    content = values[body] if body is not None else ""
    return row_of(number, content, values, how)
