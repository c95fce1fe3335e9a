"""Whether the rows are what the profile promises: what is certainly wrong is refused, what may be wrong is pointed out.

Three programs use it, with the same result: the operator for ConfigMaps, the prepare pod for what only a pod can read,
and the command on this machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.model import ApiModel
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.digest import row_hash
from modelprofiler.load.rows.json_text import is_json
from modelprofiler.load.rows.row import Row

FIRST_ROWS = 3
"""Rows at the beginning that are refused when none of them is JSON: a trial that starts would only show errors."""

MOST_BYTES = 64 * 2**20
"""Bytes of rows that are parsed, which takes a second or two; of a larger dataset the rest is not looked at, unless the
dataset itself says that it is JSON."""

MOST_DOCUMENT = 16 * 2**20
"""Bytes of rows that are kept to see whether together they are one JSON text."""

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
    every: bool = False
    """Whether the dataset itself says so, and every row that breaks the promise is refused."""

    @classmethod
    def of(cls, spec: ModelProfileSpec) -> Promise:
        """Return what a profile promises.

        It is strict about a server that is expected to accept the bodies. The run() of an entry script takes any text,
        whatever the content type is, and a GET has its meaning in the path.
        """
        http = spec.endpoint.http
        if spec.dataset.content_type is not None:
            return cls(content_type=spec.dataset.content_type, strict=True, every=True)
        if spec.dataset.format is DatasetFormat.FILES:
            return cls()  # their extensions say what they are
        takes_any = spec.server.entry_script is not None or http.method == "GET"
        refuses = any(status >= 400 for status in http.expect.status)
        return cls(content_type=http.content_type, strict=not takes_any and not refuses)

    @property
    def is_json(self) -> bool:
        """Whether every body is to be a JSON text."""
        return means_json(self.content_type)

    @property
    def though(self) -> str:
        """Where the promise is made, for a message."""
        field = "spec.dataset.contentType" if self.every else "endpoint.http.contentType"
        return f"although {field} is {self.content_type}"


def means_json(content_type: str) -> bool:
    """Return whether a Content-Type is that of JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("application/json", "text/json") or kind.endswith("+json")


class _Fault(Enum):
    NOT_UTF8 = auto()
    NOT_JSON = auto()


@dataclass(frozen=True, slots=True)
class _Faulty:
    number: int
    digest: str
    fault: _Fault
    ends_with_comma: bool

    def __str__(self) -> str:
        return f"row {self.number} (sha256 {self.digest})"


class RowCheck:
    """Looks at the rows of a dataset, one after the other."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._is_json = promise.is_json
        self._faulty: list[_Faulty] = []
        self._known: dict[int, _Fault | None] = {}
        self._size = 0
        self._rows = 0
        self._parsed = 0
        self._first = b""
        self._document: list[bytes] | None = []
        """The rows so far, where together they may be one JSON text."""
        self._document_size = 0

    def add(self, row: Row) -> None:
        """Look at the next row."""
        self._rows += 1
        if self._rows == 1:
            self._first = row.body
        own = row.content_type
        if not (self._is_json if own is None else means_json(own)):
            self._document = None
            return
        self._parse(row, every=self._promise.every or own is not None)
        self._keep(row.body)

    def _parse(self, row: Row, *, every: bool) -> None:
        if not every and self._size > MOST_BYTES:
            return
        key = row_hash(row)
        if key not in self._known:
            self._size += len(row.body)
            if not every and self._size > MOST_BYTES:
                return
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = _fault(row.body, strict=every)
        self._parsed = self._rows
        if (fault := self._known[key]) is not None:
            digest = hashlib.sha256(row.body).hexdigest()[:DIGEST_CHARACTERS]
            self._faulty.append(_Faulty(self._rows, digest, fault, row.body.rstrip().endswith(b",")))

    def _keep(self, body: bytes) -> None:
        if self._document is None:
            return
        self._document_size += len(body)
        is_start = self._rows > 1 or (self._faulty and body.lstrip()[:1] in (b"[", b"{"))
        if is_start and self._document_size <= MOST_DOCUMENT:
            self._document.append(body)
        else:
            self._document = None

    def remarks(self, distinct: int) -> list[str]:
        """Return a sentence for everything about the rows that may make a result misleading.

        Parameters
        ----------
        distinct
            How many different rows there are.

        Raises
        ------
        DatasetError
            The rows are certainly not what the profile promises.
        """
        warnings = list(_equal_rows(self._rows, distinct))
        faulty, parsed, promise = self._faulty, self._parsed, self._promise
        not_json = [f for f in faulty if f.fault is _Fault.NOT_JSON]
        if not_json and (problem := _one_document(self._document or ())):
            raise DatasetError(problem)
        though = promise.though
        every = promise.every or not self._is_json
        certain = every or (promise.strict and _is_certain(not_json, parsed))
        if not_json and certain:
            hint = "; each ends with a comma" if all(f.ends_with_comma for f in not_json) else ""
            raise DatasetError(
                f"{_are_not(not_json, parsed, 'JSON')}, {though if self._is_json else CLAIMED}{hint}: "
                f"{_listed(not_json)}; write JSON, or the content type that the rows have"
            )
        not_utf8 = [f for f in faulty if f.fault is _Fault.NOT_UTF8]
        warnings += [
            f"{_are_not(some, parsed, name)}, {though}: {_listed(some)}"
            for name, some in (("JSON", not_json), ("UTF-8", not_utf8))
            if some
        ]
        return [*warnings, *(_one_array(self._first) if self._rows == 1 and self._is_json else ())]


CLAIMED = "although their own content type says so"

MOST_KNOWN = 200_000
"""Rows whose verdict is remembered, so that equal rows are parsed once: some 20 MB."""


def _equal_rows(rows: int, distinct: int) -> Iterator[str]:
    if distinct > CACHED_ROWS or (distinct == rows and rows > 1):
        return
    number = "only one row" if rows == 1 else f"{distinct:,} distinct {_rows(distinct)} of {rows:,}"
    yield (
        f"the dataset has {number}: requests that are equal may be answered from a cache, and such a server looks "
        "cheaper than it is in production"
    )


def _fault(row: bytes, *, strict: bool) -> _Fault | None:
    try:
        text = row.decode()
    except UnicodeDecodeError:
        return _Fault.NOT_UTF8 if not strict and _parses(row.decode("latin-1")) else _Fault.NOT_JSON
    if strict:
        return None if is_json(row) else _Fault.NOT_JSON
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
    if len(rows) < 2:
        return ""
    try:
        document: Any = json.loads(b"\n".join(rows), parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return ""
    if isinstance(document, list):
        each = "set format to JSONArray to send each of its items"
        return f"the dataset is one JSON array of {len(document):,} items on {len(rows):,} lines; {each}"
    return f"the dataset is one JSON object on {len(rows):,} lines; `jq -c .` writes it on one line"


def _one_array(row: bytes) -> Iterator[str]:
    """Yield that the only row of a dataset is an array of objects, which may be meant as a row each."""
    if not row.lstrip().startswith(b"["):
        return
    try:
        items: Any = json.loads(row, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return
    if len(items) > 1 and all(isinstance(item, dict) for item in items):
        yield (
            f"the only row is a JSON array of {len(items):,} objects, which is sent as one body; with format JSONArray "
            "each is sent as a request of its own"
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
