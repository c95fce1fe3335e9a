"""Rows where a load takes them from: in memory while they are few, otherwise in a file.

Of rows in a file only where each begins is in memory: 12 bytes a row, and 8 more that tell rows apart where there are
not too many.
"""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.digest import RowDigest, extras_of, row_hash
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.read import read
from modelprofiler.load.rows.row import Files, Row, good

MEMORY_BYTES = 16 * 2**20
"""Bytes of rows that are kept in memory, as requests once more: a load pod has 256 MiB."""
ROW_OVERHEAD = 400
"""Bytes that a row in memory takes beyond its body: its objects, and the head of its request."""

TOLD_APART = 1_000_000
"""Rows up to which every one has a hash in memory. A load that could send more of them takes hours."""

AHEAD = 16
"""Rows that are asked of the disk before they are needed. Chosen, not fitted: at 1,000 requests per second 16 ms, in
which a disk has found them."""


class Rows(ABC):
    """The rows of a dataset, by number from 0."""

    weights: array[float] | None = None
    """How often each row is sent compared with the others; None where all are sent as often."""
    digest = ""
    """See `modelprofiler.load.rows.digest.RowDigest`."""
    hashes: array[int] | None = None
    """A hash of each row, by which equal rows are found; None where there are too many rows."""

    @abstractmethod
    def __len__(self) -> int:
        """Return how many there are."""

    @abstractmethod
    def row(self, number: int) -> Row:
        """Return a row."""

    @abstractmethod
    def size(self, number: int) -> int:
        """Return the bytes of a row's body."""

    @abstractmethod
    def soon(self, number: int) -> None:
        """Prepare for a row that is needed soon."""

    @property
    @abstractmethod
    def in_memory(self) -> bool:
        """Whether reading a row costs nothing."""


class MemoryRows(Rows):
    """Rows in memory."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self.hashes = array("Q", map(row_hash, rows))
        if any(row.weight != 1.0 for row in rows):
            self.weights = array("d", (row.weight for row in rows))

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, number: int) -> Row:
        """Return a row."""
        return self._rows[number]

    def size(self, number: int) -> int:
        """Return the bytes of a row's body."""
        return len(self._rows[number].body)

    def soon(self, number: int) -> None:
        """Do nothing."""

    @property
    def in_memory(self) -> bool:
        """They are."""
        return True


class FileRows(Rows):
    """Rows in a file: the dataset's own where it has them as they are sent, otherwise a copy without a name."""

    def __init__(self, file: BinaryIO) -> None:
        self._fd = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._fd)
        self._at = array("Q")
        self._sizes = array("I")
        self._extras: array[int] | None = None
        """Bytes of a row's content type and path, which follow its body; None where no row has either."""
        self.hashes = array("Q")

    def add(self, row: Row, at: int) -> None:
        """Note where a row is."""
        number = len(self._at)
        self._at.append(at)
        self._sizes.append(len(row.body))
        extras = extras_of(row)
        if extras and self._extras is None:
            self._extras = array("I", bytes(4 * number))
        if self._extras is not None:
            self._extras.append(len(extras))
        if row.weight != 1.0 and self.weights is None:
            self.weights = array("d", [1.0]) * number
        if self.weights is not None:
            self.weights.append(row.weight)
        if self.hashes is not None:
            self.hashes.append(row_hash(row))
            if len(self.hashes) > TOLD_APART:
                self.hashes = None

    def __len__(self) -> int:
        return len(self._at)

    def row(self, number: int) -> Row:
        """Return a row.

        Raises
        ------
        DatasetError
            The file has become shorter, or the disk does not give it.
        """
        size = self._sizes[number]
        extras = self._extras[number] if self._extras is not None else 0
        try:
            content = os.pread(self._fd, size + extras, self._at[number])
        except OSError as error:  # such as a volume of a network whose server is gone
            raise DatasetError(f"row {number + 1} of the dataset cannot be read: {error.strerror}") from error
        if len(content) != size + extras:
            raise DatasetError(f"the dataset has changed: row {number + 1} is no longer complete")
        weight = self.weights[number] if self.weights is not None else 1.0
        if not extras:
            return Row(content, weight=weight)
        content_type, path = json.loads(content[size:])
        return Row(content[:size], content_type, path, weight)

    def size(self, number: int) -> int:
        """Return the bytes of a row's body."""
        return self._sizes[number]

    def soon(self, number: int) -> None:
        """Let the system read a row, without waiting for it."""
        os.posix_fadvise(self._fd, self._at[number], self._sizes[number], os.POSIX_FADV_WILLNEED)

    @property
    def in_memory(self) -> bool:
        """They are not."""
        return False


def stored(files: Files, how: RowFormat, scratch: Path | None = None) -> Rows:
    """Return the rows of a dataset, where a load can take them from.

    Parameters
    ----------
    files, how
        As for `modelprofiler.load.rows.read.read`.
    scratch
        Folder for a copy of the rows, which is removed with the process; by default that for temporary files.

    Raises
    ------
    DatasetError
        A row cannot be sent, or the files cannot be read or copied.
    """
    digest = RowDigest()
    store = _stored(files, how, digest.passing(good(read(files, how))), scratch)
    store.digest = str(digest)
    return store


def _stored(files: Files, how: RowFormat, rows: Iterator[Row], scratch: Path | None) -> Rows:
    first: list[Row] = []
    left = MEMORY_BYTES
    for row in rows:
        first.append(row)
        left -= len(row.body) + ROW_OVERHEAD
        if left < 0:
            break
    else:
        return MemoryRows(first)
    own = next(iter(files.values()))
    if how.copies_lines and isinstance(own, Path):
        return _in_place(own, first, rows)
    try:
        return _copied(_chain(first, rows), scratch)
    except OSError as error:
        raise DatasetError(f"the rows of the dataset cannot be copied to the disk: {error.strerror}") from error


def _in_place(path: Path, first: list[Row], rows: Iterator[Row]) -> FileRows:
    try:
        with path.open("rb") as file:
            store = FileRows(file)
    except OSError as error:
        raise DatasetError(f"the dataset {path} cannot be read: {error.strerror}") from error
    for row in _chain(first, rows):
        assert row.at is not None, "a line is in the file as it is sent"
        store.add(row, row.at)
    return store


def _copied(rows: Iterable[Row], scratch: Path | None) -> FileRows:
    with tempfile.TemporaryFile(dir=scratch) as file:
        store = FileRows(file)
        at = 0
        for row in rows:
            content = row.body + extras_of(row)
            file.write(content)
            store.add(row, at)
            at += len(content)
    return store


def _chain(first: list[Row], rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the first rows and forget them, then the others."""
    yield from first
    first.clear()
    yield from rows
