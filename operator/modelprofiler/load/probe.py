"""Before the load: something listens, one request is answered as expected, the server is idle."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from modelprofiler.load.http import Client, Done

PROBES = 3
SETTLE_SECONDS = 10.0
"""How long to wait for a server that still works on what an earlier load left behind."""
SETTLED_RATIO = 2.0
NO_LONGER_FALLING = 0.9
SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request ended; latency in seconds."""

    latency: float
    failure: str | None
    status: int | None
    body: str
    error: str

    @property
    def sentence(self) -> str:
        """What went wrong, for people."""
        if self.failure == "status":
            return f"the first request was answered with status {self.status}: {self.body or '(no body)'}"
        what = {
            "timeout": f"was not answered within {self.latency:.3g} s",
            "reset": "was not answered: the server closed the connection",
            "refused": "was not sent: the connection was refused",
            "protocol": "was not sent: no TLS" if self.error else "was answered with something that is not HTTP",
        }[self.failure or "protocol"]
        return f"the first request {what}" + (f" ({self.error})" if self.error else "")


class Prober:
    """Sends single requests.

    Parameters
    ----------
    make_client
        Makes a client that calls the given function at the end of each request, and keeps the body.
    timeout
        Of a request, in seconds.
    """

    def __init__(self, make_client: Callable[[Done], Client], timeout: float) -> None:
        self._client = make_client(self._ended)
        self._timeout = timeout
        self.responses = 0
        self._end: asyncio.Future[tuple[float, str | None]] | None = None

    def _ended(self, intended: float, now: float, failure: str | None) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result((now - intended, failure))

    async def ask(self, index: int = 0) -> Answer:
        """Send request ``index`` and wait for its end."""
        client = self._client
        client.last_body.clear()
        client.last_error = ""
        self._end = asyncio.get_running_loop().create_future()
        started = monotonic()
        client.submit(index, started)
        while True:
            with contextlib.suppress(TimeoutError):
                latency, failure = await asyncio.wait_for(asyncio.shield(self._end), max(self._timeout / 20, 0.01))
                break
            client.sweep(monotonic())
        answered = failure in {None, "status"}
        self.responses += answered
        return Answer(
            latency=latency,
            failure=failure,
            status=client.last_status if answered else None,
            body=bytes(client.last_body).decode("utf-8", "replace").strip()[:SHOWN_CHARACTERS],
            error=client.last_error,
        )

    async def settled(self, reference: float | None) -> float | None:
        """Return the latency of a single request, once the server is as idle as it gets.

        That is the median of three requests. With a ``reference`` (seconds) they are repeated until the median is at
        most twice that, or no longer falls (a server with less CPU is slower however long one waits), for ten seconds
        at most. None when a request failed.
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
            if before is not None and median > NO_LONGER_FALLING * before:
                return median
            before = median

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class Listener:
    """Where something listens: a numeric address; or, without one, why nothing was found."""

    address: str | None
    reason: str = ""


async def wait_for_listener(host: str, port: int, timeout: float) -> Listener:  # noqa: ASYNC109 - it tries again until then
    """Wait until a connection can be made, ``timeout`` seconds at most; a name is looked up here, and never again."""
    loop = asyncio.get_running_loop()
    end = monotonic() + timeout
    pause = 0.05
    while True:
        try:
            async with asyncio.timeout(max(min(5.0, end - monotonic()), 0.05)):
                transport, _ = await loop.create_connection(asyncio.Protocol, host, port)
        except TimeoutError:
            reason = "no answer"
        except OSError as e:
            reason = e.strerror or str(e)
        else:
            address = str(transport.get_extra_info("peername")[0])
            transport.close()
            return Listener(address)
        if monotonic() + pause >= end:
            return Listener(None, reason)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5)
