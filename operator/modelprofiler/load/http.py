"""The hot path: requests out, responses in, over a pool of keep-alive connections.

One request is in flight on a connection at a time. The connection used last is used next, so that a load needs as few
as it can. Everything that can be done once for all requests is done before the first; what happens for each request is
in `Client.submit`, `Connection.start` and `Connection.data_received`.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Literal

import httptools

if TYPE_CHECKING:
    import ssl

Failure = Literal["refused", "reset", "timeout", "status", "protocol"]
Done = Callable[[float, float, Failure | None], None]
"""Called with the intended send time, the time of the end (both of the monotonic clock), and what failed."""

_LENGTH = re.compile(rb"(?im)^(content-length|transfer-encoding)[ \t]*:")
_HEAD_LIMIT = 64 * 1024
SHOWN = 4096
"""Bytes of a response's body that are kept, where they are kept at all."""


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
    )

    def __init__(self, client: Client) -> None:
        self.client = client
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.feed = self.parser.feed_data
        self.busy = self.closed = self.retried = self.keep = False
        self.fresh = True
        self.intended = 0.0
        self.index = self.status = 0
        self.head: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the pool, or take the request that waits longest."""
        self.transport = transport  # type: ignore[assignment]
        self.client._opened(self)  # noqa: SLF001 - a connection is a part of its client

    def start(self, index: int, intended: float, retried: bool) -> None:
        """Send request number ``index``."""
        self.busy = True
        self.index = index
        self.intended = intended
        self.retried = retried
        self.transport.write(self.client.requests[index])  # type: ignore[union-attr]

    def data_received(self, data: bytes) -> None:
        """Parse what came; when the response is complete, end the request."""
        if not self.busy:  # such as a 408 on an idle connection
            self._drop()
            return
        try:
            self.feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.status:
                self.fail("protocol")
                return
            self.keep = False  # the response was complete; what followed it was not HTTP
        if self.status:
            self._finish()
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

    def _finish(self) -> None:
        now = monotonic()
        client = self.client
        intended = self.intended
        failure: Failure | None = None if self.status in client.expected else "status"
        if now - intended > client.timeout:
            failure = "timeout"
        client.last_status = self.status
        client.in_flight -= 1
        self.status = 0
        self.head = None
        self.busy = self.fresh = False
        if not self.keep:
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
                self.status, self.keep = self.parser.get_status_code(), False
                self._finish()
            elif self.head is None and not self.fresh and not self.retried:
                # The server closed an idle connection while the request was under way: nobody's failure.
                self.busy = False
                self.client._retry(self.index, self.intended)  # noqa: SLF001
            else:
                self.fail("reset")
        del self.parser, self.feed  # parser and connection hold each other, and nobody collects cycles during a load


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


class Client:
    """Sends requests and tells how each ended.

    Parameters
    ----------
    host, port
        Numeric address to connect to (a name is looked up for each connection).
    requests
        Every request as bytes, by index.
    timeout
        Seconds from the intended send time after which a request has failed.
    expected
        Status codes of a good response.
    max_in_flight
        Requests in flight at most.
    done
        Called once for each request that `submit` accepted.
    tls
        For HTTPS.
    capture
        Keep the beginning of each response's body in `last_body`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        requests: Sequence[bytes],
        *,
        timeout: float,
        expected: frozenset[int],
        max_in_flight: int,
        done: Done,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        capture: bool = False,
    ) -> None:
        self.requests = requests
        self.timeout = timeout
        self.expected = expected
        self.done = done
        self.in_flight = 0
        self.last_status = 0
        self.last_body = bytearray()
        self.last_error = ""
        self.ports_exhausted = 0
        self.connections: set[Connection] = set()
        self._connection_type = CapturingConnection if capture else Connection
        self._host, self._port = host, port
        self._tls, self._server_name = tls, server_name
        self._max_in_flight = max_in_flight
        self.idle: list[Connection] = []
        self.waiting: deque[tuple[int, float]] = deque()
        self._again: deque[tuple[int, float]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def submit(self, index: int, intended: float) -> bool:
        """Send request ``index``, due at ``intended``; False, and nothing sent, with too many in flight."""
        if self.in_flight >= self._max_in_flight:
            return False
        self.in_flight += 1
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.closed:
                connection.start(index, intended, False)
                return True
        self.waiting.append((index, intended))
        self._connect()
        return True

    def sweep(self, now: float) -> None:
        """Fail every request that has taken longer than the timeout; to be called now and then.

        Looking at every connection now and then costs less than a timer for every request.
        """
        due = now - self.timeout
        for connection in [c for c in self.connections if c.closed]:
            connection._drop()  # noqa: SLF001 - the server said that it would, and did not
        for connection in [c for c in self.connections if c.busy and c.intended <= due]:
            connection.fail("timeout")
        for queue in (self.waiting, self._again):
            while queue and queue[0][1] <= due:
                _, intended = queue.popleft()
                self.in_flight -= 1
                self.done(intended, now, "timeout")

    def ages(self, now: float) -> list[float]:
        """Return how long each request in flight has been so, in seconds since its intended send time."""
        sent = [c.intended for c in self.connections if c.busy]
        return [now - intended for intended in sent + [w[1] for w in (*self.waiting, *self._again)]]

    async def close(self) -> None:
        """Close all connections; requests in flight are forgotten."""
        self.waiting.clear()
        self._again.clear()
        for connection in list(self.connections):
            connection.busy = False
            connection._drop()  # noqa: SLF001
        tasks = list(self._connecting)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        await asyncio.sleep(0)  # lets transports say goodbye

    def _opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        if self._again:  # only a fresh connection is surely not about to be closed as idle
            connection.start(*self._again.popleft(), True)
        elif self.waiting:
            connection.start(*self.waiting.popleft(), False)
        else:
            self.idle.append(connection)

    def _retry(self, index: int, intended: float) -> None:
        self._again.append((index, intended))
        self._connect()

    def _connect(self) -> None:
        task = self._loop.create_task(self._open())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                await self._loop.create_connection(
                    lambda: self._connection_type(self),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._server_name,
                )
        except OSError as e:  # TimeoutError and ssl.SSLError are of this kind too
            self._failed_to_open(e)

    def _failed_to_open(self, error: OSError) -> None:
        self.last_error = str(error)
        if isinstance(error, TimeoutError):
            failure: Failure = "timeout"
        elif isinstance(error, ConnectionResetError | BrokenPipeError):
            failure = "reset"
        elif type(error).__module__ == "ssl":
            failure = "protocol"
        else:
            failure = "refused"
            if "assign requested address" in str(error) or "Too many open files" in str(error):
                self.ports_exhausted += 1
        if queue := self.waiting or self._again:
            _, intended = queue.popleft()
            self.in_flight -= 1
            self.done(intended, monotonic(), failure)
