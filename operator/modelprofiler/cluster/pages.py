"""Lists in pages whose bytes are bounded, since a tenant decides how large the objects are."""

from __future__ import annotations

import aiohttp

PAGE = 250
"""Objects that are requested at a time: more would only be in memory at the same time."""

LARGEST_PAGE = 8 * 2**20
"""Bytes of a page. 250 pods have 2 to 4 MiB, and one object at most 1.5 MiB (etcd's limit); a tenant can make objects
that take 20 times as much in memory as in JSON."""

SMALLER = 8
"""By how much a page that is too large is divided: 250, 31, 3 and 1 objects are asked for."""


class PageTooLarge(Exception):
    """A page has more bytes than are read."""


def smaller(limit: int) -> int:
    """Return how many objects to request where a page of this many is too large."""
    return max(1, limit // SMALLER)


def largest(limit: int) -> int | None:
    """Return the most bytes of a page, by its number of objects; None: a single object has no bound but etcd's."""
    return LARGEST_PAGE if limit > 1 else None


async def read_page(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the body of an answer.

    Raises
    ------
    PageTooLarge
        When it has more bytes; the connection is closed then, so that the rest is not sent.
    """
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most:
            response.close()
            raise PageTooLarge
    return b"".join(parts)
