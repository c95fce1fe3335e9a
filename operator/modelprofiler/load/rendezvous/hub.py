"""The first generator's side: it waits for the others, gives the start, and passes on what they say."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Callable
from time import monotonic

from modelprofiler.errors import LoadError
from modelprofiler.load.config import RendezvousConfig
from modelprofiler.load.rendezvous.company import (
    COMMON_ENDINGS,
    GOODBYE_SECONDS,
    LONGEST_LINE,
    MARKS,
    Company,
    Ending,
    Mark,
    words_of,
)

START_SECONDS = 0.25
"""From the word to start until the start: longer than a message takes in any network of a cluster, and shorter than
anybody waits for. How much the starts differ is how much the messages' times of travel do, less than a millisecond."""

HELLO_SECONDS = 5.0
"""How long a connection may wait before it says who it is; one that does so at once needs a round trip."""

MOST_CONNECTIONS = 128
"""Connections at once: twice as many as there can be generators, for those that are nobody's."""


class Hub(Company):
    """The first of several generators.

    Parameters
    ----------
    config
        Where to listen, for whom, and for how long.
    generators
        How many there are, this one included.
    say
        Called with a line about the progress.
    """

    def __init__(self, config: RendezvousConfig, generators: int, say: Callable[[str], None]) -> None:
        super().__init__()
        self._config = config
        self._others = frozenset(range(1, generators))
        self._say = say
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._ready: set[int] = set()
        self._done: set[int] = set()
        self._reached: dict[str, set[int]] = {mark: set() for mark in MARKS}
        self._agreed: set[str] = set()
        self._decided = asyncio.Event()
        """All are ready, or one is lost."""
        if not self._others:
            self._decided.set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._left = False

    async def join(self) -> None:
        """Listen for the others."""
        try:
            self._server = await asyncio.start_server(self._serve, port=self._config.port, limit=LONGEST_LINE)
        except OSError as e:
            raise LoadError(f"port {self._config.port}, on which the other generators are awaited: {e}") from e

    async def meet(self) -> str:
        """Wait for the others, then give the start."""
        missing = self._others - self._ready
        if missing:
            self._say(f"waiting for {_named(missing)}")
        try:
            await asyncio.wait_for(self._decided.wait(), self._config.patience if missing else None)
        except TimeoutError:
            names = _named(self._others - self._ready)
            return f"{names} did not become ready within {self._config.patience:g} s after the first"
        if self.lost:
            return self.lost
        at = monotonic() + START_SECONDS
        for index in sorted(self._writers):
            self._tell(index, f"start {at - monotonic():.6f}")
        await asyncio.sleep(at - monotonic())
        return self.lost

    def reach(self, mark: Mark) -> None:
        """Note that this generator has come to a mark."""
        self._note(0, mark)

    def all_reached(self, mark: Mark) -> bool:
        """Return whether all have come to a mark."""
        return mark in self._agreed

    def tell_end(self, ending: Ending) -> None:
        """Tell the others that the load ends early."""
        self._tell_all(f"end {ending}")

    async def leave(self, *, done: bool = False) -> None:
        """Hang up; ``done`` says before that this generator has sent its load, so that nobody takes it for lost."""
        if self._left:
            return
        self._left = True
        if done:
            self._tell_all("done")
        if self._server is not None:
            self._server.close()
        closing = list(self._connections)
        for writer in closing:
            writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(w.wait_closed() for w in closing)), GOODBYE_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._left or len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(writer)
        index = None
        try:
            # ValueError: a line that is too long.
            with contextlib.suppress(OSError, ValueError, TimeoutError):
                hello = await asyncio.wait_for(reader.readline(), HELLO_SECONDS)
                index = self._welcome(words_of(hello), writer)
                while index is not None and (line := await reader.readline()):
                    self._heard(index, words_of(line))
        finally:
            self._connections.discard(writer)
            writer.close()
            if index is not None:
                self._gone(index)

    def _welcome(self, words: list[str], writer: asyncio.StreamWriter) -> int | None:
        """Return which generator calls; None where it is none that is awaited."""
        if len(words) != 3 or words[0] != "hello" or not hmac.compare_digest(words[1], self._config.key):
            return None
        index = int(words[2]) if words[2].isdecimal() and len(words[2]) <= 2 else 0
        if index not in self._others or index in self._writers:
            return None
        self._writers[index] = writer
        return index

    def _heard(self, index: int, words: list[str]) -> None:
        match words:
            case ["ready"]:
                self._ready.add(index)
                if self._ready >= self._others:
                    self._decided.set()
            case ["mark", mark] if mark in MARKS:
                self._note(index, mark)
            case ["end", ending] if ending in COMMON_ENDINGS:
                for other in set(self._writers) - {index}:
                    self._tell(other, f"end {ending}")
                self._ended(ending)
            case ["done"]:
                self._done.add(index)

    def _note(self, index: int, mark: str) -> None:
        self._reached[mark].add(index)
        if mark not in self._agreed and self._reached[mark] >= self._others | {0}:
            self._agreed.add(mark)
            self._tell_all(f"agreed {mark}")

    def _gone(self, index: int) -> None:
        del self._writers[index]
        if index in self._done or self._left or self.lost:
            return
        self.lost = f"load generator {index} ended before the load did"
        self._tell_all(f"lost {index}")
        self._decided.set()
        self._ended("Terminated")

    def _tell_all(self, line: str) -> None:
        for index in list(self._writers):
            self._tell(index, line)

    def _tell(self, index: int, line: str) -> None:
        # Lines are short and few: they fit into the socket's buffer, and nobody waits for whoever does not read.
        self._writers[index].write(f"{line}\n".encode())


def _named(indexes: set[int] | frozenset[int]) -> str:
    """Return generators as words."""
    numbers = ", ".join(str(index) for index in sorted(indexes))
    return f"load generator{'s' if len(indexes) > 1 else ''} {numbers}"
