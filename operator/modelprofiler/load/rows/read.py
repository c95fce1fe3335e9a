"""From files to rows, whatever their format is. Only a piece of a file is in memory at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.fields import row_of
from modelprofiler.load.rows.folder import rows_of_files
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.json_text import rows_of_array, rows_of_lines
from modelprofiler.load.rows.lines import LONGEST_LINE, lines_of
from modelprofiler.load.rows.parquet import rows_of_parquet
from modelprofiler.load.rows.row import MOST_ROWS, TOO_LARGE, Fault, Files, Row
from modelprofiler.load.rows.table import rows_of_csv


def read(files: Files, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield the rows of a dataset in the order written, and in their places what is wrong with a row.

    Parameters
    ----------
    files
        What the rows are read from: a single file, except with format Files.
    how
        How they are read.

    Raises
    ------
    DatasetError
        The files cannot be read as this format, or there is no row or too many.
    """
    number = 0
    for number, row in enumerate(_rows(files, how), 1):
        if number > MOST_ROWS:
            raise DatasetError(f"the dataset has more than {MOST_ROWS:,} rows; take a sample of them")
        yield row
    if not number:
        raise DatasetError(_nothing(files, how))


def _rows(files: Files, how: RowFormat) -> Iterator[Row | Fault]:
    if how.format is DatasetFormat.FILES:
        yield from rows_of_files(files, how)
        return
    (content,) = files.values()
    if how.format is DatasetFormat.PARQUET:
        yield from rows_of_parquet(content, how)
        return
    with _opened(content) as file:
        match how.format:
            case DatasetFormat.JSON_LINES:
                yield from rows_of_lines(file, how)
            case DatasetFormat.JSON_ARRAY:
                yield from rows_of_array(file, how)
            case DatasetFormat.CSV:
                yield from rows_of_csv(file, how)
            case _:
                yield from _plain_lines(file, how)


def _plain_lines(file: BinaryIO, how: RowFormat) -> Iterator[Row | Fault]:
    for number, (at, line) in enumerate(lines_of(file), 1):
        if len(line) > LONGEST_LINE:
            yield Fault(number, *TOO_LARGE)
        else:
            yield row_of(number, line, {}, how, at if how.copies_lines else None)


@contextmanager
def _opened(content: bytes | Path) -> Iterator[BinaryIO]:
    if isinstance(content, bytes):
        yield io.BytesIO(content)
        return
    try:
        file = content.open("rb")
    except OSError as error:
        raise DatasetError(f"the dataset {content} cannot be read: {error.strerror}") from error
    with file:
        yield file


def _nothing(files: Files, how: RowFormat) -> str:
    if how.format is DatasetFormat.FILES:
        return "the dataset has no files; put one into the folder for each request"
    if how.format is DatasetFormat.JSON_ARRAY:
        return "the dataset is an empty JSON array; write an item for each request"
    if how.format in (DatasetFormat.CSV, DatasetFormat.PARQUET):
        return "the dataset has no rows; write one for each request"
    (content,) = files.values()
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return f"the dataset {'has only empty lines' if size else 'is empty'}; write one request body per line"
