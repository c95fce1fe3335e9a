"""The load's side of the conversation with the node reader: clocks before and after the load, then its window.

The offset of two clocks follows from one question and its answer: the answer was written somewhere between the two
moments at which the question was sent and the answer arrived, so that the middle of them is wrong by at most half of
the time in between (Cristian, Probabilistic clock synchronization, 1989). Of several exchanges the quickest one counts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from pydantic import ValidationError

from modelprofiler.load.node.reading import Answer, Clocks, Loop, NodeReading, NodeWindow

EXCHANGES = 8
"""Questions for the time at each end of a load. Of eight, one is hardly ever held up; they take a few milliseconds."""
TIMEOUT = 3.0
"""Seconds for everything at one end of a load. A reader answers in milliseconds; behind a network policy that drops
packets nobody ever does, and the load must not wait for long."""
PATIENCE_AFTER = 10.0
"""Seconds for everything after a load, of a reader that answered before it. On a node that other work fills, which is
when its answer matters most, its answers took up to some seconds."""
REFUSED_PAUSE = 0.2
"""Seconds between two tries to connect to a reader that does not listen yet; Python takes a few tenths to start."""
LONGEST_ANSWER = 4096
"""Bytes of an answer, of which the longest has some 400."""
DRIFT = 0.001
"""Share of the time between two measurements of an offset by which clocks may differ without having been set: a
clock that is being slewed (adjtime(3)) runs at most 500 ppm too fast or too slow, and two may in both directions."""
STEP_SECONDS = 0.02
"""Change of the offset that is no step in any case: less than matters to a window of seconds."""

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True, slots=True)
class Offset:
    """The offset of the reader's clocks against the monotonic clock of this process, in seconds."""

    time: float
    """To its clock, seconds since the epoch."""
    steady: float
    """To its clock that nobody sets."""
    error: float
    """Half of the round trip."""
    at: float
    """When it was measured, by the monotonic clock of this process."""
    oom_kills: int | None = None
    """Processes that the node's kernel had killed for lack of memory by then."""


class NodeLink:
    """Asks the node reader of a trial; nothing that it answers or does not answer fails the load.

    Parameters
    ----------
    host, port
        Where the reader listens.
    epoch
        What the load adds to its monotonic clock for seconds since the epoch.
    problem
        Why there is no reader; with it nobody is asked.
    clock
        The monotonic clock of this process.
    """

    def __init__(
        self, host: str, port: int, epoch: float, problem: str = "", clock: Callable[[], float] = monotonic
    ) -> None:
        self._host, self._port, self._epoch, self._clock = host, port, epoch, clock
        self._before: Offset | None = None
        self._loop_before: float | None = None
        self._problem = f"there is no node reader: {problem}" if problem or not host else ""

    async def before_load(self) -> None:
        """Measure the clocks, and how fast the node is, while the server is idle."""
        if self._problem:
            return
        try:
            async with self._connection() as connection:
                self._before = await self._offset(connection)
                self._loop_before = (await connection.ask("loop", Loop)).loop_seconds
        except (OSError, TimeoutError, ValueError) as error:
            self._problem = f"the node reader did not answer before the load ({_why(error, TIMEOUT)})"

    async def after_load(self, window: tuple[float, float] | None, *, with_loop: bool = True) -> NodeReading:
        """Return what is known of the node, after the last response.

        Parameters
        ----------
        window
            Beginning and end of the measured window by the monotonic clock of this process; None where there was none.
        with_loop
            Whether there is time for the reference loop.
        """
        if self._before is None:
            return NodeReading(problem=self._problem)
        before, loop_after = self._before, None
        try:
            async with self._connection() as connection:
                after = await self._offset(connection)
                steady = (before.steady + after.steady) / 2
                start, end = (time + steady for time in window or (after.at, after.at))
                counted = await connection.ask(f"window {start:.6f} {end:.6f}", NodeWindow)
                if with_loop:
                    loop_after = (await connection.ask("loop", Loop)).loop_seconds
        except (OSError, TimeoutError, ValueError) as error:
            return NodeReading(
                clock_offset=round(before.time - self._epoch, 6),
                clock_error=round(before.error, 6),
                loop_before=self._loop_before,
                silent=True,
                problem=f"the node reader answered before the load and not after it ({_why(error, PATIENCE_AFTER)})",
            )
        known = counted.model_dump() | {
            "loop_before": self._loop_before,
            "loop_after": loop_after,
            "oom_kills": _killed(before, after),
        }
        return NodeReading(**known | self._clocks(before, after, lacks_window=counted.busy_percent is None and window))

    def _clocks(self, before: Offset, after: Offset, *, lacks_window: object) -> dict[str, Any]:
        """Return the offset of the clocks, or why it is not known."""
        if abs(after.steady - before.steady) > _tolerance(before, after):
            return {"problem": "the server's node was started anew during the load"}
        moved = abs(after.time - before.time)
        if moved > _tolerance(before, after):
            problem = (
                f"the clock of the server's node moved by {moved:.3g} s against that of the load generator's node "
                "during the load: one of them was set"
            )
            return {"clocks_moved": True, "problem": problem}
        offset = (before.time + after.time) / 2 - self._epoch
        error = max(before.error, after.error) + moved / 2
        problem = "the node reader had not read the node's CPU time throughout the window" if lacks_window else ""
        return {"clock_offset": round(offset, 6), "clock_error": round(error, 6), "problem": problem}

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        """Connect for everything at one end of the load; a reader that has just started may not listen yet."""
        async with asyncio.timeout(TIMEOUT if self._before is None else PATIENCE_AFTER):
            while True:
                try:
                    reader, writer = await asyncio.open_connection(self._host, self._port, limit=LONGEST_ANSWER)
                except ConnectionRefusedError:
                    if self._before is not None:  # it did listen
                        raise
                    await asyncio.sleep(REFUSED_PAUSE)
                else:
                    break
            try:
                yield _Connection(reader, writer)
            finally:
                writer.close()

    async def _offset(self, connection: _Connection) -> Offset:
        best: Offset | None = None
        for _ in range(EXCHANGES):
            sent = self._clock()
            clocks = await connection.ask("time", Clocks)
            received = self._clock()
            middle, error = (sent + received) / 2, (received - sent) / 2
            if best is None or error < best.error:
                best = Offset(clocks.time - middle, clocks.steady - middle, error, middle, clocks.oom_kills)
        assert best is not None, "there is at least one exchange"
        return best


def _tolerance(before: Offset, after: Offset) -> float:
    """Return by how much the offset of two clocks may change that nobody has set."""
    return before.error + after.error + max(STEP_SECONDS, DRIFT * abs(after.at - before.at))


def _killed(before: Offset, after: Offset) -> int | None:
    """Return how many processes were killed between two answers; None where the node did not tell, or was restarted."""
    if before.oom_kills is None or after.oom_kills is None or after.oom_kills < before.oom_kills:
        return None
    return after.oom_kills - before.oom_kills


def _why(error: Exception, patience: float) -> str:
    """Return an error in a few words; `patience` is for how long an answer was waited for, in seconds."""
    if isinstance(error, TimeoutError):
        return f"nothing within {patience:g} s"
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else str(error)[:80] or type(error).__name__
    return "its answer is not one of a node reader" if isinstance(error, ValidationError) else str(error)[:80]


class _Connection:
    """One connection to a reader."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, question: str, kind: type[A]) -> A:
        """Return the answer to a question; a ValueError where it is none."""
        self._writer.write(question.encode() + b"\n")
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the connection was closed")
        return kind.model_validate_json(line)
