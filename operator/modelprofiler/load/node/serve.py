"""The node reader's side: it answers what a load asks about the node, one line of JSON for each line of a question.

    time               {"time": 1767225600.25, "steady": 5123.5, "oomKills": 0}
    window START END   what the node is, and what it counted between two times of its steady clock
    loop               {"loopSeconds": 0.000142}, what the reference loop takes now

It needs the standard library alone, so that it is small, and has no right at all: what it reads from /proc, every pod
of the node can read. Whoever asks may be anybody who reaches the pod, so that questions, connections and time are
bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from modelprofiler.load.machine import procfs
from modelprofiler.load.machine.reference_loop import loop_seconds
from modelprofiler.load.node.history import PERIOD, History

PORT = 8079
"""The port that a reader listens on; any above 1,023 that its one container does not use otherwise."""

LONGEST_QUESTION = 128
"""Bytes of a question: the longest has two numbers."""
MOST_CONNECTIONS = 16
"""Connections at a time; a run has one load, whose generators (63 at most) ask one after the other or are refused."""
LONGEST_CONNECTION = 10.0
"""Seconds that a connection is kept. A load asks within one or two, and opens another one when it needs it."""
MOST_QUESTIONS = 64
"""Questions of a connection; a load asks some ten."""
LOOP_PAUSE = 1.0
"""Seconds between two runs of the reference loop, each of which takes 30 ms of a CPU of the node that is measured:
nobody can make it busy by asking."""


class NodeReader:
    """Answers questions about this node.

    Parameters
    ----------
    history
        What the node has counted.
    clock, steady
        The node's clock, in seconds since the epoch, and one that nobody sets.
    loop
        Runs the reference loop.
    """

    def __init__(
        self,
        history: History | None = None,
        *,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        loop: Callable[[], float | None] = loop_seconds,
        kills: Callable[[], int | None] = procfs.oom_kills,
    ) -> None:
        self.history = history or History(clock=steady)
        self._clock, self._steady, self._loop, self._kills = clock, steady, loop, kills
        self._connections = 0
        self._looped: tuple[float, float | None] | None = None

    async def serve(self, port: int, stop: asyncio.Event, host: str | None = None) -> None:
        """Answer on a port until `stop` is set, and take a reading every second."""
        self.history.take()
        server = await asyncio.start_server(self._connected, host, port, limit=LONGEST_QUESTION)
        async with server:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PERIOD)
                self.history.take()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= MOST_CONNECTIONS:
                async with asyncio.timeout(LONGEST_CONNECTION):
                    await self._converse(reader, writer)
        except (OSError, ValueError, TimeoutError):  # a question that is too long is a ValueError
            pass
        except asyncio.CancelledError:  # the reader is stopped; nobody awaits this task (and asyncio would complain)
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(MOST_QUESTIONS):
            question = await reader.readline()
            if not question.endswith(b"\n"):
                return
            writer.write(self.answer(question.decode("ascii", "replace").split()).encode() + b"\n")
            await writer.drain()

    def answer(self, question: list[str]) -> str:
        """Return the answer to a question, given as its words."""
        match question:
            case ["time"]:
                clocks = f'"time": {self._clock():.6f}, "steady": {self._steady():.6f}'
                kills = self._kills()
                return f"{{{clocks}}}" if kills is None else f'{{{clocks}, "oomKills": {kills}}}'
            case ["window", start, end]:
                return json.dumps(self._window(start, end))
            case ["loop"]:
                return json.dumps({"loopSeconds": self._loop_seconds()})
            case _:
                return json.dumps({"error": "the questions are: time, window START END, loop"})

    def _window(self, start: str, end: str) -> dict[str, Any]:
        try:
            bounds = float(start), float(end)
        except ValueError:
            return {"error": "START and END are numbers"}
        self.history.take()
        answer: dict[str, Any] = {
            "cores": os.cpu_count(),
            "sharedCores": _allowed_cores(),
            "cpuModel": procfs.cpu_model(),
            "cgroupVersion": procfs.cgroup_version(),
            "kernel": os.uname().release,
        }
        grown = self.history.increase(*bounds)
        if grown is not None:
            answer |= _shares(grown)
        return {name: value for name, value in answer.items() if value is not None}

    def _loop_seconds(self) -> float | None:
        now = self._steady()
        if self._looped is None or not 0 <= now - self._looped[0] < LOOP_PAUSE:
            self._looped = now, self._loop()
        return self._looped[1]


def _shares(grown: dict[str, float]) -> dict[str, float | int | None]:
    """Return what the counters of a window say, without those that the node does not have."""
    total = grown["busy"] + grown["steal"] + grown["idle"]
    shares = (
        {"busyPercent": round(100 * grown["busy"] / total, 1), "stealPercent": round(100 * grown["steal"] / total, 1)}
        if total > 0
        else {}
    )
    counts = {"majorFaults": grown["major_faults"], "readBytes": grown["read_bytes"]}
    return {**shares, **{name: int(count) for name, count in counts.items() if not math.isnan(count)}}


def _allowed_cores() -> int | None:
    """Return on how many CPUs this container may run.

    Where the kubelet's CPU manager has given CPUs to single containers (its policy is static), they are fewer than the
    node has.
    """
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return None


async def serve(port: int = PORT) -> None:
    """Be a node reader until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await NodeReader().serve(port, stop)
