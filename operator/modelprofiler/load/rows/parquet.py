"""Rows of a Parquet file, read in pieces. The only module that knows pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator
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


def rows_of_parquet(content: bytes | Path, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield the rows of a Parquet file.

    Raises
    ------
    DatasetError
        The file is not Parquet, has no such column, or pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise DatasetError(
            "format Parquet needs pyarrow, which is not installed: pip install 'modelprofiler[parquet]'"
        ) from error
    source: Any = arrow.BufferReader(content) if isinstance(content, bytes) else str(content)
    number = 0
    try:
        with parquet.ParquetFile(source, buffer_size=BUFFER, pre_buffer=False) as file:
            schema = file.schema_arrow
            body = body_column(schema.names, how)
            _check_types(arrow, schema, body, how)
            columns = list(dict.fromkeys([*([body] if body else []), *how.columns]))
            for batch in file.iter_batches(_piece(file.metadata), columns=columns, use_threads=False):
                for values in batch.to_pylist():
                    number += 1
                    yield row_of(number, values[body] if body else "", values, how)
    except (arrow.ArrowException, OSError, ValueError) as error:
        where = f"cannot be read after row {number:,}" if number else "is not a Parquet file that can be read"
        raise DatasetError(f"the dataset {where}: {str(error)[:300]}") from None


def _piece(metadata: Any) -> int:
    """Return how many rows are read at a time."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    largest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return int(min(max(PIECE_BYTES / max(largest, 1), 1), MOST_IN_PIECE))


def _check_types(arrow: Any, schema: Any, body: str | None, how: RowFormat) -> None:
    """Refuse columns whose values are of no use as what they are asked for."""
    for column in (body, how.content_type_column, how.path_column):
        if column is None:
            continue
        kind = schema.field(column).type
        if arrow.types.is_dictionary(kind):
            kind = kind.value_type
        tests = ("is_string", "is_large_string", "is_binary", "is_large_binary", "is_fixed_size_binary")
        if not any(getattr(arrow.types, test)(kind) for test in tests):
            raise DatasetError(f"column {column!r} of the dataset holds {kind}, not texts or bytes")
