"""What stands between the operator and another server does what a network and a busy server do, and notes it."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest
from tests.faults.proxy import Means, Proxy, Refuse, Reset, Rewrite, Slow, Trickle


class Server(BaseHTTPRequestHandler):
    """Answers with what it was asked; a watch has an event at once, and ends after a second."""

    asked: list[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.asked.append(f"{self.command} {self.path} {body}")
        if "watch=true" in self.path:
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b'{"type":"ADDED"}\n')
            self.wfile.flush()
            time.sleep(1)
            self.close_connection = True
            return
        data = json.dumps({"token": self.headers.get("Authorization"), "body": body}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def asked() -> list[str]:
    """Return what the server was asked."""
    return []


@pytest.fixture
def proxy(asked: list[str]) -> Iterator[Proxy]:
    """Start a server, and a proxy of it."""
    handler = type("Handler", (Server,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with Proxy(f"http://127.0.0.1:{server.server_port}").running() as proxy:
            yield proxy
        server.shutdown()


async def _ask(proxy: Proxy, path: str = "/a%2Fb?x=1", data: str | None = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session:
        method = "POST" if data is not None else "GET"
        headers = {"Authorization": "Bearer t"}
        async with session.request(method, f"{proxy.url}{path}", data=data, headers=headers) as answer:
            return answer.status, await answer.text()


async def test_a_question_is_passed_on_as_it_was_asked(proxy: Proxy, asked: list[str]) -> None:
    """Its path as it was quoted, its body, and who asks."""
    status, text = await _ask(proxy, data="hello")
    assert (200, {"token": "Bearer t", "body": "hello"}) == (status, json.loads(text))
    assert ["POST /a%2Fb?x=1 hello"] == asked
    assert (1, 1) == (proxy.asked["passed on"], proxy.statuses[200])


async def test_an_error_is_answered_without_the_server(proxy: Proxy, asked: list[str]) -> None:
    """As the API server writes it."""
    proxy.decide = lambda _: Refuse(429, "TooManyRequests", "later", 1)
    status, text = await _ask(proxy)
    assert (429, "later", []) == (status, json.loads(text)["message"], asked)
    assert 1 == proxy.asked["answered 429"]


@pytest.mark.parametrize("answered", [False, True])
async def test_a_connection_is_reset_before_or_after_the_server_has_acted(
    answered: bool, proxy: Proxy, asked: list[str]
) -> None:
    """The client reads a reset either way."""
    proxy.decide = lambda _: Reset(answered)
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await _ask(proxy, data="write")  # a GET would be sent again by the client
    assert answered == (["POST /a%2Fb?x=1 write"] == asked)


@pytest.mark.parametrize(("means", "seconds"), [(Slow(0.3), 0.3), (Trickle(0.01), 0.3)])
async def test_an_answer_takes_time(means: Means, seconds: float, proxy: Proxy) -> None:
    """At least so long."""
    proxy.decide = lambda _: means
    began = time.monotonic()
    status, text = await _ask(proxy)
    assert (200, "Bearer t") == (status, json.loads(text)["token"])
    assert time.monotonic() - began >= seconds


async def test_an_answer_is_changed(proxy: Proxy) -> None:
    """Its JSON."""
    proxy.decide = lambda _: Rewrite(lambda answer: [answer["body"]])
    assert (200, '["x"]') == await _ask(proxy, data="x")


async def _watch(proxy: Proxy) -> str:
    """Return how a watch ended, after its first event."""
    async with aiohttp.ClientSession() as session, session.get(f"{proxy.url}/pods?watch=true") as answer:
        assert b'{"type":"ADDED"}\n' == await answer.content.readline()
        try:
            return "ended" if not await answer.content.read() else "went on"
        except aiohttp.ClientError:
            return "broke"


async def test_watches_end_when_the_server_ends_them_or_are_cut_off(proxy: Proxy) -> None:
    """Or are ended as if by the server."""
    assert "ended" == await _watch(proxy)
    proxy.watch_seconds = 0.2
    assert "broke" == await _watch(proxy)
    proxy.watch_seconds = None
    watching = asyncio.create_task(_watch(proxy))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    proxy.end_watches()
    assert "ended" == await watching
    assert time.monotonic() - began < 0.6
    assert 1 == proxy.asked["watches cut off"]


async def test_watches_are_held_up(proxy: Proxy, asked: list[str]) -> None:
    """Other questions are not."""
    proxy.holds_watches = True
    watching = asyncio.create_task(_watch(proxy))
    await _ask(proxy)
    assert 1 == len(asked)
    proxy.holds_watches = False
    assert "ended" == await watching


def test_the_end_of_a_proxy_is_the_end_of_its_port(proxy: Proxy) -> None:
    """A free port each time."""
    with Proxy("http://127.0.0.1:9").running() as other:
        port = int(other.url.rpartition(":")[2])
        assert other.url != proxy.url
    with pytest.raises(OSError, match="refused"):
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
