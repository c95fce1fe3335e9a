"""Rows of a Parquet file, read in pieces. The only module that knows pyarrow, which is an extra."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.fields import row_of
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.row import Fault, Row
from modelprofiler.load.rows.table import body_column

PIECE_BYTES = 4 * 2**20
"""Bytes of the rows that are in memory at a time, on average."""
MOST_IN_PIECE = 4096
"""Rows of a piece: more would not be read faster."""

BUFFER = 2**20
"""Bytes of the file that are read at once for each column, instead of a whole row group."""

NO_VALUE = (OSError, ValueError, LookupError, OverflowError)
"""What pyarrow raises besides its own errors: for a time zone that does not exist, or a time that Python has not."""

THE_DATASET = "the dataset"
"""What a file is called in messages where there is one only."""


def rows_of_parquet(content: bytes | Path, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield the rows of a Parquet file.

    Raises
    ------
    DatasetError
        The file is not Parquet, has no such column, or pyarrow is not installed.
    """
    number = 0
    with opened(content) as file:
        body = body_column(file.schema.names, how)
        _check_types(file, body, how)
        columns = list(dict.fromkeys([*([body] if body else []), *how.columns]))
        for piece in file.pieces(columns):
            for values in piece:
                number += 1
                yield row_of(number, values[body] if body else "", values, how)


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file that is open.

    Attributes
    ----------
    file
        The file, as pyarrow has it.
    arrow
        The module pyarrow.
    label
        What it is called in messages.
    """

    file: Any
    arrow: Any
    label: str

    @property
    def schema(self) -> Any:
        """The columns, as pyarrow has them."""
        return self.file.schema_arrow

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows in pieces, each row as its values by column.

        Raises
        ------
        DatasetError
            The file cannot be read to its end.
        """
        number = 0
        names = None if columns is None else list(columns)
        try:
            for batch in self.file.iter_batches(_piece(self.file.metadata), columns=names, use_threads=False):
                rows = batch.to_pylist()
                yield rows
                number += len(rows)
        except (self.arrow.ArrowException, *NO_VALUE) as error:
            where = f"cannot be read after row {number:,}" if number else "is not a Parquet file that can be read"
            raise DatasetError(f"{self.label} {where}: {str(error)[:300]}") from None


@contextlib.contextmanager
def opened(content: bytes | Path, label: str = THE_DATASET) -> Iterator[ParquetFile]:
    """Open a Parquet file.

    Raises
    ------
    DatasetError
        The file is not Parquet, or pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise DatasetError(
            "format Parquet needs pyarrow, which is not installed: pip install 'modelprofiler[parquet]'"
        ) from error
    source: Any = arrow.BufferReader(content) if isinstance(content, bytes) else str(content)
    try:
        file = parquet.ParquetFile(source, buffer_size=BUFFER, pre_buffer=False)
        _ = file.schema_arrow  # which is read here for the first time
    except (arrow.ArrowException, *NO_VALUE) as error:
        raise DatasetError(f"{label} is not a Parquet file that can be read: {str(error)[:300]}") from None
    with file:
        yield ParquetFile(file, arrow, label)


def _piece(metadata: Any) -> int:
    """Return how many rows are read at a time."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return int(min(max(PIECE_BYTES / max(largest, 1), 1), MOST_IN_PIECE))


TEXTS = ("is_string", "is_large_string", "is_binary", "is_large_binary", "is_fixed_size_binary")
NUMBERS = (*TEXTS, "is_integer", "is_floating", "is_decimal", "is_boolean", "is_null")
"""Tests of a type: a text may be that of a number, and a column without any value has no type."""


def _check_types(file: ParquetFile, body: str | None, how: RowFormat) -> None:
    """Refuse columns whose values are of no use as what they are asked for."""
    asked = [(name, TEXTS, "texts or bytes") for name in (body, how.content_type_column, how.path_column)]
    for column, tests, expected in [*asked, (how.weight_column, NUMBERS, "numbers")]:
        if column is None:
            continue
        kind = file.schema.field(column).type
        if file.arrow.types.is_dictionary(kind):
            kind = kind.value_type
        if not any(getattr(file.arrow.types, test)(kind) for test in tests):
            raise DatasetError(f"column {column!r} of the dataset holds {kind}, not {expected}")
