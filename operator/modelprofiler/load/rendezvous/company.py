"""What a load agrees on with the other generators, and the words that they exchange.

Every message is a line of words. To the first generator: ``hello KEY INDEX``, ``ready``, ``mark MARK``, ``end ENDING``,
``done``. From it: ``start SECONDS``, ``agreed MARK``, ``end ENDING``, ``lost INDEX``, ``done``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

Mark = Literal["warm", "enough"]
"""warm: the warm-up may end. enough: the window has the requests and rows that it must have."""
MARKS = frozenset(get_args(Mark))

Ending = Literal["Certain", "Overload", "Terminated"]
COMMON_ENDINGS: frozenset[Ending] = frozenset({"Overload", "Terminated"})
"""Endings of one generator that end all. No generator alone can be certain, so that there is no other."""

LONGEST_LINE = 200
"""Bytes of a message; the longest has a key of 64 characters."""


GOODBYE_SECONDS = 1.0
"""How long the last word may take to be sent: it is on its way already, unless nobody reads."""


def words_of(line: bytes) -> list[str]:
    """Return the words of a message; none where it is no text."""
    try:
        return line.decode("ascii").split()
    except UnicodeDecodeError:
        return []


class Company:
    """The other generators of a load, as one of them sees them. This one has no others: it waits for nobody."""

    def __init__(self) -> None:
        self.lost = ""
        """Why there is no common load any more; empty while there is."""
        self._end: Callable[[Ending], None] | None = None

    async def join(self) -> None:
        """Begin to listen for the others, or to look for the first; `leave` ends it.

        Raises
        ------
        LoadError
            When the port to listen on is taken.
        """

    async def meet(self) -> str:
        """Wait until all are ready, then for the common start; return why there is none, empty where there is."""
        return ""

    def reach(self, mark: Mark) -> None:
        """Say that this generator has come to a mark; saying it again changes nothing."""

    def all_reached(self, mark: Mark) -> bool:
        """Return whether every generator has come to a mark."""
        return True

    def on_end(self, end: Callable[[Ending], None]) -> None:
        """Have a function called when the load of another generator ends early."""
        self._end = end

    def tell_end(self, ending: Ending) -> None:
        """Say that the load of this generator ends early, so that all end."""

    async def leave(self, *, done: bool = False) -> None:
        """Hang up; ``done`` says before that this generator has sent its load, so that nobody takes it for lost."""

    def _ended(self, ending: str) -> None:
        for known in COMMON_ENDINGS:
            if ending == known and self._end is not None:
                self._end(known)
