"""The pool of keep-alive connections over which requests go out.

One request is in flight on a connection at a time. The connection used last is used next, so that a load needs as few
connections as it can. Everything that can be done once for all requests is done before the first. The code that runs
for each request is `Client.submit`, and `start`, `data_received` and `_finish` of `connection.Connection`.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ssl
from collections.abc import Callable, Sequence
from time import monotonic

from modelprofiler.api.expectation import Expectation
from modelprofiler.load.http.connection import CapturingConnection, Connection, Done, Failure, Pool
from modelprofiler.load.http.judging import Judging, JudgingConnection
from modelprofiler.load.http.response import NoHeads
from modelprofiler.load.http.secure import connect_securely
from modelprofiler.load.http.wire import connect

OUT_OF_PORTS = frozenset({errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE})
"""Errors of connect(2) and socket(2) that mean that this machine has no local port or file descriptor left."""

CLOSE_SECONDS = 5.0
"""Connections that are being opened end as soon as they are cancelled; the bound is there so that a fault cannot hang
the load."""


class Client(Pool):
    """Sends requests and reports how each ended.

    Parameters
    ----------
    host, port
        Numeric address to connect to.
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
        The TLS settings of an HTTPS endpoint.
    server_name
        The name that the server's certificate must have.
    capture
        Keep the beginning of each response's body in `last_body`.
    expect
        What answers are judged by besides their status; None, or an expectation of a status alone, for nothing.

    Attributes
    ----------
    judging
        Judges the answers; None where their status is all that is expected.
    ports_exhausted
        Connections that could not be opened because this machine had no local port or file descriptor left.
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
        expect: Expectation | None = None,
    ) -> None:
        super().__init__(requests, timeout, expected, done)
        self.ports_exhausted = 0
        self.judging: Judging | None = None
        self._new_connection: Callable[[Pool], Connection] = CapturingConnection if capture else Connection
        if expect is not None and expect.is_about_content:
            self.judging = Judging(expect, self.answers, done)
            self.done = self.judging.ended
            self._new_connection = functools.partial(JudgingConnection, self.judging)
        if capture or self.judging is not None:
            self.heads = NoHeads()
        self._host, self._port = host, port
        self._tls, self._server_name = tls, server_name
        self.max_in_flight = max_in_flight
        self._connecting: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def submit(self, index: int, intended: float) -> bool:
        """Send request ``index``, due at ``intended``; return False, and send nothing, with too many in flight."""
        if self.in_flight >= self.max_in_flight:
            return False
        self.in_flight += 1
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.closed:  # the following lines are Connection.start, without the cost of a call
                connection.busy = True
                connection.index = index
                connection.intended = intended
                connection.retried = False
                connection.write(self.requests[index])
                return True
        self.waiting.append((index, intended))
        self.open_connection()
        return True

    def sweep(self, now: float) -> None:
        """Fail every request that has taken longer than the timeout; must be called regularly.

        Looking at every connection several times a second costs less than a timer for every request.
        """
        due = now - self.timeout
        for connection in [c for c in self.connections if c.closed]:
            connection.drop()  # the server said that it would close it, and has not
        for connection in [c for c in self.connections if c.busy and c.intended <= due]:
            connection.fail("timeout")
        for queue in (self.waiting, self.retries):
            while queue and queue[0][1] <= due:
                index, intended = queue.popleft()
                self.in_flight -= 1
                self.done(intended, now, "timeout", index)

    def ages(self, now: float) -> list[float]:
        """Return the age of each request in flight: seconds since its intended send time."""
        sent = [c.intended for c in self.connections if c.busy]
        queued = [intended for _, intended in (*self.waiting, *self.retries)]
        return [now - intended for intended in sent + queued]

    async def close(self) -> None:
        """Close all connections; requests in flight are forgotten."""
        self.waiting.clear()
        self.retries.clear()
        for connection in list(self.connections):
            connection.busy = False
            connection.drop()
        tasks = list(self._connecting)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        await asyncio.sleep(0)  # the loop calls connection_lost

    def open_connection(self) -> None:
        """Begin to open another connection."""
        task = self._loop.create_task(self._open())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                connection = self._new_connection(self)
                if self._tls is None:
                    connection.connection_made(await connect(self._loop, self._host, self._port, connection))
                else:
                    address = (self._host, self._port)
                    await connect_securely(self._loop, address, connection, self._tls, self._server_name)
        except OSError as e:  # TimeoutError and ssl.SSLError are OSErrors, too
            self._failed_to_open(e)

    def _failed_to_open(self, error: OSError) -> None:
        self.last_error = error
        if error.errno in OUT_OF_PORTS:
            self.ports_exhausted += 1
        if queue := self.waiting or self.retries:
            index, intended = queue.popleft()
            self.in_flight -= 1
            self.done(intended, monotonic(), failure_of(error), index)


def failure_of(error: OSError) -> Failure:
    """Return as which failure a request counts whose connection could not be opened."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case ssl.SSLError():
            return "protocol"
        case _:
            return "refused"
