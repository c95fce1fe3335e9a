"""Whether the rows are what the profile promises: what is certainly wrong is refused, what may be wrong is pointed out.

Three programs use it, with the same result: the operator for ConfigMaps, the prepare pod for files on volumes, and the
command on this machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from modelprofiler.api.model import ApiModel
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import DatasetError

FIRST_ROWS = 3
"""Rows at the beginning that are refused when none of them is JSON: a trial that starts would only show errors."""

MOST_BYTES = 64 * 2**20
"""Bytes of rows that are parsed, which takes a second or two; of a larger dataset the rest is not looked at."""

NAMED_ROWS = 3
"""Rows that a message names; further ones are counted."""

DIGEST_CHARACTERS = 12
"""Characters of a row's digest in a message: enough to tell one row from another."""

CACHED_ROWS = 128
"""Distinct rows up to which equal rows are pointed out: the size of Python's functools.lru_cache by default, and less
than any cache of answers holds."""


class Promise(ApiModel):
    """What a profile says about the bodies of its requests."""

    content_type: str = ""
    """Content-Type of the requests."""
    strict: bool = False
    """Whether rows that break the promise are refused where that is certain."""

    @classmethod
    def of(cls, spec: ModelProfileSpec) -> Promise:
        """Return what a profile promises.

        It is strict about a server that is expected to accept the bodies. The run() of an entry script takes any text,
        whatever the content type is, and a GET has its meaning in the path.
        """
        http = spec.endpoint.http
        takes_any = spec.server.entry_script is not None or http.method == "GET"
        refuses = any(status >= 400 for status in http.expect.status)
        return cls(content_type=http.content_type, strict=not takes_any and not refuses)

    @property
    def is_json(self) -> bool:
        """Whether every body is to be a JSON text."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind in ("application/json", "text/json") or kind.endswith("+json")


class _Fault(Enum):
    NOT_UTF8 = auto()
    NOT_JSON = auto()


@dataclass(frozen=True, slots=True)
class _Faulty:
    number: int
    row: bytes
    fault: _Fault

    def __str__(self) -> str:
        return f"row {self.number} (sha256 {hashlib.sha256(self.row).hexdigest()[:DIGEST_CHARACTERS]})"


def remarks(rows: Sequence[bytes], promise: Promise) -> list[str]:
    """Return a sentence for everything about the rows that may make a result misleading.

    Raises
    ------
    DatasetError
        The rows are certainly not what the profile promises.
    """
    warnings = list(_equal_rows(rows))
    if not promise.is_json:
        return warnings
    faulty, parsed = _faulty(rows)
    not_json = [f for f in faulty if f.fault is _Fault.NOT_JSON]
    if not_json and (whole := _one_document(rows)):
        raise DatasetError(whole)
    though = f"although endpoint.http.contentType is {promise.content_type}"
    if not_json and promise.strict and _is_certain(not_json, parsed):
        hint = "; each ends with a comma" if all(f.row.rstrip().endswith(b",") for f in not_json) else ""
        raise DatasetError(
            f"{_are_not(not_json, parsed, 'JSON')}, {though}{hint}: {_listed(not_json)}; write JSON, or the content "
            "type that the rows have"
        )
    not_utf8 = [f for f in faulty if f.fault is _Fault.NOT_UTF8]
    warnings += [
        f"{_are_not(some, parsed, name)}, {though}: {_listed(some)}"
        for name, some in (("JSON", not_json), ("UTF-8", not_utf8))
        if some
    ]
    return [*warnings, *_one_array(rows)]


def _equal_rows(rows: Sequence[bytes]) -> Iterator[str]:
    distinct = len(set(rows))
    if distinct > CACHED_ROWS or (distinct == len(rows) and len(rows) > 1):
        return
    number = "only one row" if len(rows) == 1 else f"{distinct:,} distinct {_rows(distinct)} of {len(rows):,}"
    yield (
        f"the dataset has {number}: requests that are equal may be answered from a cache, and such a server looks "
        "cheaper than it is in production"
    )


def _faulty(rows: Sequence[bytes]) -> tuple[list[_Faulty], int]:
    """Return the rows that are not JSON in UTF-8, and the number of rows that were looked at."""
    faulty, parsed, size = [], 0, 0
    known: dict[bytes, _Fault | None] = {}
    for number, row in enumerate(rows, 1):
        if row not in known:
            size += len(row)
            if size > MOST_BYTES:
                break
            known[row] = _fault(row)
        parsed = number
        if (fault := known[row]) is not None:
            faulty.append(_Faulty(number, row, fault))
    return faulty, parsed


def _fault(row: bytes) -> _Fault | None:
    try:
        text = row.decode()
    except UnicodeDecodeError:
        return _Fault.NOT_UTF8 if _parses(row.decode("latin-1")) else _Fault.NOT_JSON
    return None if _parses(text) else _Fault.NOT_JSON


def _parses(text: str) -> bool:
    try:
        # What a number is does not matter here, and Python refuses to convert very long ones.
        json.loads(text, parse_int=len, parse_float=len)
    except RecursionError:
        return True  # nested too deeply for Python, which says nothing about the server
    except ValueError:
        return False
    return True


def _is_certain(not_json: Sequence[_Faulty], parsed: int) -> bool:
    first = min(FIRST_ROWS, parsed)
    return [f.number for f in not_json[:first]] == list(range(1, first + 1))


def _one_document(rows: Sequence[bytes]) -> str:
    """Return why the rows are one JSON text on several lines; empty where they are not."""
    if len(rows) < 2 or rows[0].lstrip()[:1] not in (b"[", b"{") or sum(map(len, rows)) > MOST_BYTES:
        return ""
    try:
        document: Any = json.loads(b"\n".join(rows), parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return ""
    if isinstance(document, list):
        each = "`jq -c '.[]'` writes each of its items on a line of its own"
        return f"the dataset is one JSON array of {len(document):,} items on {len(rows):,} lines; {each}"
    return f"the dataset is one JSON object on {len(rows):,} lines; `jq -c .` writes it on one line"


def _one_array(rows: Sequence[bytes]) -> Iterator[str]:
    """Yield that a dataset of one row is an array of objects, which may be meant as a row each."""
    if len(rows) > 1 or not rows[0].lstrip().startswith(b"["):
        return
    try:
        items: Any = json.loads(rows[0], parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return
    if len(items) > 1 and all(isinstance(item, dict) for item in items):
        yield (
            f"the only row is a JSON array of {len(items):,} objects, which is sent as one body; `jq -c '.[]'` writes "
            "each on a line of its own"
        )


def _rows(number: int) -> str:
    return "row" if number == 1 else "rows"


def _are_not(some: Sequence[_Faulty], parsed: int, what: str) -> str:
    if len(some) == parsed:
        return f"the only row is not {what}" if parsed == 1 else f"none of the {parsed:,} rows is {what}"
    return f"{len(some):,} of {parsed:,} rows {'is' if len(some) == 1 else 'are'} not {what}"


def _listed(some: Sequence[_Faulty]) -> str:
    named = ", ".join(map(str, some[:NAMED_ROWS]))
    return f"{named} and {len(some) - NAMED_ROWS:,} more" if len(some) > NAMED_ROWS else named
