"""Rows that are JSON: an object on each line, or the items of an array. A value is sent as it is written."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # documented nowhere, and as old as the module
from typing import Any, BinaryIO

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.fields import Value, row_of
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.lines import CHUNK, check_text, lines_of
from modelprofiler.load.rows.row import LARGEST_ROW, TOO_LARGE, Fault, Row

NOT_JSON = ("is", "not JSON")
NO_OBJECT = ("is", "not a JSON object, so that it has no fields")

_SPACE = re.compile(r"[ \t\n\r]*")
_LONGEST_WORD = 12
"""Characters at the end of what was read in which an error may come of what is not read yet: half of a word or of two
escapes."""
_LONGEST_WAIT = 2 * LARGEST_ROW
"""Characters of an array that are kept while an item is not complete: with other fields and Base64, more than any row
has."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# What a number is does not matter here, and Python refuses to convert very long ones.
_DECODER = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=_no_constant)


def is_json(body: bytes) -> bool:
    """Return whether a body is a JSON text in UTF-8; NaN and Infinity are none.

    A text that is nested too deeply for Python counts as one: that says nothing about the server.
    """
    try:
        text = body.decode()
        start = _skip(text, 0)
        return _skip(text, _end_of(text, start)) == len(text)
    except RecursionError:
        return True
    except ValueError:
        return False


def rows_of_lines(file: BinaryIO, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield the rows of a file with a JSON value on each line."""
    for number, (at, line) in enumerate(lines_of(file), 1):
        if len(line) > _LONGEST_WAIT:
            yield Fault(number, *TOO_LARGE)
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            yield Fault(number, *NOT_JSON)
            continue
        yield _row(number, text, how, at if how.copies_lines else None)


def rows_of_array(file: BinaryIO, how: RowFormat) -> Iterator[Row | Fault]:
    """Yield the items of the JSON array that a file contains, a piece of which is in memory at a time.

    Raises
    ------
    DatasetError
        The file is not a JSON array.
    """
    check_text(file, "write a JSON array")
    for number, text in enumerate(_Array(file).items(), 1):
        yield _row(number, text, how, None)


def _row(number: int, text: str, how: RowFormat, at: int | None) -> Row | Fault:
    if not how.columns:
        if how.encoding == "Base64":
            return row_of(number, _text_value(text), {}, how)
        if not is_json(text.encode()):
            return Fault(number, *NOT_JSON)
        return row_of(number, text, {}, how, at)
    try:
        fields = _members(text)
    except RecursionError:
        return Fault(number, "is", "nested too deeply to be read")
    except ValueError:
        return Fault(number, *(NO_OBJECT if is_json(text.encode()) else NOT_JSON))
    body = _value(fields.get(how.column)) if how.column is not None else text
    return row_of(number, body, {name: _value(fields.get(name)) for name in how.columns}, how)


def _value(raw: str | None) -> Value:
    """Return a field's value: the content of a text, nothing for null, anything else as it is written."""
    if raw is None or raw == "null":
        return None
    return _text_value(raw)


def _text_value(raw: str) -> str:
    stripped = raw.strip()
    if not stripped.startswith('"'):
        return raw
    try:
        value: Any = json.loads(stripped)
    except ValueError:
        return raw
    return value if isinstance(value, str) else raw


def _members(text: str) -> dict[str, str]:
    """Return the fields of a JSON object, each as it is written.

    Raises
    ------
    ValueError
        The text is not a JSON object.
    """
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("no object")
    members: dict[str, str] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise ValueError("no name")
        name, at = scanstring(text, at + 1, True)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError("no value")
        at = _skip(text, at + 1)
        end = _end_of(text, at)
        members[name] = text[at:end]
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
            if text[at : at + 1] == "}":
                raise ValueError("a comma before the end")
        elif text[at : at + 1] != "}":
            raise ValueError("no comma")
    if _skip(text, at + 1) != len(text):
        raise ValueError("something after the object")
    return members


def _may_go_on(error: ValueError, length: int) -> bool:
    """Return whether a value that cannot be read may be cut, rather than wrong."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= length - _LONGEST_WORD


def _reason(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _end_of(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


class _Array:
    """Reads the items of an array from a file, one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._ended = False

    def items(self) -> Iterator[str]:
        """Yield each item as it is written."""
        at = self._next(0)
        if self._text[at : at + 1] != "[":
            raise DatasetError("the dataset is not a JSON array; with one object per line the format is JSONLines")
        at, number = self._next(at + 1), 0
        if self._text[at : at + 1] == "]":
            self._end(at)
            return
        while True:
            number += 1
            at, end = self._item(at, number)
            yield self._text[at:end]
            at = self._next(end)
            mark = self._text[at : at + 1]
            if mark == "]":
                self._end(at)
                return
            if mark != ",":
                what = f"{mark!r} follows it" if mark else "the file ends there"
                raise DatasetError(f"the JSON array of the dataset is broken after row {number}: {what}")
            at = self._next(at + 1)

    def _end(self, at: int) -> None:
        at = self._next(at + 1)
        if at < len(self._text):
            raise DatasetError("the dataset has more text after the end of its JSON array")

    def _item(self, at: int, number: int) -> tuple[int, int]:
        """Return where an item begins and ends; what is before it is forgotten."""
        while True:
            try:
                end = _end_of(self._text, at)
                if end < len(self._text) or self._ended:  # else a number may go on
                    return at, end
            except RecursionError:
                raise DatasetError(f"row {number} of the dataset is nested too deeply to be read") from None
            except ValueError as error:
                if self._ended or not _may_go_on(error, len(self._text)):
                    raise DatasetError(f"row {number} of the dataset is not JSON: {_reason(error)}") from None
            if len(self._text) - at > _LONGEST_WAIT:
                raise DatasetError(f"row {number} of the dataset is over 10 MiB, or not JSON")
            at = self._more(at)

    def _next(self, at: int) -> int:
        """Return where the next character is that is no space."""
        at = _skip(self._text, at)
        while at == len(self._text) and not self._ended:
            at = self._more(at)
            at = _skip(self._text, at)
        return at

    def _more(self, at: int) -> int:
        """Read on, and forget what is before a place; return the place."""
        data = self._file.read(CHUNK)
        self._ended = not data
        try:
            self._text = self._text[at:] + self._decoder.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            raise DatasetError(f"the dataset is not UTF-8: {error.reason}") from None
        return 0
