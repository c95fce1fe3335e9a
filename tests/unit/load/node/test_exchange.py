"""A load and a node reader over a real socket: the offset of clocks, the window, and readers that do not behave."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from modelprofiler.load.node import exchange
from modelprofiler.load.node.exchange import NodeLink
from modelprofiler.load.node.history import History
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.node.serve import LONGEST_QUESTION, MOST_CONNECTIONS, NodeReader

EPOCH = time.time() - time.monotonic()
BOOT = 1_000_000.0
"""How much longer the reader's node has run than this machine."""


def steady() -> float:
    """Return the clock that nobody sets of another node."""
    return time.monotonic() + BOOT


async def with_reader(reader: NodeReader, use: Callable[[int], Awaitable[Any]]) -> Any:
    """Serve while something uses the port."""
    async with await asyncio.start_server(reader._connected, "127.0.0.1", 0, limit=LONGEST_QUESTION) as server:
        return await use(server.sockets[0].getsockname()[1])


async def loaded(reader: NodeReader, *, meanwhile: Callable[[], None] = lambda: None) -> NodeReading:
    """Return what a load of a fifth of a second learns."""

    async def use(port: int) -> NodeReading:
        link = NodeLink("127.0.0.1", port, EPOCH)
        reader.history.take()
        await link.before_load()
        start = time.monotonic()
        await asyncio.sleep(0.2)
        meanwhile()
        return await link.after_load((start, time.monotonic()))

    result: NodeReading = await with_reader(reader, use)
    return result


@pytest.mark.parametrize("ahead", [0.0, 2.0, -2.0, 86_400.0])
def test_a_clock_that_is_ahead_or_behind_is_measured_to_milliseconds(ahead: float) -> None:
    """A fake: the reader's clock is this machine's, shifted."""
    reader = NodeReader(History(clock=steady), clock=lambda: time.time() + ahead, steady=steady)
    learned = asyncio.run(loaded(reader))
    assert learned.clock_offset is not None
    assert learned.clock_error is not None
    assert abs(learned.clock_offset - ahead) < 0.02 + learned.clock_error
    assert learned.problem == ""


def test_the_window_is_that_of_the_load_whatever_the_clocks_say() -> None:
    """The reader's node counts 1.5 busy CPUs of 2, and no time is stolen."""
    history = History(lambda: (1.5 * steady(), 0.0, 0.5 * steady(), 3.0, 8192.0 * steady()), steady)
    learned = asyncio.run(loaded(NodeReader(history, clock=lambda: time.time() - 2, steady=steady)))
    assert pytest.approx(75, abs=1) == learned.busy_percent
    assert learned.steal_percent == 0
    assert learned.major_faults == 0
    assert pytest.approx(8192 * 0.2, rel=0.5) == learned.read_bytes


def test_the_reader_says_what_its_node_is_and_how_fast() -> None:
    """What provenance and pace need of the server's node."""
    learned = asyncio.run(loaded(NodeReader(loop=lambda: 0.00014)))
    assert learned.cores
    assert learned.shared_cores
    assert learned.kernel
    assert (0.00014, 0.00014) == (learned.loop_before, learned.loop_after)


def test_a_clock_that_is_set_during_the_load_is_noticed() -> None:
    """Neither offset is right for the whole window."""
    ahead = [0.0]
    reader = NodeReader(clock=lambda: time.time() + ahead[0])
    learned = asyncio.run(loaded(reader, meanwhile=lambda: ahead.__setitem__(0, 1.5)))
    assert learned.clocks_moved
    assert learned.clock_offset is None
    assert "the clock of the server's node moved by 1.5 s" in learned.problem


def test_what_the_kernel_killed_for_memory_during_the_load_is_counted() -> None:
    """Of the whole node; a fake, because only the kernel raises its count."""
    kills = [3]
    reader = NodeReader(kills=lambda: kills[0])
    assert 2 == asyncio.run(loaded(reader, meanwhile=lambda: kills.__setitem__(0, 5))).oom_kills
    assert 0 == asyncio.run(loaded(reader)).oom_kills
    assert None is asyncio.run(loaded(NodeReader(kills=lambda: None))).oom_kills


def test_a_reader_that_is_younger_than_the_load_does_not_know_the_window() -> None:
    """It was started anew in between."""
    reader = NodeReader()
    learned = asyncio.run(loaded(reader, meanwhile=lambda: setattr(reader, "history", History())))
    assert learned.busy_percent is None
    assert learned.clock_offset is not None
    assert "throughout the window" in learned.problem


def test_a_reader_that_falls_silent_is_reported() -> None:
    """The offset from before the load is kept."""

    async def use(port: int) -> NodeReading:
        link = NodeLink("127.0.0.1", port, EPOCH)
        await link.before_load()
        link._port = 1  # nothing listens there
        return await link.after_load((0, 1))

    learned: NodeReading = asyncio.run(with_reader(NodeReader(), use))
    assert learned.silent
    assert learned.clock_offset is not None
    assert "answered before the load and not after it (Connection refused)" in learned.problem


def test_without_a_reader_nobody_is_asked() -> None:
    """The operator says why there is none."""

    async def ask() -> NodeReading:
        link = NodeLink("", 8079, EPOCH, "a quota keeps it from starting")
        await link.before_load()
        return await link.after_load(None)

    assert NodeReading(problem="there is no node reader: a quota keeps it from starting") == asyncio.run(ask())


@pytest.mark.parametrize(
    "answer",
    [
        b"x" * 100_000,
        b"[]\n",
        b'{"time": 1e400, "steady": 1}\n',
        b'{"time": "1", "steady": 1}\n',
        b'{"time": -1, "steady": 1}\n',
        b"",
        b'{"time": NaN, "steady": 1}\n',
    ],
)
def test_an_answer_that_is_none_is_a_problem_and_no_error(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may answer."""
    monkeypatch.setattr(exchange, "TIMEOUT", 0.5)

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def ask() -> NodeReading:
        async with await asyncio.start_server(answered, "127.0.0.1", 0) as server:
            link = NodeLink("127.0.0.1", server.sockets[0].getsockname()[1], EPOCH)
            await link.before_load()
            return await link.after_load((0, 1))

    assert "the node reader did not answer before the load (" in asyncio.run(ask()).problem


def test_a_reader_that_never_answers_holds_the_load_up_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network policy may drop every packet."""
    monkeypatch.setattr(exchange, "TIMEOUT", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def ask() -> NodeReading:
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            link = NodeLink("127.0.0.1", server.sockets[0].getsockname()[1], EPOCH)
            await asyncio.wait_for(link.before_load(), 2)
            return await link.after_load((0, 1))

    assert "nothing within 0.2 s" in asyncio.run(ask()).problem


@pytest.mark.parametrize(
    "question", ["", "window", "window a b", "window nan 1", "window 1e999 2", "time now", "rm -rf"]
)
def test_a_question_that_is_none_gets_no_numbers(question: str) -> None:
    """Anybody may ask."""
    answer = json.loads(NodeReader().answer(question.split()))
    assert not {"busyPercent", "time", "loopSeconds"} & set(answer)


def test_a_reader_serves_few_at_a_time_and_forgets_them() -> None:
    """Connections beyond the bound are closed at once; afterwards there is room again."""
    reader = NodeReader()

    async def use(port: int) -> tuple[bytes, bytes]:
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_CONNECTIONS)]
        await asyncio.sleep(0.05)
        surplus = await asyncio.open_connection("127.0.0.1", port)
        nothing = await asyncio.wait_for(surplus[0].read(), 2)
        for _, writer in [*connections, surplus]:
            writer.close()
        await asyncio.sleep(0.05)
        again, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"time\n")
        line = await asyncio.wait_for(again.readline(), 2)
        writer.close()
        return nothing, line

    nothing, line = asyncio.run(with_reader(reader, use))
    assert nothing == b""
    assert set(json.loads(line)) == {"time", "steady", "oomKills"}


def test_nobody_makes_the_node_busy_by_asking_for_the_loop() -> None:
    """It is run again after a second at the earliest."""
    runs: list[float] = []

    def loop() -> float:
        runs.append(0.1)
        return 0.1

    reader = NodeReader(steady=lambda: 5.0, loop=loop)
    for _ in range(20):
        reader.answer(["loop"])
    assert len(runs) == 1
