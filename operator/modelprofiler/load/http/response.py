"""Finds the end of a response by its head, without parsing again a head that was parsed before."""

from __future__ import annotations

import re

from modelprofiler.load.http.answers import Tally
from modelprofiler.load.http.irregular import HEAD_END

# More digits than any length has, all of them zeros, are left to the parser: Python refuses to convert thousands.
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,19})[ \t]*\r?$")
_TRANSFER_ENCODING = re.compile(rb"(?im)^transfer-encoding[ \t]*:")


class KnownHeads(dict[bytes, tuple[int, int, bool, Tally]]):
    """Heads of responses that were parsed before.

    Of each: the length of the whole response, its status, whether to keep alive, and the class of answers it is of.

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

    def learn(self, response: bytes, status: int, keep_alive: bool, tally: Tally) -> None:
        """Keep the head of a response that came in one piece, if its Content-Length says where it ends."""
        self._parsed += 1
        if self._parsed % self.EVERY != 1:
            return
        end = response.find(HEAD_END)
        lengths = _CONTENT_LENGTH.findall(response, 0, end + 2)
        if len(set(lengths)) != 1 or _TRANSFER_ENCODING.search(response, 0, end):
            return
        if end + len(HEAD_END) + int(lengths[0]) != len(response):
            return
        if len(self) >= self.CAPACITY:
            self.clear()
        self[response[:end]] = (len(response), status, keep_alive, tally)


class NoHeads(KnownHeads):
    """No head is known: every response is parsed, so that its body can be shown."""

    def learn(self, response: bytes, status: int, keep_alive: bool, tally: Tally) -> None:
        """Keep nothing."""
