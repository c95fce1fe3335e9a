"""The type of a column, told from its values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

INFERRED_FROM = 200
"""Rows that are looked at, as in the original."""

_INTEGER = re.compile(r"^[+-]?[0-9]+$")
_DECIMAL = re.compile(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$")
_DATE = re.compile(r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$")


class ColumnType(StrEnum):
    """What the values of a column are."""

    STRING = "string"
    LONG = "long"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    STREAM = "stream"


def inferred(values: Iterable[str | None]) -> ColumnType:
    """Return what all the values are that are not missing; a column without any is one of strings."""
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
