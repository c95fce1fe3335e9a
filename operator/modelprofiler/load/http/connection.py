"""One connection of a client: a request goes out, its response comes in, then the next request goes out.

A connection reads and writes what all connections of a client share, the `Pool`. `client.Client` is the pool that also
opens connections.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Literal, cast

import httptools

from modelprofiler.load.http.response import HEAD_END, KnownHeads, ends_with_connection
from modelprofiler.load.http.wire import Wire

Failure = Literal["refused", "reset", "timeout", "status", "protocol"]
Done = Callable[[float, float, Failure | None], None]
"""Called with the intended send time, the time of the end (both on the monotonic clock), and how the request failed."""

HEAD_LIMIT = 64 * 1024
"""Bytes of a response that are searched for the end of its head. Servers send heads of less than 1 KB, and common
proxies refuse more than 8 to 32 KB."""
BODY_SHOWN = 4096
"""Bytes of a response's body that a capturing connection keeps: more than the 300 characters that are shown of it."""


class Pool(ABC):
    """What the connections of one client share.

    Attributes
    ----------
    requests
        Every request as bytes, by index.
    timeout
        Seconds from the intended send time after which a request has failed.
    expected
        Status codes of a good response.
    done
        Called at the end of each request.
    in_flight
        Requests that have not ended yet.
    connections
        Every open connection.
    idle
        Connections without a request; the one used last is at the end.
    waiting
        (index, intended send time) of requests for which no connection is open yet.
    retries
        The same of requests that are sent a second time, each on a fresh connection.
    heads
        Heads of responses that need not be parsed again.
    last_status, last_body
        Status code of the last response, and the beginning of its body where connections capture it.
    """

    def __init__(self, requests: Sequence[bytes], timeout: float, expected: frozenset[int], done: Done) -> None:
        self.requests = requests
        self.timeout = timeout
        self.expected = expected
        self.done = done
        self.in_flight = 0
        self.connections: set[Connection] = set()
        self.idle: list[Connection] = []
        self.waiting: deque[tuple[int, float]] = deque()
        self.retries: deque[tuple[int, float]] = deque()
        self.heads = KnownHeads()
        self.last_status = 0
        self.last_body = bytearray()

    @abstractmethod
    def open_connection(self) -> None:
        """Begin to open another connection, which then calls `join`."""

    def join(self, connection: Connection) -> None:
        """Add a connection that has just opened, and give it the request that has waited longest."""
        self.connections.add(connection)
        if self.retries:  # only a fresh connection is surely not about to be closed as idle
            connection.start(*self.retries.popleft(), True)
        elif self.waiting:
            connection.start(*self.waiting.popleft(), False)
        else:
            self.idle.append(connection)

    def retry(self, index: int, intended: float) -> None:
        """Send a request once more, on a connection that is opened for it."""
        self.retries.append((index, intended))
        self.open_connection()


class Connection(asyncio.Protocol):
    """A connection of a pool, and the request in flight on it."""

    __slots__ = (
        "busy",
        "closed",
        "feed",
        "fresh",
        "head",
        "index",
        "intended",
        "keep_alive",
        "parser",
        "pool",
        "retried",
        "status",
        "transport",
        "write",
    )

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: Wire | asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.busy = self.closed = self.retried = self.keep_alive = False
        self.fresh = True
        self.intended = 0.0
        self.index = self.status = 0
        self.head: bytes | None = None

    def connection_made(self, transport: Wire | asyncio.BaseTransport) -> None:
        """Join the pool."""
        self.transport = writable = cast("Wire | asyncio.Transport", transport)
        self.write = writable.write
        self.pool.join(self)

    def start(self, index: int, intended: float, retried: bool) -> None:
        """Send request number ``index``."""
        self.busy = True
        self.index = index
        self.intended = intended
        self.retried = retried
        self.write(self.pool.requests[index])

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; when the response is complete, end the request."""
        if not self.busy:  # such as a 408 on an idle connection
            self.drop()
            return
        if self.head is None and (known := self.pool.heads.get(data[: data.find(HEAD_END)])):
            length, status, keep_alive = known
            if len(data) == length:
                self._finish(status, keep_alive)
                return
        try:
            self.feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.status:
                self.fail("protocol")
                return
            self.keep_alive = False  # the response was complete; the bytes after it were not HTTP
        if self.status:
            if self.head is None:
                self.pool.heads.learn(data, self.status, self.keep_alive)
            self._finish(self.status, self.keep_alive)
        elif self.head is None:
            self.head = data
        elif HEAD_END not in self.head and len(self.head) < HEAD_LIMIT:
            self.head += data

    def on_message_complete(self) -> None:
        """Note the end of a response; an informational one (1xx) is followed by the real one."""
        status = self.parser.get_status_code()
        if status >= 200:
            self.status = status
            self.keep_alive = self.parser.should_keep_alive()

    def _finish(self, status: int, keep_alive: bool) -> None:
        now = monotonic()
        pool = self.pool
        intended = self.intended
        failure: Failure | None = None if status in pool.expected else "status"
        if now - intended > pool.timeout:
            failure = "timeout"
        pool.last_status = status
        pool.in_flight -= 1
        self.status = 0
        self.head = None
        self.busy = self.fresh = False
        if not keep_alive:
            # The server closes, so that the TIME_WAIT is on its side: the ports of a client are limited.
            self.closed = True
        elif pool.waiting:
            self.start(*pool.waiting.popleft(), False)
        else:
            pool.idle.append(self)
        pool.done(intended, now, failure)

    def fail(self, failure: Failure) -> None:
        """End the request in flight without a response, and close the connection."""
        self.busy = False
        self.drop()
        self.pool.in_flight -= 1
        self.pool.done(self.intended, monotonic(), failure)

    def drop(self) -> None:
        """Close at once and leave the pool."""
        self.closed = True
        self.pool.connections.discard(self)
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request in flight: complete where the end of the connection ends the body, else retried or failed."""
        self.closed = True
        self.pool.connections.discard(self)
        if self.busy:
            if exc is None and self.head is not None and ends_with_connection(self.head):
                self._finish(self.parser.get_status_code(), False)
            elif self.head is None and not self.fresh and not self.retried:
                # The server closed an idle connection while the request was on its way: that is no failure.
                self.busy = False
                self.pool.retry(self.index, self.intended)
            else:
                self.fail("reset")
        # These and the connection refer to each other, and nothing collects cycles during a load.
        del self.parser, self.feed, self.write


class CapturingConnection(Connection):
    """A connection that keeps the beginning of a response's body, so that it can be shown."""

    def on_body(self, data: bytes) -> None:
        """Keep the first bytes."""
        body = self.pool.last_body
        body += data[: BODY_SHOWN - len(body)]
