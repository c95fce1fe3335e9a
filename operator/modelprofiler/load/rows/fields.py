"""From the values of a row's columns to a row: body, content type, path and weight, or what is wrong with them."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.row import LARGEST_ROW, TOO_LARGE, Fault, Row

Value: TypeAlias = str | bytes | int | float | None
"""A value of a column: None where there is none."""

LARGEST_WEIGHT = 1e9
"""Weights are counts more often than not; more than this is no count of requests but another column."""

_PATH = re.compile(r"/[!-~]{0,2047}")
"""A path as it may stand in a request line; characters beyond ASCII are percent-encoded there."""
_CONTENT_TYPE = re.compile(r"[!-~][ -~]{0,255}")


def row_of(
    number: int, body: Value, columns: Mapping[str, Value], how: RowFormat, at: int | None = None
) -> Row | Fault:
    """Return a row made of the values of its columns.

    Parameters
    ----------
    number
        Of the row, from 1.
    body
        The value that becomes the body.
    columns
        The values of the other columns that `how` names.
    at
        Where the body is in the file.
    """
    content = _content(number, body, how)
    if isinstance(content, Fault):
        return content
    content_type = _text(number, columns, how.content_type_column, _CONTENT_TYPE, "no content type")
    path = _text(number, columns, how.path_column, _PATH, "no path, which begins with / and has no spaces")
    weight = _weight(number, columns, how.weight_column)
    for value in (content_type, path, weight):
        if isinstance(value, Fault):
            return value
    return Row(content, content_type, path, weight, at)  # type: ignore[arg-type]  # faults have been returned


def no_value(number: int, column: str) -> Fault:
    """Return the fault of a row without a value."""
    return Fault(number, "has", f"no value in column {column!r}")


def _content(number: int, body: Value, how: RowFormat) -> bytes | Fault:
    where = f"column {how.column!r}" if how.column else "the body"
    if body is None:
        return no_value(number, how.column) if how.column else Fault(number, "has", "no body")
    if body in ("", b"") and how.path_column is None:
        return no_value(number, how.column) if how.column else Fault(number, "is", "empty")
    if not isinstance(body, str | bytes):
        return Fault(number, "has", f"a number in {where}, where a text is needed")
    try:
        content = body.encode() if isinstance(body, str) else body
    except UnicodeEncodeError:
        return Fault(number, "has", f"half of a character in {where}, which cannot be written as UTF-8")
    if how.encoding == "Base64":
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except (binascii.Error, ValueError):
            return Fault(number, "is", "not Base64")
    return content if len(content) <= LARGEST_ROW else Fault(number, *TOO_LARGE)


def _text(
    number: int, columns: Mapping[str, Value], column: str | None, pattern: re.Pattern[str], what: str
) -> str | Fault | None:
    if column is None:
        return None
    value = columns.get(column)
    if value is None or value in ("", b""):
        return no_value(number, column)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str) or not pattern.fullmatch(value):
        return Fault(number, "has", f"{what}, in column {column!r}")
    return value


def _weight(number: int, columns: Mapping[str, Value], column: str | None) -> float | Fault:
    if column is None:
        return 1.0
    value = columns.get(column)
    if value is None or value in ("", b""):
        return no_value(number, column)
    try:
        weight = float(value)
    except (ValueError, OverflowError):
        weight = math.nan
    if not 0 < weight <= LARGEST_WEIGHT:
        return Fault(number, "has", f"no number from above 0 to {LARGEST_WEIGHT:,.0f} in column {column!r}")
    return weight
