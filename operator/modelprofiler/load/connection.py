"""A connection of the pool: one request out, its response in, then the next."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Literal, cast

import httptools

from modelprofiler.load.wire import Wire

if TYPE_CHECKING:
    from modelprofiler.load.http import Client

Failure = Literal["refused", "reset", "timeout", "status", "protocol"]
Done = Callable[[float, float, Failure | None], None]
"""Called with the intended send time, the time of the end (both of the monotonic clock), and what failed."""

_LENGTH = re.compile(rb"(?im)^(content-length|transfer-encoding)[ \t]*:")
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?$")
_HEAD_LIMIT = 64 * 1024
SHOWN = 4096
"""Bytes of a response's body that are kept, where they are kept at all."""


class Heads(dict[bytes, tuple[int, int, bool]]):
    """Heads of responses that were parsed before: (length of the whole response, status, whether to keep alive).

    Servers send the same few heads again and again: another one each second for the date, or for each length of a body.
    A head that is known need not be parsed; equal bytes mean the same. Where every head is different (an id of its own)
    this must cost little, so only one in `EACH` of those that were parsed is kept, and `MOST` at a time.
    """

    EACH, MOST = 16, 256

    def __init__(self) -> None:
        self._parsed = 0

    def learn(self, response: bytes, status: int, keep: bool) -> None:
        """Keep the head of a response that came in one piece, if its length says where it ends."""
        self._parsed += 1
        if self._parsed % self.EACH != 1:
            return
        end = response.find(b"\r\n\r\n")
        given = _CONTENT_LENGTH.findall(response, 0, end + 2)
        if len(given) != 1 or end + 4 + int(given[0]) != len(response):
            return
        if len(self) >= self.MOST:
            self.clear()
        self[response[:end]] = (len(response), status, keep)


class Connection(asyncio.Protocol):
    """A connection of the pool, and the request in flight on it."""

    __slots__ = (
        "busy",
        "client",
        "closed",
        "feed",
        "fresh",
        "head",
        "index",
        "intended",
        "keep",
        "parser",
        "retried",
        "status",
        "transport",
        "write",
    )

    def __init__(self, client: Client) -> None:
        self.client = client
        self.transport: Wire | asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.busy = self.closed = self.retried = self.keep = False
        self.fresh = True
        self.intended = 0.0
        self.index = self.status = 0
        self.head: bytes | None = None

    def connection_made(self, transport: Wire | asyncio.BaseTransport) -> None:
        """Join the pool, or take the request that waits longest."""
        self.transport = given = cast("Wire | asyncio.Transport", transport)
        self.write = given.write
        self.client._opened(self)  # noqa: SLF001 - a connection is a part of its client

    def start(self, index: int, intended: float, retried: bool) -> None:
        """Send request number ``index``."""
        self.busy = True
        self.index = index
        self.intended = intended
        self.retried = retried
        self.write(self.client.requests[index])

    def data_received(self, data: bytes) -> None:
        """Parse what came; when the response is complete, end the request."""
        if not self.busy:  # such as a 408 on an idle connection
            self._drop()
            return
        if self.head is None and (known := self.client.heads.get(data[: data.find(b"\r\n\r\n")])):
            length, status, keep = known
            if len(data) == length:
                self._finish(status, keep)
                return
        try:
            self.feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.status:
                self.fail("protocol")
                return
            self.keep = False  # the response was complete; what followed it was not HTTP
        if self.status:
            if self.head is None:
                self.client.heads.learn(data, self.status, self.keep)
            self._finish(self.status, self.keep)
        elif self.head is None:
            self.head = data
        elif b"\r\n\r\n" not in self.head and len(self.head) < _HEAD_LIMIT:
            self.head += data

    def on_message_complete(self) -> None:
        """Note the end of a response; informational ones (1xx) are followed by the real one."""
        status = self.parser.get_status_code()
        if status >= 200:
            self.status = status
            self.keep = self.parser.should_keep_alive()

    def _finish(self, status: int, keep: bool) -> None:
        now = monotonic()
        client = self.client
        intended = self.intended
        failure: Failure | None = None if status in client.expected else "status"
        if now - intended > client.timeout:
            failure = "timeout"
        client.last_status = status
        client.in_flight -= 1
        self.status = 0
        self.head = None
        self.busy = self.fresh = False
        if not keep:
            self.closed = True  # by the server, which so keeps the TIME_WAIT: a client has only so many ports
        elif client.waiting:
            self.start(*client.waiting.popleft(), False)
        else:
            client.idle.append(self)
        client.done(intended, now, failure)

    def fail(self, failure: Failure) -> None:
        """End the request in flight without a response, and the connection with it."""
        self.busy = False
        self._drop()
        self.client.in_flight -= 1
        self.client.done(self.intended, monotonic(), failure)

    def _drop(self) -> None:
        self.closed = True
        self.client.connections.discard(self)
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request in flight: complete, if the end of the connection ends the body; tried again; or failed."""
        self.closed = True
        self.client.connections.discard(self)
        if self.busy:
            if exc is None and self.head is not None and _ends_with_connection(self.head):
                self._finish(self.parser.get_status_code(), False)
            elif self.head is None and not self.fresh and not self.retried:
                # The server closed an idle connection while the request was under way: nobody's failure.
                self.busy = False
                self.client._retry(self.index, self.intended)  # noqa: SLF001
            else:
                self.fail("reset")
        # These hold each other and the connection, and nobody collects cycles during a load.
        del self.parser, self.feed, self.write


class CapturingConnection(Connection):
    """A connection that keeps the beginning of a response's body, to be shown."""

    def on_body(self, data: bytes) -> None:
        """Keep the first bytes."""
        body = self.client.last_body
        body += data[: SHOWN - len(body)]


def _ends_with_connection(head: bytes) -> bool:
    """Tell whether a response is complete when the connection ends: its head is, and names no length."""
    end = head.find(b"\r\n\r\n")
    return end >= 0 and head.startswith(b"HTTP/") and not _LENGTH.search(head, 0, end)
