"""The pool of keep-alive connections, over which requests go out.

One request is in flight on a connection at a time. The connection used last is used next, so that a load needs as few
as it can. Everything that can be done once for all requests is done before the first; what happens for each request is
in `Client.submit`, and in `start`, `data_received` and `_finish` of `connection.Connection`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from modelprofiler.load.connection import CapturingConnection, Connection, Done, Failure, Heads
from modelprofiler.load.wire import connect

if TYPE_CHECKING:
    import ssl

__all__ = ["Client", "Done"]


class Client:
    """Sends requests and tells how each ended.

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
        self.heads = Heads()
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
            if not connection.closed:  # what follows is Connection.start, without the call
                connection.busy = True
                connection.index = index
                connection.intended = intended
                connection.retried = False
                connection.write(self.requests[index])
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
                connection = self._connection_type(self)
                if self._tls is None:
                    connection.connection_made(await connect(self._loop, self._host, self._port, connection))
                else:
                    await self._loop.create_connection(
                        lambda: connection, self._host, self._port, ssl=self._tls, server_hostname=self._server_name
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
