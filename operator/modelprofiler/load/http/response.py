"""Finds the end of a response by its head, without parsing again a head that was parsed before."""

from __future__ import annotations

import re

_LENGTH = re.compile(rb"(?im)^(content-length|transfer-encoding)[ \t]*:")
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?$")

HEAD_END = b"\r\n\r\n"


class KnownHeads(dict[bytes, tuple[int, int, bool]]):
    """Heads of responses that were parsed before: (length of the whole response, status, whether to keep alive).

    Servers send the same few heads again and again: a new one each second because of the date, or one for each length
    of a body. A known head need not be parsed, since equal bytes mean the same. Where every head is different (because
    each has an id of its own) the cache must cost little, so it keeps only one in `EVERY` parsed heads, and `CAPACITY`
    at a time.
    """

    EVERY = 16
    """Chosen so that where no head recurs the cost of keeping one is spread over sixteen responses. What such a load
    still costs is in docs/benchmarks.md, "each head new"."""
    CAPACITY = 256
    """Chosen to bound memory: 256 heads of the usual 200 bytes are some 50 KB. It was not fitted."""

    def __init__(self) -> None:
        self._parsed = 0

    def learn(self, response: bytes, status: int, keep_alive: bool) -> None:
        """Keep the head of a response that came in one piece, if its Content-Length says where it ends."""
        self._parsed += 1
        if self._parsed % self.EVERY != 1:
            return
        end = response.find(HEAD_END)
        lengths = _CONTENT_LENGTH.findall(response, 0, end + 2)
        if len(lengths) != 1 or end + len(HEAD_END) + int(lengths[0]) != len(response):
            return
        if len(self) >= self.CAPACITY:
            self.clear()
        self[response[:end]] = (len(response), status, keep_alive)


def ends_with_connection(head: bytes) -> bool:
    """Return whether the end of the connection ends the response: its head is complete and gives no length."""
    end = head.find(HEAD_END)
    return end >= 0 and head.startswith(b"HTTP/") and not _LENGTH.search(head, 0, end)
