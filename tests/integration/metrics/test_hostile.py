"""Servers that are no Prometheus and no kubelet, or turned into enemies: each ends in a sentence, in time, in bounds.

Real sockets; each server sends a fixed answer, whatever the request was.
"""

import asyncio
import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.bounded import MOST_LABELS, MOST_SERIES
from modelprofiler.metrics.exposition import LONGEST_LINE
from modelprofiler.metrics.kubelet import KubeletSource
from modelprofiler.metrics.prometheus import PrometheusSource
from modelprofiler.metrics.series import ContainerSamples

from .conftest import REF

Send = Callable[[asyncio.StreamWriter], Awaitable[None]]

SECONDS = 4.0
"""Timeout of a source here: a busy machine needs more than a second for an answer that is refused at once."""

MOST_MEMORY = 96 * 2**20
"""Bytes that reading any answer may take: the operator has 384 MiB."""


class Enemy:
    """A server that sends something, and keeps the heads of the requests that it got."""

    def __init__(self) -> None:
        self.send: Send = _answer(b"")
        self.heads: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a request, and send."""
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self.send(writer)
            await writer.drain()
        except ConnectionError:
            pass  # the client has seen enough
        finally:
            writer.close()


@pytest.fixture
async def enemies() -> AsyncIterator[list[Enemy]]:
    """Return two servers."""
    both = [Enemy(), Enemy()]
    servers = [await asyncio.start_server(enemy.serve, "127.0.0.1", 0) for enemy in both]
    for enemy, server in zip(both, servers, strict=True):
        enemy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield both
    for server in servers:
        server.close()


def _answer(body: bytes, *headers: str, status: str = "200 OK") -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return send


def _rows(*rows: object) -> Send:
    return _answer(json.dumps({"status": "success", "data": {"result": rows}}).encode())


def _row(labels: object | None = None, values: object = ((1, "2"),)) -> dict[str, object]:
    return {"metric": labels if labels is not None else {"__name__": "container_threads"}, "values": values}


async def _trickle_head(writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Filler: " + b"a" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def _trickle_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.2)


def _endless(piece: bytes) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(piece)
            await writer.drain()

    return send


async def _garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff SSH-2.0 \r\n\r\n")


async def _nothing(_: asyncio.StreamWriter) -> None:
    return


ZIPPED = gzip.compress(b" " * 50_000_000)

ANYTHING: list[tuple[str, Send, str]] = [
    ("a head in drops", _trickle_head, "did not answer within"),
    ("a body in drops", _trickle_body, "did not answer within"),
    ("something that is not HTTP", _garbage, "cannot be"),
    ("nothing", _nothing, "cannot be"),
    ("a compressed answer", _answer(ZIPPED, "Content-Encoding: gzip"), "compressed"),
    ("a redirect to itself", _answer(b"", "Location: /", status="302 Found"), "cannot be|HTTP 302"),
    ("a redirect to a file", _answer(b"", "Location: file:///etc/passwd", status="302 Found"), "cannot be|HTTP 302"),
    ("a head without end", _endless(b"X-Filler: " + b"a" * 4000 + b"\r\n"), "cannot be|more than|did not answer"),
]

PROMETHEUS: list[tuple[str, Send, str]] = [
    ("an endless answer", _endless(b'{"data":' + b" " * 100_000), "sent more than 8 MiB"),
    ("values without end", _answer(b"[" + b"{}," * 2_000_000 + b"{}]"), "sent more than 400000 values"),
    ("brackets in brackets", _answer(b"[" * 100_000), "did not answer with JSON"),
    ("a number that is too long", _answer(b"[" + b"1" * 5000 + b"]"), "did not answer with JSON"),
    ("JSON that is no object", _answer(b"[1]"), "is not Prometheus"),
    ("no result", _answer(b'{"data": {"result": {"a": 1}}}'), "is not Prometheus"),
    ("rows that are no rows", _rows(1, "a", None), "range vector"),
    ("too many series", _rows(*[_row()] * (MOST_SERIES + 1)), f"more than {MOST_SERIES} series"),
    ("too many labels", _rows(_row({f"l{n}": "" for n in range(MOST_LABELS + 1)})), "labels"),
    ("a long label", _rows(_row({"__name__": "x" * 5000})), "labels"),
    ("labels that are none", _rows(_row([["__name__", "x"]])), "labels"),
    ("labels that are numbers", _rows(_row({"__name__": 1, "pod": ["x"]})), "labels"),
    ("a number beyond floats", _rows(_row(values=[[10**400, "1"]])), "range vector"),
    ("values that are no pairs", _rows(_row(values=[[1], [2, "3", 4]])), "range vector"),
    ("an escape sequence", _answer(b"\x1b]0;owned\x07no", status="500 Bad"), "HTTP 500: no$"),
]

SERIES = b'container_threads{pod="digits-1",namespace="team",container="server",id="/%d"} 1\n'

KUBELET: list[tuple[str, Send, str]] = [
    ("an endless line", _endless(b"a" * 100_000), f"a line of more than {LONGEST_LINE >> 10} KiB"),
    ("too many series", _answer(b"".join(SERIES % n for n in range(MOST_SERIES + 1))), f"more than {MOST_SERIES}"),
    ("other containers' series", _endless(SERIES.replace(b"server", b"x") % 1 * 1000), "more than"),
]


@pytest.fixture
def bounded() -> Iterator[None]:
    """Check that a test leaves no thread, takes its time only, and little memory."""
    threads, begun = threading.active_count(), time.monotonic()
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (threads, True) == (threading.active_count(), time.monotonic() - begun < SECONDS + 15)
    assert peak < MOST_MEMORY


async def _of_prometheus(url: str) -> ContainerSamples:
    source = PrometheusSource(url, timeout=SECONDS)
    try:
        return await source.samples(REF, 0, 60)
    finally:
        await source.close()


async def _of_kubelet(url: str) -> ContainerSamples:
    async def address(_: str) -> str:
        return url

    source = KubeletSource(address, timeout=SECONDS, clock=lambda: 60.0)
    try:
        return await source.samples(REF, 0, 60)
    finally:
        await source.close()


CASES = [
    *((f"Prometheus: {name}", _of_prometheus, send, message) for name, send, message in [*ANYTHING, *PROMETHEUS]),
    *((f"kubelet: {name}", _of_kubelet, send, message) for name, send, message in [*ANYTHING, *KUBELET]),
]


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(("name", "ask", "send", "message"), CASES, ids=[case[0] for case in CASES])
async def test_whatever_answers_ends_in_a_sentence(
    name: str, ask: Callable[[str], Awaitable[ContainerSamples]], send: Send, message: str, enemies: list[Enemy]
) -> None:
    """In time, in memory that is bounded, and without a thread or a connection that stays."""
    enemies[0].send = send
    with pytest.raises(MetricsUnavailable, match=message):
        await ask(enemies[0].url)


@pytest.mark.parametrize(
    "line",
    [
        b'container_threads{pod="digits-1",namespace="team",container="server"} 1 ' + b"9" * 400,
        b'container_threads{pod="digits-1",namespace="team",container="server"} ' + b"9" * 5000,
        b'container_threads{pod="digits-1",namespace="team",container="server"} NaN 1000',
        b'container_threads{pod="digits-1",' + b"a" * 16_000 + b"} 1 1000",
        b'container_threads{pod="digits-1"' + b"} " * 8000,
        b"{" * 16_000 + b'pod="digits-1"',
        b'pod="digits-1"' * 1000,
    ],
)
async def test_a_line_that_is_no_sample_costs_nothing_and_is_no_sample(line: bytes, enemies: list[Enemy]) -> None:
    """Numbers beyond floats, a text in which every letter could begin a label, and the like."""
    enemies[0].send = _answer(line + b"\n")
    begun = time.monotonic()
    assert not await _of_kubelet(enemies[0].url)
    assert time.monotonic() - begun < 5


async def test_times_that_are_no_times_are_passed_over(enemies: list[Enemy]) -> None:
    """JSON has no NaN, but Python reads it."""
    labels = {"__name__": "container_threads", "namespace": "team", "pod": "digits-1", "container": "server"}
    enemies[0].send = _answer(
        b'{"data": {"result": [{"metric": %b, "values": [[NaN, "1"], [Infinity, "1"], [5, "7"]]}]}}'
        % json.dumps(labels).encode()
    )
    assert [(5.0, 7.0)] == list((await _of_prometheus(enemies[0].url)).threads)


async def test_a_token_does_not_follow_a_redirect_to_another_address(enemies: list[Enemy]) -> None:
    """Neither Prometheus' nor a kubelet's: whoever answers could name any address."""
    first, second = enemies
    first.send = _answer(b"", f"Location: {second.url}/api/v1/query", status="307 Temporary Redirect")

    async def token() -> str:
        return "secret"

    async def address(_: str) -> str:
        return first.url

    sources: list[Any] = [
        PrometheusSource(first.url, token=token, timeout=SECONDS),
        PrometheusSource(first.url, basic_auth=token, timeout=SECONDS),
        KubeletSource(address, token=token, timeout=SECONDS, clock=lambda: 60.0),
    ]
    for source in sources:
        with pytest.raises(MetricsUnavailable):
            await source.samples(REF, 0, 60)
        await source.close()
    assert 3 == sum("Authorization:" in head for head in first.heads)
    assert not [head for head in second.heads if "authorization:" in head.lower()]


async def test_a_kubelet_that_renames_its_series_at_each_scrape_fills_no_memory(enemies: list[Enemy]) -> None:
    """As if the container were started anew each time; the newest are kept."""
    now = 60.0

    async def address(_: str) -> str:
        return enemies[0].url

    source = KubeletSource(address, timeout=5.0, clock=lambda: now)
    for scrape in range(10):
        enemies[0].send = _answer(b"".join(SERIES % n for n in range(scrape * 100, scrape * 100 + 100)))
        await source.samples(REF, 0, now)
        now += 60
    (memory,) = source._memory.values()
    assert 64 == len(memory.series)
    await source.close()


async def test_no_cookie_of_an_answer_is_kept(enemies: list[Enemy]) -> None:
    """New ones with each answer would fill the memory of the operator, and the heads of its requests."""
    enemy = enemies[0]
    enemy.send = _answer(b'{"status": "success", "data": {"result": []}}', "Set-Cookie: a=b; Path=/")
    source = PrometheusSource(enemy.url.replace("127.0.0.1", "localhost"), timeout=SECONDS)
    for _ in range(2):
        await source.samples(REF, 0.0, 10.0)
    await source.close()
    assert 3 == len(enemy.heads)  # the first time it is also asked why there are no samples
    assert not any("cookie" in head.lower() for head in enemy.heads)
