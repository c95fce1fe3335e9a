"""Before the load: something listens, one request is answered as expected, and the server is idle."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from modelprofiler.api.expectation import Expectation
from modelprofiler.load.before.answer import Answer
from modelprofiler.load.http.client import Client
from modelprofiler.load.http.connection import Done, Failure

PROBES = 3
"""Requests of which the median is taken: the fewest of which one may be an outlier."""

SETTLE_SECONDS = 10.0
"""How long to wait for a server that still works on what an earlier load left behind. Chosen, not fitted: long enough
for the queue of an overload that was stopped early, short compared with a window of half a minute. A server that takes
longer is measured as it is."""

SETTLED_RATIO = 2.0
"""A server counts as idle when a request takes at most this many times as long as in the reference trial: its latency
at less CPU is longer, and a queue makes it longer still. It was chosen, not fitted."""

STILL_FALLING = 0.9
"""Waiting goes on while the median is below this share of the one before: the queue is still draining. Chosen, not
fitted; where chance makes the median of an idle server fall by a tenth, waiting goes on for three requests more."""

LONGEST_SWEEP = 1.0
"""Longest time between two looks at a request with much patience, in seconds."""

CONNECT_ATTEMPT_SECONDS = 5.0
"""How long one attempt to connect may last: Linux sends a lost SYN again after 1 and 3 seconds."""
FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.05, 1.5, 0.5
"""Pause between attempts, in seconds: short at first, because most servers listen already, and then growing to half a
second, which a server that starts up does not notice."""


class Prober:
    """Sends single requests.

    Parameters
    ----------
    make_client
        Makes a client that calls the given function at the end of each request, and keeps the body.
    path
        The path that they ask for.
    expect
        What is expected of the answers.
    """

    def __init__(
        self, make_client: Callable[[Done], Client], path: str = "", expect: Expectation | None = None
    ) -> None:
        self._client = make_client(self._ended)
        self._timeout = self._client.timeout
        self._path = path
        self._expect = expect or Expectation()
        self.responses = 0
        self._end: asyncio.Future[tuple[float, Failure | None]] | None = None

    def _ended(self, intended: float, now: float, failure: Failure | None, _index: int) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result((now - intended, failure))

    async def ask(self, index: int = 0, timeout: float | None = None) -> Answer:  # noqa: ASYNC109 - of the request
        """Send request ``index`` and wait for its end, ``timeout`` seconds instead of the usual time."""
        client = self._client
        client.timeout = self._timeout if timeout is None else timeout
        client.last_body.clear()
        client.last_location, client.objection = "", ""
        client.last_error = None
        self._end = asyncio.get_running_loop().create_future()
        client.submit(index, monotonic())
        # The client fails a request only when it is swept; a twentieth of the timeout is as exact as it need be.
        sweep_seconds = min(max(client.timeout / 20, 0.01), LONGEST_SWEEP)
        while True:
            with contextlib.suppress(TimeoutError):
                latency, failure = await asyncio.wait_for(asyncio.shield(self._end), sweep_seconds)
                break
            client.sweep(monotonic())
        answered = failure in {None, "status", "content"}
        self.responses += answered
        return Answer(
            latency=latency,
            failure=failure,
            status=client.last_status if answered else None,
            body=bytes(client.last_body).decode("utf-8", "replace").strip(),
            error=client.last_error,
            location=client.last_location,
            objection=client.objection,
            path=self._path,
            unmet=client.judging.last if client.judging is not None else None,
            expect=self._expect,
        )

    async def settled_latency(self, reference: float | None) -> float | None:
        """Wait until the server is as idle as it gets, and return the latency of a single request then, in seconds.

        That latency is the median of three requests. With a ``reference`` (seconds) they are repeated until the median
        is at most twice that, or no longer falls (a server with less CPU is slower however long one waits), for ten
        seconds at most. Returns None when a request failed.
        """
        end = monotonic() + SETTLE_SECONDS
        before: float | None = None
        while True:
            latencies = []
            for _ in range(PROBES):
                answer = await self.ask()
                if answer.failure is not None:
                    return None
                latencies.append(answer.latency)
            median = statistics.median(latencies)
            if reference is None or median <= SETTLED_RATIO * reference or monotonic() >= end:
                return median
            if before is not None and median > STILL_FALLING * before:
                return median
            before = median

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class Listener:
    """Where something listens: a numeric address; or, without one, why no connection could be opened."""

    address: str | None
    reason: str = ""


async def wait_for_listener(
    host: str,
    port: int,
    timeout: float,  # noqa: ASYNC109 - it tries again until then
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> Listener:
    """Wait until a connection can be opened, ``timeout`` seconds at most; the name is resolved here and never again.

    With TLS the handshake is made as well: a server would log a connection that ends before it as an error.
    """
    loop = asyncio.get_running_loop()
    end = monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        try:
            left = (end - monotonic()) / (2 if tls else 1)  # a second attempt may be needed, without TLS
            async with asyncio.timeout(max(min(CONNECT_ATTEMPT_SECONDS, left), FIRST_PAUSE)):
                transport, _ = await loop.create_connection(
                    asyncio.Protocol, host, port, ssl=tls, server_hostname=server_name
                )
        except ssl.SSLError:  # something listens; the first request says what is wrong with it
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return Listener(str(addresses[0][4][0]))
        except TimeoutError:
            reason = "no answer"
            tls = server_name = None  # a server of plain HTTP waits for the rest of what it takes for a request
        except OSError as e:
            reason = e.strerror or str(e)
        else:
            address = str(transport.get_extra_info("peername")[0])
            transport.close()
            return Listener(address)
        if monotonic() + pause >= end:
            return Listener(None, reason)
        await asyncio.sleep(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
