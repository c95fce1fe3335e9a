"""The side of every generator but the first: it finds the first, and follows it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic

from modelprofiler.load.config import RendezvousConfig
from modelprofiler.load.rendezvous.company import GOODBYE_SECONDS, LONGEST_LINE, MARKS, Company, Ending, Mark, words_of

CONNECT_SECONDS = 2.0
"""How long one attempt to connect may take: a round trip in a cluster takes a thousandth of that."""
RETRY_SECONDS = 0.25
"""Pause between two attempts. The first generator listens before the others are started, so that one is enough but
where a network policy takes a moment to hold for a new pod."""
LATEST_START = 60.0
"""Seconds until the start that a message may ask for; the first generator asks for a quarter of a second. They are also
what it may take longer than it says: for single requests until the server is idle, and for the reference loop."""


class Member(Company):
    """A generator that is not the first.

    Parameters
    ----------
    config
        Where the first generator is, and how long to wait for it.
    index
        Of this generator.
    longest
        Seconds that the first generator may take until it is ready.
    say
        Called with a line about the progress.
    """

    def __init__(self, config: RendezvousConfig, index: int, longest: float, say: Callable[[str], None]) -> None:
        super().__init__()
        self._longest = longest
        self._config = config
        self._index = index
        self._say = say
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        """There is a connection, or there will be none."""
        self._decided = asyncio.Event()
        """The start is known, or there will be none."""
        self._start = 0.0
        self._marks_sent: set[str] = set()
        self._agreed: set[str] = set()
        self._left = False
        self._over = False
        """The first generator has ended its load well, or this one has."""
        self._task: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Look for the first generator."""
        self._task = asyncio.create_task(self._follow())

    async def meet(self) -> str:
        """Say that this generator is ready, and wait for the start."""
        await self._connected.wait()
        self._say("waiting for the other load generators")
        self._tell("ready")
        try:
            # Once it is ready it waits for the others, and then gives the start or ends.
            bound = self._longest + self._config.patience + LATEST_START
            await asyncio.wait_for(self._decided.wait(), bound)
        except TimeoutError:
            return "the first load generator gave no start"
        if self.lost:
            return self.lost
        await asyncio.sleep(max(self._start - monotonic(), 0.0))
        return self.lost

    def reach(self, mark: Mark) -> None:
        """Tell the first generator that this one has come to a mark."""
        if mark not in self._marks_sent:
            self._marks_sent.add(mark)
            self._tell(f"mark {mark}")

    def all_reached(self, mark: Mark) -> bool:
        """Return whether the first generator has said that all have come to a mark."""
        return self._over or mark in self._agreed

    def tell_end(self, ending: Ending) -> None:
        """Tell the first generator that the load ends early."""
        self._tell(f"end {ending}")

    async def leave(self, *, done: bool = False) -> None:
        """Hang up; ``done`` says before that this generator has sent its load, so that nobody takes it for lost."""
        if self._left:
            return
        self._left = self._over = True
        if done:
            self._tell("done")
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._writer.wait_closed(), GOODBYE_SECONDS)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        reader = await self._connection()
        if reader is None:
            host, port = self._config.host, self._config.port
            self._lose(
                f"the first load generator does not answer at {host}, port {port}; does a NetworkPolicy deny it?"
            )
            self._connected.set()
            return
        self._tell(f"hello {self._config.key} {self._index}")
        self._connected.set()
        with contextlib.suppress(OSError, ValueError):
            while line := await reader.readline():
                self._heard(words_of(line))
        if not self._over:
            self._lose("the first load generator ended before the load did")

    async def _connection(self) -> asyncio.StreamReader | None:
        until = monotonic() + self._config.patience
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                reader, self._writer = await asyncio.wait_for(
                    asyncio.open_connection(self._config.host, self._config.port, limit=LONGEST_LINE), CONNECT_SECONDS
                )
                return reader
            if monotonic() >= until:
                return None
            await asyncio.sleep(RETRY_SECONDS)

    def _heard(self, words: list[str]) -> None:
        match words:
            case ["start", seconds]:
                with contextlib.suppress(ValueError):
                    # A NaN is the larger or smaller of nothing: it comes out as 0.
                    self._start = monotonic() + max(0.0, min(float(seconds), LATEST_START))
                    self._decided.set()
            case ["agreed", mark] if mark in MARKS:
                self._agreed.add(mark)
            case ["end", ending]:
                self._ended(ending)
            case ["lost", index] if index.isdecimal():
                self._lose(f"load generator {index} ended before the load did")
            case ["done"]:
                self._over = True

    def _lose(self, why: str) -> None:
        self.lost = self.lost or why
        self._decided.set()
        self._ended("Terminated")

    def _tell(self, line: str) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(f"{line}\n".encode())
