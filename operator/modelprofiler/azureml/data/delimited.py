"""Reads delimited files and JSON Lines files into columns of text."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from modelprofiler.azureml.exceptions import DatasetValidationError

Value = str | None

ENCODINGS = {
    "utf8": "utf-8-sig",
    "iso88591": "iso8859-1",
    "latin1": "latin-1",
    "ascii": "ascii",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "utf8bom": "utf-8-sig",
    "windows1252": "cp1252",
}
"""Python's encodings, by Azure ML's names of them."""

LENIENT = frozenset({"utf-8-sig", "ascii"})
"""The encodings in which a byte that is not text leaves the lines after it as they are."""

FIELD_LIMIT = 2**27
"""Largest field of a delimited file, in characters. The csv module's own limit of 131,072 is too low for large
requests; this one, 128 Mi, only bounds the memory."""


@dataclass(frozen=True)
class Layout:
    """How delimited files are read."""

    separator: str = ","
    header: PromoteHeadersBehavior = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS
    encoding: str = "utf8"
    multi_line: bool = False
    empty_as_string: bool = False


Table = dict[str, list[Value]]
"""Columns by name, all of the same length; None stands for a missing value."""


def read_delimited(files: list[Path], layout: Layout) -> Table:
    """Return the columns of delimited files, with the rows of one file after those of another.

    Raises
    ------
    DatasetValidationError
        When a file cannot be read, or is not text of that encoding.
    """
    blocks: list[tuple[list[str], list[list[str]]]] = []
    names: list[str] | None = None
    for position, file in enumerate(files):
        rows = list(_rows(_text(file, layout.encoding), layout))
        if _has_header(layout.header, position) and rows:
            header = rows.pop(0)
            if names is None or layout.header is PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS:
                names = header
        blocks.append((names or [], rows))
    return _columns(blocks, layout)


def _has_header(header: PromoteHeadersBehavior, position: int) -> bool:
    if header is PromoteHeadersBehavior.NO_HEADERS:
        return False
    return position == 0 or header is not PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS


def _columns(blocks: list[tuple[list[str], list[list[str]]]], layout: Layout) -> Table:
    table: Table = {}
    length = 0
    for names, rows in blocks:
        width = max([len(names), *(len(row) for row in rows)])
        columns = [names[i] if i < len(names) else f"Column{i + 1}" for i in range(width)]
        for name in columns:
            table.setdefault(name, [None] * length)
        for row in rows:
            values = dict(zip(columns, row, strict=False))
            for name, column in table.items():
                value = values.get(name)
                column.append(None if value == "" and not layout.empty_as_string else value)
        length += len(rows)
    return table


def _rows(text: str, layout: Layout) -> Iterator[list[str]]:
    if layout.separator in ("\n", "\r\n", "\r"):  # Azure ML's own example makes every line a field
        for line in lines_of(text):
            if line:
                yield [line]
        return
    csv.field_size_limit(FIELD_LIMIT)
    lines = io.StringIO(text, newline="") if layout.multi_line else iter(lines_of(text))
    if len(layout.separator) == 1:
        for row in csv.reader(lines, delimiter=layout.separator):
            if row:
                yield row
    else:
        for line in lines:
            if line.strip():
                yield line.rstrip("\r\n").split(layout.separator)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text; str.splitlines would split at characters too that JSON allows within strings."""
    return text.replace("\r\n", "\n").split("\n")


def read_json_lines(files: list[Path], encoding: str, *, drop_invalid: bool = False) -> tuple[Table, set[str]]:
    """Return the columns of files with a JSON object on each line, and the names of those that contain text.

    Values other than text are written as JSON.

    Parameters
    ----------
    drop_invalid
        Whether to leave out lines that are not JSON objects or not text, with a warning that counts them.

    Raises
    ------
    DatasetValidationError
        When a line is not a JSON object.
    """
    records: list[dict[str, object]] = []
    dropped: list[str] = []
    for file in files:
        text = _text(file, encoding, keep_bytes=drop_invalid)
        for number, line in enumerate(lines_of(text), 1):
            label = f"line {number} of {file}"
            try:
                if line.strip():
                    records.append(_record(line, label))
            except DatasetValidationError:
                if not drop_invalid:
                    raise
                dropped.append(label)
    if dropped:
        lines = f"{len(dropped)} of {len(dropped) + len(records)}"
        warnings.warn(
            f"lines left out because they are not JSON objects: {lines}, the first is {dropped[0]}",
            UserWarning,
            stacklevel=2,
        )
    names = dict.fromkeys(name for record in records for name in record)
    texts = {name for record in records for name, value in record.items() if isinstance(value, str)}
    return {name: [_as_text(record.get(name)) for record in records] for name in names}, texts


def _record(line: str, label: str) -> dict[str, object]:
    try:
        line.encode()  # fails for bytes that are not text, which are kept as lone surrogates
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetValidationError(f"{label} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise DatasetValidationError(f"{label} is not a JSON object")
    return record


def _as_text(value: object) -> Value:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _text(file: Path, encoding: str, *, keep_bytes: bool = False) -> str:
    """Return the text of a file; with `keep_bytes` bytes that are not text stand in it as lone surrogates."""
    codec = ENCODINGS.get(encoding, encoding)
    try:
        return file.read_bytes().decode(codec, "surrogateescape" if keep_bytes and codec in LENIENT else "strict")
    except (UnicodeDecodeError, LookupError) as error:
        raise DatasetValidationError(f"cannot read {file} as {encoding}: {error}") from error
    except OSError as error:
        raise DatasetValidationError(f"cannot read {file}: {error}") from error
