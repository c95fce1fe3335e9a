"""Reads Parquet files into columns of text, as datasets of a profile are read."""

from __future__ import annotations

import base64
import importlib.util
import json
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from modelprofiler.azureml.data.column_types import ColumnType
from modelprofiler.azureml.data.delimited import Table, Value
from modelprofiler.azureml.exceptions import DatasetValidationError, UserErrorException
from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.parquet import opened

_TYPES = (
    (("int", "uint"), ColumnType.LONG),
    (("halffloat", "float", "double", "decimal"), ColumnType.FLOAT),
    (("bool",), ColumnType.BOOL),
    (("timestamp", "date"), ColumnType.DATETIME),
)
"""Types of columns, by the beginnings of Arrow's names of them; any other is text, or JSON."""

HIDDEN = ("_", ".")
"""How the names of files begin that programs write beside their Parquet files, such as _SUCCESS."""


def check_installed() -> None:
    """Refuse to read Parquet files without pyarrow.

    Raises
    ------
    UserErrorException
        When pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UserErrorException(
            "Parquet files need pyarrow: pip install 'modelprofiler[parquet]'. Otherwise write the column with the "
            "requests to a text file, one request per line, and use from_delimited_files"
        )


def read_parquet(files: list[Path]) -> tuple[Table, dict[str, ColumnType]]:
    """Return the columns of Parquet files, with the rows of one file after those of another, and their types.

    Values other than text are written as JSON, and bytes that are no text as Base64.

    Raises
    ------
    DatasetValidationError
        When a file is not Parquet.
    UserErrorException
        When pyarrow is not installed.
    """
    check_installed()
    columns: dict[str, list[Any]] = {}
    types: dict[str, ColumnType] = {}
    length = 0
    for file in [file for file in files if not file.name.startswith(HIDDEN)] or files:
        try:
            length += _add(file, columns, types, length)
        except DatasetError as error:
            raise DatasetValidationError(str(error)) from error
    table: Table = {}
    for name, values in columns.items():
        table[name], is_text = _texts(values)
        if not is_text:
            types[name] = ColumnType.STREAM
    return table, types


def _add(file: Path, columns: dict[str, list[Any]], types: dict[str, ColumnType], length: int) -> int:
    """Add the rows of a file to columns of some length, and return their number."""
    count = 0
    with opened(file, str(file)) as parquet:
        names = parquet.schema.names
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise DatasetValidationError(f"{file} has several columns {', '.join(repeated)}; name them differently")
        for field in parquet.schema:
            types.setdefault(field.name, _type(field.type))
            columns.setdefault(field.name, [None] * length)
        for piece in parquet.pieces():
            for name, column in columns.items():
                column += [row.get(name) for row in piece]
            count += len(piece)
    return count


def _type(arrow_type: Any) -> ColumnType:
    name = str(
        getattr(arrow_type, "value_type", arrow_type) if str(arrow_type).startswith("dictionary") else arrow_type
    )
    return next((kind for beginnings, kind in _TYPES if name.startswith(beginnings)), ColumnType.STRING)


def _texts(values: list[Any]) -> tuple[list[Value], bool]:
    """Return values as texts, and whether they are texts: bytes may be those of an image."""
    try:
        return [_as_text(value) for value in values], True
    except UnicodeDecodeError:
        return [base64.b64encode(v).decode() if isinstance(v, bytes) else _as_text(v) for v in values], False


def _as_text(value: object) -> Value:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, default=str)
