"""A row, what may be wrong with one, and the bounds of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from modelprofiler.errors import DatasetError

LARGEST_ROW = 10 * 2**20
"""Bytes of the largest request body: ample for an image or a batch, and small enough that a few are in memory."""

MOST_ROWS = 10_000_000
"""Rows of a dataset. A load sends 100,000 requests per second at most, so it would need minutes for as many, and where
each of them begins takes 160 MB of memory."""

MOST_NAMED = 3
"""Rows that a message names; further ones are counted."""

Files: TypeAlias = Mapping[str, bytes | Path]
"""What rows are read from: names of files to their contents, or to where they are."""


@dataclass(frozen=True, slots=True)
class Row:
    """One request of a dataset.

    Attributes
    ----------
    body
        What is sent.
    content_type, path
        Of this request; None: those of the endpoint.
    weight
        How often it is sent compared with the others.
    at
        Where the body begins in the file, in bytes; None where the file does not contain it as it is sent.
    """

    body: bytes
    content_type: str | None = None
    path: str | None = None
    weight: float = 1.0
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be sent.

    Attributes
    ----------
    number
        Of the row, from 1.
    verb, what
        What is wrong, as the end of a sentence: "is" and "not Base64", or "has" and "no value in column 'x'".
    """

    number: int
    verb: str
    what: str

    def __str__(self) -> str:
        return f"row {self.number} {self.verb} {self.what}"


TOO_LARGE = ("is", "over 10 MiB")


class Faults:
    """The faults of a dataset, counted by kind: a message names the first rows of each."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], list[int]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, fault: Fault) -> None:
        """Count a fault."""
        kind = fault.verb, fault.what
        self._counts[kind] = self._counts.get(kind, 0) + 1
        numbers = self._numbers.setdefault(kind, [])
        if len(numbers) < MOST_NAMED:
            numbers.append(fault.number)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __str__(self) -> str:
        """Return every kind of fault with the rows that have it."""
        sentences = []
        for (verb, what), numbers in self._numbers.items():
            count = self._counts[verb, what]
            plural = {"is": "are", "has": "have"}.get(verb, verb)
            names = ", ".join(map(str, numbers))
            if count > len(numbers):
                names += f" and {count - len(numbers):,} more"
            sentences.append(f"row {names} {verb} {what}" if count == 1 else f"rows {names} {plural} {what}")
        return "; ".join(sentences)


def good(rows: Iterable[Row | Fault]) -> Iterator[Row]:
    """Yield the rows of a dataset that was found to be good.

    Raises
    ------
    DatasetError
        At the first row that cannot be sent.
    """
    for row in rows:
        if isinstance(row, Fault):
            raise DatasetError(str(row))
        yield row


def listed(names: Iterable[str]) -> str:
    """Return names for a message, the first twenty of them."""
    every = [name if len(name) <= 80 else name[:79] + "…" for name in names]
    return ", ".join(every[:20]) + (", …" if len(every) > 20 else "")
