"""The type of a column, inferred from its values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

INFERRED_FROM = 200
"""Rows from which a type is inferred, as in Azure ML."""

_INTEGER = re.compile(r"^[+-]?[0-9]+$")
_DECIMAL = re.compile(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
_DATE = re.compile(r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$")


class ColumnType(StrEnum):
    """The type of the values of a column."""

    STRING = "string"
    LONG = "long"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    STREAM = "stream"


def inferred(values: Iterable[str | None]) -> ColumnType:
    """Return the type that all values have, missing ones apart; it is STRING for a column without values."""
    present = [v.strip() for v in values if v is not None and v.strip()]
    if not present:
        return ColumnType.STRING
    if all(_INTEGER.match(v) for v in present):
        return ColumnType.LONG
    if all(_DECIMAL.match(v) for v in present):
        return ColumnType.FLOAT
    if all(v.lower() in ("true", "false") for v in present):
        return ColumnType.BOOL
    if all(_DATE.match(v) for v in present):
        return ColumnType.DATETIME
    return ColumnType.STRING
