"""Reads Parquet files into columns of text, with pyarrow where it is installed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from modelprofiler.azureml.data.column_types import ColumnType
from modelprofiler.azureml.data.delimited import Table, Value
from modelprofiler.azureml.exceptions import DatasetValidationError, UserErrorException


def parquet_module() -> Any:
    """Return pyarrow.parquet.

    Raises
    ------
    UserErrorException
        When pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UserErrorException(
            "Parquet files need pyarrow: pip install 'modelprofiler[parquet]'. Otherwise write the column with the "
            "requests to a text file, one request per line, and use from_delimited_files"
        ) from error


def read_parquet(files: list[Path]) -> tuple[Table, dict[str, ColumnType]]:
    """Return the columns of Parquet files, with the rows of one file after those of another, and their types.

    Values other than text are written as JSON.

    Raises
    ------
    DatasetValidationError
        When a file is not Parquet.
    UserErrorException
        When pyarrow is not installed.
    """
    parquet = parquet_module()
    arrow = importlib.import_module("pyarrow")
    columns: Table = {}
    types: dict[str, ColumnType] = {}
    length = 0
    for file in files:
        try:
            table = parquet.read_table(file)
        except (arrow.ArrowException, OSError) as error:
            raise DatasetValidationError(f"cannot read {file} as Parquet: {str(error).splitlines()[0]}") from error
        for name, field in zip(table.column_names, table.schema, strict=True):
            types.setdefault(name, _type(arrow.types, field.type))
            columns.setdefault(name, [None] * length)
        for name, column in columns.items():
            values = table.column(name).to_pylist() if name in table.column_names else [None] * table.num_rows
            column += map(_as_text, values)
        length += table.num_rows
    return columns, types


def _type(types: Any, arrow_type: Any) -> ColumnType:
    if types.is_integer(arrow_type):
        return ColumnType.LONG
    if types.is_floating(arrow_type) or types.is_decimal(arrow_type):
        return ColumnType.FLOAT
    if types.is_boolean(arrow_type):
        return ColumnType.BOOL
    if types.is_timestamp(arrow_type) or types.is_date(arrow_type):
        return ColumnType.DATETIME
    return ColumnType.STRING


def _as_text(value: object) -> Value:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, default=str)
