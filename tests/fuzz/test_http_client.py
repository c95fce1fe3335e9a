"""The load generator's HTTP client against servers that send anything: every request ends once, as what it is.

Real sockets, and the event loop that a load uses. A server has a script for each connection: pieces of bytes, and then
an end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, get_args

import pytest
import uvloop
from hypothesis import strategies as st
from tests.fuzz.exploring import explore, mutated_bytes, pieces

from modelprofiler.api.expectation import Expectation
from modelprofiler.load.before.first_request import Patience, first_answer
from modelprofiler.load.before.probe import Prober
from modelprofiler.load.http.client import Client
from modelprofiler.load.http.connection import Done, Failure
from modelprofiler.load.kinds import kinds_of

TIMEOUT = 0.15
"""Of a request, in seconds: what stays silent takes as long in each example."""
SWEEP_SECONDS = 0.02
ENDLESS_BYTES = 64 * 2**20
"""What a server sends that never ends; a client that kept it would be over the bound of memory."""
REQUESTS = [b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" % n for n in range(3)]

JSON_BODY = b'{"predictions": [{"label": "cat", "score": 0.5}]}'
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(JSON_BODY), JSON_BODY),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nerror",
    b"HTTP/1.1 302 Found\r\nLocation: https://[::1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length : 2\r\n folded\r\n\r\nok",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n\x00\x00\x00\x04\x00",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    b"\x00\x00\x12\x04\x00\x00\x00\x00\x00HTTP/2",
    b"SSH-2.0-OpenSSH_9.2\r\n",
)
ODD = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b";",
        b"\x00",
        b"\xff",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/",
        b"\r\n\r\n",
    ),
    *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: " + b"9" * 30 + b"\r\n", b"0\r\n\r\n"),
    *(b"Content-Length: " + b"0" * 5000 + b"2\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n"),
    *(b"ffffffffffffffffff\r\n", b"-5\r\n", b"5;" + b"a" * 5000, b"X: " + b"y" * 70_000 + b"\r\n", b"X: y\r\n" * 3000),
    *(b"Content-Type: " + b"t" * 1000 + b"\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n"),
    *(
        b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
        JSON_BODY,
        b"[" * 3000,
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/9.9 200\r\n\r\n",
    ),
)
ENDS = ("close", "close", "reset", "stay", "stay", "endless body", "endless header", "endless headers", "endless drops")


@dataclass(frozen=True)
class Script:
    """What a server does with one connection."""

    pieces: list[bytes]
    end: str
    waits: bool
    """Whether it sends nothing before it has read something."""


@dataclass
class Enemy:
    """A server that follows a script for each connection; further connections begin the scripts anew."""

    scripts: list[Script]
    connections: Iterator[int] = field(default_factory=itertools.count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow the script of the next connection."""
        script = self.scripts[next(self.connections) % len(self.scripts)]
        with contextlib.suppress(ConnectionError):  # the client has seen enough
            if script.waits:
                await reader.read(65_536)
            for piece in script.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            await self._end(script.end, reader, writer)
        writer.close()

    async def _end(self, end: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if end == "reset":
            connected = writer.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif end == "stay":
            while await reader.read(65_536):
                pass
        elif end != "close":
            beginning, piece = ENDLESS[end]
            writer.write(beginning)
            for _ in range(0, ENDLESS_BYTES, max(len(piece), 1000)):
                writer.write(piece)
                await writer.drain()


ENDLESS = {
    "endless body": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 65_535 + b"\r\n"),
    "endless header": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65_536),
    "endless headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000),
    "endless drops": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
}


STATUS_LINES = (
    *(b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 100 Continue"),
    *(b"HTTP/1.1 204 No", b"HTTP/1.1 304 No", b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 503 " + b"x" * 3000),
    *(b"HTTP/1.1 302 Found", b"HTTP/1.1 099 X", b"HTTP/1.1 999 X", b"HTTP/2 200", b"http/1.1 200 OK", b""),
)
HEADERS = (
    *(b"Content-Length: 2", b"Content-Length: 2", b"Content-Length: 0", b"content-length:\t7 ", b"Content-Length : 2"),
    *(
        b"Content-Length: 2, 2",
        b"Content-Length: +2",
        b"Content-Length: -1",
        b"Content-Length:",
        b"Content-Length: 0x2",
    ),
    *(b"Content-Length: " + b"0" * 5000 + b"2", b"Content-Length: " + b"9" * 30, b"Content-Length: 5368709120"),
    *(
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: x",
        b"Connection: close",
    ),
    *(b"Connection: upgrade", b"Upgrade: h2c", b"Content-Type: application/json", b"Content-Type: " + b"t" * 1000),
    *(b"Content-Encoding: gzip", b"Content-Encoding: deflate", b"Location: https://[::1", b"Location: /" + b"l" * 9000),
    *(
        b" folded",
        b": no name",
        b"No colon",
        b"X: \x00",
        b"X\xff: y",
        b"X: " + b"y" * 70_000,
        b"X: y\r\n" * 3000 + b"Z: z",
    ),
)
BODIES = (
    *(
        b"",
        b"ok",
        b"ok",
        JSON_BODY,
        b"[" * 3000,
        b"\x1f\x8b\x08\x00\xff",
        b"\xef\xbb\xbf{}",
        b"x" * 200_000,
        b'"' * 5000,
    ),
    *(b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n", b"-5\r\nhello\r\n"),
    *(
        b"5;" + b"e" * 9000 + b"\r\nhello\r\n",
        b"ffffffffffffffffff\r\nx",
        b"5 \r\nhello\n0\n\n",
        b"1\r\nxy",
        b"5\r\nhel",
    ),
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Return a response put together from parts, of which some do not fit together."""
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    lines = [draw(st.sampled_from(STATUS_LINES)), *draw(st.lists(st.sampled_from(HEADERS), max_size=3))]
    return end.join([*lines, b"", draw(st.sampled_from(BODIES))])


@st.composite
def scripts(draw: st.DrawFn) -> list[Script]:
    """Return scripts for the first few connections."""
    some = []
    for _ in range(draw(st.integers(1, 3))):
        answers = draw(st.lists(st.one_of(responses(), mutated_bytes(RESPONSES, ODD)), max_size=3))
        cut = draw(pieces(b"".join(answers)))
        some.append(Script(pieces=cut, end=draw(st.sampled_from(ENDS)), waits=draw(st.integers(0, 3)) > 0))
    return some


CLIENTS: list[dict[str, Any]] = [
    {},
    {"capture": True},
    {"expect": Expectation.model_validate({"jsonPath": [{"path": "$.predictions[0].label", "value": "cat"}]})},
    {
        "expect": Expectation.model_validate(
            {"bodyMatches": "a+b*c$", "maxBodySize": "1Ki", "contentType": "text/plain"}
        )
    },
]


def run(work: Any) -> None:
    """Run a coroutine in the loop of a load; an error that a callback has raised is an error here."""
    errors: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        await asyncio.wait_for(work(), 30)

    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(watched())
    assert [] == errors


@contextlib.asynccontextmanager
async def serving(enemy: Enemy) -> Any:
    """Start a server; its port."""
    server = await asyncio.start_server(enemy.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def client_of(port: int, options: dict[str, Any], done: Done) -> Client:
    """Return a client for a server on this machine."""
    good = frozenset({200})
    return Client("127.0.0.1", port, REQUESTS, timeout=TIMEOUT, expected=good, max_in_flight=8, done=done, **options)


async def rest(client: Client) -> None:
    """Wait until no request is in flight any more."""
    while client.in_flight:
        await asyncio.sleep(SWEEP_SECONDS)
        client.sweep(monotonic())


def load(case: tuple[list[Script], dict[str, Any]]) -> None:
    """Send requests over the same few connections, and expect that each ends once."""
    enemy, options = Enemy(case[0]), case[1]

    async def work() -> None:
        ended: list[Failure | None] = []

        async with serving(enemy) as port:
            client = client_of(port, options, lambda _intended, _now, failure, _index: ended.append(failure))
            sent = 0
            for index in (0, 1, 2, 0):
                sent += client.submit(index, monotonic())
                if index:
                    await rest(client)
            await rest(client)
            assert sent == len(ended)
            assert set(ended) <= {None, *get_args(Failure)}
            for kind in kinds_of(client.answers.samples()):
                kind.to_dict()
            await client.close()
            assert not client.connections
            await asyncio.sleep(0)

    run(work)


def first_request(enemy_scripts: list[Script]) -> None:
    """Send the first request of a load, and expect a sentence of bounded length where it fails."""
    enemy = Enemy(enemy_scripts)

    async def work() -> None:
        async with serving(enemy) as port:
            prober = Prober(lambda done: client_of(port, CLIENTS[1], done))
            answer = await first_answer(prober, Patience(answer=0.2, refusals=0.1), lambda _: None)
            assert len(answer.sentence) < 2000
            answer.measured.to_dict()
            await prober.close()

    run(work)


def test_every_request_of_a_load_ends_once_whatever_the_server_sends() -> None:
    """Whether answers are only counted, shown, or judged by what they contain."""
    explore(load, st.tuples(scripts(), st.sampled_from(CLIENTS)), examples=20)


def test_the_first_request_ends_with_a_sentence_whatever_the_server_sends() -> None:
    """It is sent again for a while, and then the load says why it cannot begin."""
    explore(first_request, scripts(), examples=8)


ZEROS = b"0" * 5000 + b"2"
FOUND = {
    "a length of thousands of digits": Script(
        [b"HTTP/1.1 200 OK\r\nContent-Length: " + ZEROS + b"\r\n\r\nok"], "stay", True
    ),
    "an endless header": Script([], "endless header", True),
    "an endless trailer": Script(
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: ", *[b"y" * 65_536] * 3],
        "stay",
        True,
    ),
    "lengths of thousands of digits": Script(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: \x1b[2J" + ZEROS + b"\r\n\r\nok"], "stay", True
    ),
}
"""What was found in this way, and mended."""


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("options", CLIENTS[:2])
def test_what_was_once_found_ends_each_request_once(name: str, options: dict[str, Any]) -> None:
    """And nothing of it reaches the event loop as an error."""
    load(([FOUND[name]], options))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("an endless header", "the first request was answered with header lines of more than 128 KiB"),
        ("an endless trailer", "the first request was answered with header lines of more than 128 KiB"),
        (
            "lengths of thousands of digits",
            "the first request was answered with different values of Content-Length: 2, ",
        ),
    ],
)
def test_a_first_answer_without_bounds_is_named_in_a_sentence_with_bounds(name: str, sentence: str) -> None:
    """It does not wait for the end of its patience, and shows no control characters."""

    async def work() -> None:
        async with serving(Enemy([FOUND[name]])) as port:
            prober = Prober(lambda done: client_of(port, CLIENTS[1], done))
            answer = await prober.ask(timeout=20)
            await prober.close()
        assert answer.sentence.startswith(sentence)
        assert answer.sentence.isprintable()
        assert len(answer.sentence) < 200

    run(work)


def test_a_large_body_is_no_endless_header() -> None:
    """However many bytes of it come in one piece, and whatever ends its lines."""
    body = b"x" * 300_000
    for head in (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", b"HTTP/1.1 200 OK\nContent-Length: 300000\n\n"):

        async def work(head: bytes = head) -> None:
            ended: list[Failure | None] = []
            async with serving(Enemy([Script([head + body], "stay", True)])) as port:
                client = client_of(port, CLIENTS[1], lambda _intended, _now, failure, _index: ended.append(failure))
                client.timeout = 10.0
                client.submit(0, monotonic())
                await rest(client)
                await client.close()
            assert [None] == ended

        run(work)
