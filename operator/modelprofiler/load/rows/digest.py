"""What identifies rows: a digest of all of them, and a short hash of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from modelprofiler.load.rows.row import Row

_NO_LENGTH = b"\xff" * 8
"""Stands before what a row has besides its body, where the length of the next row would be: no row is as long."""


class RowDigest:
    """The sha256 of rows, each body after its length (8 bytes, big endian), so that it matters where a row ends."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, row: Row) -> None:
        """Add the next row."""
        self._sha.update(len(row.body).to_bytes(8, "big"))
        self._sha.update(row.body)
        if row.content_type is not None or row.path is not None or row.weight != 1.0:
            self._sha.update(_NO_LENGTH + json.dumps([row.content_type, row.path, row.weight]).encode())

    def __str__(self) -> str:
        return f"sha256:{self._sha.hexdigest()}"

    def passing(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield rows and add each of them."""
        for row in rows:
            self.add(row)
            yield row


def extras_of(row: Row) -> bytes:
    """Return a row's own content type and path as bytes; empty where it has neither."""
    if row.content_type is None and row.path is None:
        return b""
    return json.dumps([row.content_type, row.path]).encode()


def identity_of(row: Row) -> bytes:
    """Return what a digest that is shown of a row is made of: its body, and with a path of its own that as well.

    Requests without a body differ in their paths alone.
    """
    return row.body if row.path is None else row.body + extras_of(row)


def row_hash(row: Row) -> int:
    """Return 64 bits by which rows are told apart: two of a million differ with certainty for every purpose here."""
    return int.from_bytes(hashlib.blake2b(row.body + extras_of(row), digest_size=8).digest())
