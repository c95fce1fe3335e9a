"""A gate that lets a few callers in at a time, first come first served, and some past all others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from modelprofiler.cluster.queue import Key


class Gate:
    """Limits how many callers are inside at a time; one that is let past neither waits nor counts.

    Parameters
    ----------
    width
        How many may be inside at the same time.
    """

    def __init__(self, width: int) -> None:
        self._free = width
        self._line: dict[Key, asyncio.Future[bool]] = {}
        """Callers that wait, in the order of their arrival; the result of a future is whether its caller counts."""

    @contextlib.asynccontextmanager
    async def through(self, key: Key, *, past: bool = False) -> AsyncIterator[None]:
        """Wait at the gate, then be inside while the block runs; a key must not be here twice at the same time."""
        counts = False if past else await self._wait(key)
        try:
            yield
        finally:
            if counts:
                self._leave()

    def let_past(self, key: Key) -> None:
        """Let a caller in at once, if it waits."""
        if (waiting := self._line.pop(key, None)) is not None and not waiting.done():
            waiting.set_result(False)

    async def _wait(self, key: Key) -> bool:
        if self._free > 0:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._line[key] = turn
        try:
            return await turn
        except asyncio.CancelledError:
            self._line.pop(key, None)
            if turn.done() and not turn.cancelled() and turn.result():
                self._leave()  # it was let in at the same moment
            raise

    def _leave(self) -> None:
        while self._line:
            turn = self._line.pop(next(iter(self._line)))
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1
