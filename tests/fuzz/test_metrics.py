"""Whoever answers for Prometheus or a kubelet: samples, or MetricsUnavailable with a sentence.

Real sockets: answers are sent in pieces, as a server of HTTP would and as none would.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from hypothesis import strategies as st
from tests.fuzz.exploring import explore, mutated_bytes, pieces
from tests.fuzz.test_http_client import Enemy, Script, run, serving
from tests.unit.commands.test_mutated import mutated

from modelprofiler.core.text import printable
from modelprofiler.core.windows import LoadWindows, Window
from modelprofiler.errors import MetricsUnavailable
from modelprofiler.load.timeline import Timeline
from modelprofiler.metrics.exposition import PodLines
from modelprofiler.metrics.kubelet import KubeletSource
from modelprofiler.metrics.prometheus import PrometheusSource
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef, MetricsSource
from modelprofiler.metrics.usage import complete, node_cores, usage

UID = "0e3f2d3c-1111-2222-3333-444455556666"
REF = ContainerRef("team", "digits-1", "server", pod_uid=UID, node="node1")
LABELS = {"namespace": "team", "pod": "digits-1", "container": "server", "id": f"/kubepods/pod{UID}/x"}
SECONDS = 0.2
"""Timeout of a source."""

COUNTERS = ("container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_threads")
ROWS: list[Any] = [
    {"metric": {"__name__": name, **LABELS}, "values": [[990 + 5 * t, str(t)] for t in range(12)]} for name in COUNTERS
]
ANSWERS: list[Any] = [
    {"status": "success", "data": {"resultType": "matrix", "result": ROWS}},
    {"status": "error", "errorType": "bad_data", "error": "no"},
]
EXPOSITION = (
    "".join(
        f'{name}{{container="server",id="/kubepods/pod{UID}/x",namespace="team",pod="digits-1"}} {number}.5 {time}\n'
        for time in (1000_000, 1010_000)
        for number, name in enumerate((*COUNTERS, "container_start_time_seconds"))
    ).encode()
    + b'container_cpu_usage_seconds_total{id="/"} 5 1000000\n# HELP x y\n'
)
ODD = (
    *(
        b"NaN",
        b"+Inf",
        b"-Inf",
        b"1e308",
        b"-1e308",
        b"1e400",
        b"0x1",
        b"1_0",
        b'"',
        b'\\"',
        b"\\",
        b"\\n",
        b"\n",
        b"{",
        b"}",
    ),
    *(
        b"9" * 16,
        b"-" + b"9" * 16,
        b"9" * 5000,
        b'pod="digits-1"',
        b'a="' * 500,
        b"a" * 20_000,
        b" " * 5000,
        b"} " * 3000,
    ),
    *(b'container_threads{pod="digits-1",' + b"a" * 16_000 + b"} 1\n", b'cpu="0"', b"\xff", b"\x00", b'id="/"'),
)
HEADS = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://[::1\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /api/v1/query\r\nSet-Cookie: a=b; Domain=.\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9999999999999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
)
ODD_HEADS = (
    *(
        b"\r\n",
        b"\n",
        b":",
        b" ",
        b"\x00",
        b"\xff",
        b"HTTP/1.1",
        b"Content-Length: -1\r\n",
        b"X: " + b"y" * 9000,
        b"X: y\r\n" * 2000,
    ),
    *(
        b"Location: \xff\r\n",
        b"Location: //\r\n",
        b"Location: ftp://x\r\n",
        b"Set-Cookie: \xff=;;;\r\n",
        b"Content-Type: ;;\r\n",
    ),
    *(
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffffffffffffffff\r\n",
        b"-1\r\n",
    ),
)


@st.composite
def scripts(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> list[Script]:
    """Return what a server sends to whoever connects."""
    complete = HEADS[0] + draw(bodies)
    answer = draw(st.one_of(st.just(complete), st.builds(bytes.__add__, mutated_bytes(HEADS, ODD_HEADS), bodies)))
    end = draw(st.sampled_from(["close"] * 4 + ["reset", "stay", "endless body", "endless headers"]))
    return [Script(pieces=draw(pieces(answer)), end=end, waits=True)]


JSON = st.one_of(
    mutated(ANSWERS).map(lambda data: json.dumps(data).encode()), mutated_bytes([json.dumps(ANSWERS[0]).encode()], ODD)
)
TEXT = mutated_bytes([EXPOSITION], ODD)


def used(samples: ContainerSamples) -> None:
    """Compute the usage of whatever samples came, as the operator does while a load runs."""
    timeline = Timeline((1000.0, 1020.0, 1040.0), (0, 100, 200))
    window, load = Window(1010.0, 1040.0), (1000.0, 1041.0)
    windows = LoadWindows(window, timeline.completed_between, *load, Window(980.0, 1060.0))
    row = usage(samples, windows)
    if row is not None:
        row.to_dict()
    node_cores(samples, *load)
    complete(samples, row, window, 1050.0)


def check_source(enemy: list[Script], make: Any) -> None:
    """Ask a source, and expect samples or one error, of bounded length."""

    async def work() -> None:
        async with serving(Enemy(enemy)) as port:
            source: MetricsSource = make(f"http://127.0.0.1:{port}")
            message = ""
            try:
                used(await source.samples(REF, 990.0, 1050.0))
            except MetricsUnavailable as error:
                message = str(error)
            finally:
                await source.close()
                await asyncio.sleep(0)
            assert len(message) < 1000
            assert message == printable(message)
            message.encode()

    run(work)


def prometheus(url: str) -> MetricsSource:
    """Return a source that reads Prometheus."""
    return PrometheusSource(url, timeout=SECONDS)


def kubelet(url: str) -> MetricsSource:
    """Return a source that reads a kubelet."""

    async def address(_: str) -> str:
        return url

    return KubeletSource(address, timeout=SECONDS, clock=lambda: 1050.0)


def test_whatever_prometheus_answers_is_samples_or_a_sentence() -> None:
    """And usage can be computed of the samples."""
    explore(lambda enemy: check_source(enemy, prometheus), scripts(JSON), examples=15)


def test_whatever_a_kubelet_answers_is_samples_or_a_sentence() -> None:
    """And usage can be computed of the samples."""
    explore(lambda enemy: check_source(enemy, kubelet), scripts(TEXT), examples=15)


def check_lines(case: tuple[bytes, list[int]]) -> None:
    """Read an exposition in pieces, and as a whole."""
    text, cuts = case
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    reader, lines = PodLines("digits-1", 5.0), PodLines("digits-1", 5.0)
    expected = [*reader.feed(text), *reader.finish()]
    came = [one for a, b in itertools.pairwise(places) for one in lines.feed(text[a:b])] + [*lines.finish()]
    assert sorted(map(repr, expected)) == sorted(map(repr, came))


def test_an_exposition_is_the_same_in_any_pieces() -> None:
    """Wherever the network cuts it."""
    explore(check_lines, st.tuples(TEXT, st.lists(st.integers(0, 5000), max_size=5)), examples=80)
