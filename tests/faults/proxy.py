"""A server that stands between the operator and another server, and makes what a network and a busy server make.

It is real: the operator connects to it over TCP, and it asks the other server in the operator's name. What it does to
a question is decided by a function of the test: pass it on, answer it with an error, reset the connection before or
after the other server has done what it was asked, wait, change the answer, or send it a byte at a time. Watches can be
cut off after a time, ended, and held up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

START_SECONDS, STOP_SECONDS = 10.0, 0.5
ANSWER_SECONDS = 300.0
"""Longer than any watch of the operator lasts."""
LARGEST_QUESTION = 2**22
"""Bytes: more than the API server takes."""
HOLD_SECONDS = 0.1
CLOSE_SECONDS = 0.25
"""In which connections with TLS close: https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown"""
TO_PASS_ON = ("authorization", "content-type", "accept", "user-agent")
TO_PASS_BACK = ("content-type", "retry-after", "warning")


@dataclass(frozen=True)
class Question:
    """What the proxy was asked."""

    method: str
    path: str
    query: Mapping[str, str]

    @property
    def is_watch(self) -> bool:
        """Whether its answer goes on until somebody ends it."""
        return self.query.get("watch") == "true"

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET" and "dryRun" not in self.query


@dataclass(frozen=True)
class Refuse:
    """Answer without asking the other server."""

    status: int
    reason: str
    message: str
    retry_after: int | None = None


@dataclass(frozen=True)
class Reset:
    """Reset the connection."""

    answered: bool
    """Whether the other server has done what it was asked: its answer is lost."""


@dataclass(frozen=True)
class Slow:
    """Wait before the other server is asked."""

    seconds: float


@dataclass(frozen=True)
class Trickle:
    """Send the answer a byte at a time, with a pause after each."""

    seconds: float = 1.0


@dataclass(frozen=True)
class Rewrite:
    """Change the JSON of an answer."""

    change: Callable[[Any], Any]


Means = Refuse | Reset | Slow | Trickle | Rewrite
Decide = Callable[[Question], Means | None]


class Proxy:
    """A proxy of one server; use `running`.

    Parameters
    ----------
    upstream
        Address of the other server.
    tls
        How to trust it; None: it speaks plain HTTP.
    """

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None) -> None:
        self._upstream, self._tls = upstream.rstrip("/"), tls
        self.decide: Decide = lambda question: None
        """What to do with a question: None passes it on."""
        self.watch_seconds: float | None = None
        """How long a watch lasts until its connection is reset; None: as long as the server lets it."""
        self.asked: Counter[str] = Counter()
        """Questions, by what was done with them."""
        self.statuses: Counter[int] = Counter()
        """Answers of the other server, by their status; a watch that ends by an event of an error counts as that."""
        self.holds_watches = False
        """Whether watches that are asked for wait."""
        self._watches: dict[asyncio.Task[None], bool] = {}
        """Those that go on, and whether they end as the server ends them."""
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self.url = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[Proxy]:
        """Serve on a free port of this machine while the block runs."""
        ready = threading.Event()
        thread = threading.Thread(target=self._run, args=(ready,), name="proxy", daemon=True)
        thread.start()
        assert ready.wait(START_SECONDS), "the proxy does not start"
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(START_SECONDS)

    def end_watches(self) -> None:
        """End every watch now, as the server itself does from time to time."""
        self._loop.call_soon_threadsafe(self._end_watches)

    def _end_watches(self) -> None:
        for copying in self._watches:
            self._watches[copying] = True
            copying.cancel()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self._app(), handle_signals=False, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._loop.run_until_complete(self._start(runner))
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop(runner))
        self._loop.close()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_QUESTION)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _start(self, runner: web.AppRunner) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        connector = aiohttp.TCPConnector(ssl=self._tls or False, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listener).start()
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def _stop(self, runner: web.AppRunner) -> None:
        self._end_watches()
        await runner.cleanup()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        await asyncio.sleep(CLOSE_SECONDS)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        question = Question(request.method, request.path, dict(request.query))
        means = self.decide(question)
        self.asked[name_of(means)] += 1
        while question.is_watch and self.holds_watches:  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(HOLD_SECONDS)
        match means:
            case Refuse():
                return _refusal(means)
            case Reset(answered=False):
                return _reset(request)
            case Slow():
                await asyncio.sleep(means.seconds)
        try:
            return await self._pass_on(request, question, means)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return _reset(request)  # as the other server has done

    async def _pass_on(self, request: web.Request, question: Question, means: Means | None) -> web.StreamResponse:
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() in TO_PASS_ON}
        body = await request.read() if request.can_read_body else None
        address = f"{self._upstream}{request.raw_path}"
        async with self._session.request(
            request.method, URL(address, encoded=True), headers=headers, data=body
        ) as answer:
            self.statuses[answer.status] += 1
            back = {name: value for name, value in answer.headers.items() if name.lower() in TO_PASS_BACK}
            if question.is_watch and answer.status == 200:
                return await self._stream(request, answer, back)
            data = await answer.read()
            if isinstance(means, Reset):
                return _reset(request)
            if isinstance(means, Rewrite):
                data = json.dumps(means.change(json.loads(data))).encode()
            if isinstance(means, Trickle):
                return await _trickle(request, answer.status, back, data, means.seconds)
            return web.Response(status=answer.status, headers=back, body=data)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=200, headers=headers)
        await response.prepare(request)
        copying = asyncio.create_task(self._copy(answer, response))
        self._watches[copying] = False
        try:
            await asyncio.wait({copying}, timeout=self.watch_seconds)
            if not copying.done():
                self.asked["watches cut off"] += 1
                copying.cancel()
        finally:
            is_over = self._watches.pop(copying)
        if is_over or (copying.done() and not copying.cancelled() and copying.exception() is None):
            return response
        return _reset(request)

    async def _copy(self, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        async for chunk in answer.content.iter_any():
            if b'"code":410' in chunk:
                self.statuses[410] += 1
            await response.write(chunk)


def name_of(means: Means | None) -> str:
    """Return what an answer is called in a count of them."""
    match means:
        case None:
            return "passed on"
        case Refuse():
            return f"answered {means.status}"
        case Reset(answered=True):
            return "answers lost"
        case Reset():
            return "connections reset"
        case _:
            return type(means).__name__.lower()


def _refusal(means: Refuse) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": means.message,
        "reason": means.reason,
        "code": means.status,
    }
    headers = {"Retry-After": str(means.retry_after)} if means.retry_after is not None else {}
    return web.json_response(status, status=means.status, headers=headers)


def _reset(request: web.Request) -> web.Response:
    """Close a connection so that the other side reads a reset, and not an end."""
    if request.transport is not None:
        with contextlib.suppress(OSError, AttributeError):
            request.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        request.transport.abort()
    return web.Response(status=500)  # nobody reads it


async def _trickle(
    request: web.Request, status: int, headers: Mapping[str, str], data: bytes, pause: float
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        for place in range(len(data)):
            await response.write(data[place : place + 1])
            await asyncio.sleep(pause)
    return response
