"""The requests of a load by number: rendered before it where the rows are in memory, otherwise when each is sent."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import overload

from modelprofiler.load.config import LoadConfig
from modelprofiler.load.http.request import head, with_body
from modelprofiler.load.rows.row import Row
from modelprofiler.load.rows.store import AHEAD, Rows

MOST_HEADS = 1024
"""Beginnings of requests that are remembered: with more paths than this, each is made anew."""


def requests_of(config: LoadConfig, rows: Rows, order: array[int]) -> Sequence[bytes]:
    """Return the requests in the order in which they are sent."""
    heads = _Heads(config)
    if not rows.in_memory:
        return _Rendered(rows, order, heads)
    copies: dict[bytes, bytes] = {}
    rendered = [copies.setdefault(r, r) for r in (heads.request(rows.row(number)) for number in range(len(rows)))]
    return [rendered[number] for number in order]


class _Heads:
    """Makes requests of rows; what equal requests begin with is made once."""

    def __init__(self, config: LoadConfig) -> None:
        self._config = config
        self._known: dict[tuple[str | None, str | None], bytes] = {}

    def request(self, row: Row) -> bytes:
        """Return the request of a row."""
        key = row.content_type, row.path
        beginning = self._known.get(key)
        if beginning is None:
            config = self._config
            beginning = head(
                config.endpoint,
                config.host,
                config.port,
                content_type=row.content_type or config.dataset.content_type,
                path=row.path,
            )
            if len(self._known) < MOST_HEADS:
                self._known[key] = beginning
        return with_body(beginning, row.body)


class _Rendered(Sequence[bytes]):
    """Requests that are made of rows in a file when they are sent, and again where they are sent again."""

    def __init__(self, rows: Rows, order: array[int], heads: _Heads) -> None:
        self._rows, self._order, self._heads = rows, order, heads

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        order = self._order
        self._rows.soon(order[(index + AHEAD) % len(order)])
        return self._heads.request(self._rows.row(order[index]))
