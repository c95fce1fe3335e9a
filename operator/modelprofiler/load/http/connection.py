"""One connection of a client: a request goes out, its response comes in, then the next request goes out.

A connection reads and writes what all connections of a client share, the `Pool`. `client.Client` is the pool that also
opens connections.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Literal

import httptools

from modelprofiler.load.http.answers import END_BYTES, KEPT_BYTES, Answers
from modelprofiler.load.http.irregular import (
    ENDLESS_HEAD,
    HEAD_END,
    HEAD_LIMIT,
    ends_with_connection,
    head_is_complete,
    lenient_parser,
    objection,
    without_repetition,
)
from modelprofiler.load.http.response import KnownHeads
from modelprofiler.load.http.secure import SecureWire
from modelprofiler.load.http.wire import Wire

Failure = Literal["refused", "reset", "timeout", "status", "protocol", "content"]
Done = Callable[[float, float, Failure | None, int], None]
"""Called with the intended send time, the time of the end (both on the monotonic clock), how the request failed, and
its index."""

BODY_SHOWN = 4096
"""Bytes of a response's body that a capturing connection keeps: more than the 300 characters that are shown of it."""

SHORTEST_DELAY, LONGEST_DELAY = 0.036, 0.06
"""Seconds by which Linux delays an acknowledgement: 40 ms at least (TCP_DELACK_MIN), and for the first requests seldom
more. A server that writes the head and the body of an answer separately, without TCP_NODELAY, waits for it in between
(Nagle's algorithm, RFC 896)."""


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
    answers
        What answers came.
    split_answers
        Answers of which the end came as long after the beginning as an acknowledgement is delayed.
    objection
        What the last response was instead of HTTP/1.1, as the end of a sentence; empty where there was none.
    last_error
        Why the last connection could not be opened, or was ended by an alert of TLS; None when that has not happened.
    last_status, last_body, last_location
        Status code of the last response, and the beginning of its body and its Location where connections capture them.
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
        self.answers = Answers()
        self.tallies = self.answers.tallies
        self.objection = ""
        self.split_answers = 0
        self.last_error: OSError | None = None
        self.last_status = 0
        self.last_body = bytearray()
        self.last_location = ""

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


class Connection:
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
        "split_at",
        "status",
        "tail",
        "transport",
        "write",
    )

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: Wire | SecureWire | None = None
        self.parser = lenient_parser(self)
        self.feed = self.parser.feed_data
        self.busy = self.closed = self.retried = self.keep_alive = False
        self.fresh = True
        self.intended = self.split_at = 0.0
        self.index = self.status = 0
        self.head: bytes | None = None
        self.tail = b""

    def connection_made(self, transport: Wire | SecureWire) -> None:
        """Join the pool."""
        self.transport = transport
        self.write = transport.write
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
            length, status, keep_alive, tally = known
            if len(data) == length:
                tally.left -= 1
                if not tally.left:
                    self.pool.answers.keep(tally, self.index, data, length)
                self._finish(status, keep_alive)
                return
        try:
            self.feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._parse_again(data, error):
                return
        if self.status:
            self._complete(data)
        else:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        """Keep the beginning of a response that goes on."""
        if self.head is None:
            self.head = data
            self.split_at = monotonic()
        elif len(self.head) < KEPT_BYTES or (HEAD_END not in self.head and len(self.head) < HEAD_LIMIT):
            self.head += data
        else:
            self.tail = (self.tail + data)[-END_BYTES:]

    def _complete(self, data: bytes) -> None:
        """Count the answer that ends with these bytes, and end the request."""
        head, pool, status = self.head, self.pool, self.status
        if head is not None and SHORTEST_DELAY <= monotonic() - self.split_at <= LONGEST_DELAY:
            pool.split_answers += 1
        length = len(data) if head is None else len(head) + len(data)  # of a long one only what is kept
        tally = pool.tallies.get((status, length)) or pool.answers.tally(status, length)
        tally.left -= 1
        if not tally.left:
            end = (head or b"")[-END_BYTES:] + self.tail + data
            pool.answers.keep(tally, self.index, data if head is None else head + data, length, end)
        if head is None:
            pool.heads.learn(data, status, self.keep_alive, tally)
        self._finish(status, self.keep_alive)

    def _parse_again(self, data: bytes, error: Exception) -> bool:
        """Parse a response that the parser refused, after a repeated length is removed; return whether it is complete.

        Where that does not help, the request has failed.
        """
        if self.status:
            self.keep_alive = False  # the response was complete; the bytes after it were not HTTP
            return True
        received = data if self.head is None else self.head + data
        if not head_is_complete(received):
            self.head = received  # and the parser refuses the rest again
            return False
        accepted = without_repetition(received)
        if accepted is not None:
            self.parser = lenient_parser(self)
            self.feed = self.parser.feed_data
            try:
                self.feed(accepted)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as again:
                error = again
            else:
                if not self.status:
                    self.head = accepted
                return bool(self.status)
        self.pool.objection = objection(received, error, tls=isinstance(self.transport, SecureWire))
        self.fail("protocol")
        return False

    def on_message_complete(self) -> None:
        """Note the end of a response; an informational one (1xx) is followed by the real one."""
        status = self.parser.get_status_code()
        if status >= 200:
            self.status = status
            self.keep_alive = self.parser.should_keep_alive()

    def _finish(self, status: int, keep_alive: bool) -> None:
        now = monotonic()
        pool = self.pool
        intended, index = self.intended, self.index  # the next request may start below
        failure: Failure | None = None if status in pool.expected else "status"
        if now - intended > pool.timeout:
            failure = "timeout"
        pool.last_status = status
        pool.in_flight -= 1
        self.status = 0
        self.head = None
        self.tail = b""
        self.busy = self.fresh = False
        if not keep_alive:
            # The server closes, so that the TIME_WAIT is on its side: the ports of a client are limited.
            self.closed = True
        elif pool.waiting:
            self.start(*pool.waiting.popleft(), False)
        else:
            pool.idle.append(self)
        pool.done(intended, now, failure, index)

    def fail(self, failure: Failure) -> None:
        """End the request in flight without a response, and close the connection."""
        self.busy = False
        self.drop()
        self.pool.in_flight -= 1
        self.pool.done(self.intended, monotonic(), failure, self.index)

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
                self.status, self.keep_alive = self.parser.get_status_code(), False
                self._complete(b"")
            elif self.head is None and not self.fresh and not self.retried:
                # The server closed an idle connection while the request was on its way: that is no failure.
                self.busy = False
                self.pool.retry(self.index, self.intended)
            else:
                if isinstance(self.transport, SecureWire) and self.transport.error is not None:
                    self.pool.last_error = self.transport.error
                self.fail("reset")
        # These and the connection refer to each other, and nothing collects cycles during a load.
        del self.parser, self.feed, self.write


class CapturingConnection(Connection):
    """A connection that keeps the beginning of a response's body, and where it leads, so that they can be shown.

    Its parser therefore keeps each header line until its end, and also those after a body.
    """

    __slots__ = ("without_body",)

    def __init__(self, pool: Pool) -> None:
        self.without_body = 0
        super().__init__(pool)

    def on_message_begin(self) -> None:
        """Count anew: the message before may have been an informational one."""
        self.without_body = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the Location."""
        if name.lower() == b"location":
            self.pool.last_location = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        """Keep the first bytes."""
        self.without_body = 0
        body = self.pool.last_body
        body += data[: BODY_SHOWN - len(body)]

    def _keep(self, data: bytes) -> None:
        """Keep the beginning of a response that goes on; it fails where its header lines have no end."""
        super()._keep(data)
        self.without_body += len(data)
        if self.without_body > ENDLESS_HEAD:
            self.pool.objection = f"with header lines of more than {ENDLESS_HEAD // 1024} KiB"
            self.fail("protocol")
