"""Who is let through, and when: nothing here says how long it takes."""

import asyncio
import contextlib

from modelprofiler.cluster.gate import Gate
from modelprofiler.cluster.queue import Key

A, B, C, D = (("team", name) for name in "abcd")


class Room:
    """What is behind a gate for two: who is in it, in the order in which they came."""

    def __init__(self) -> None:
        self.gate = Gate(2)
        self.inside: list[str] = []
        self.tasks: dict[Key, asyncio.Task[None]] = {}
        self.doors: dict[Key, asyncio.Event] = {}

    async def come(self, key: Key, *, past: bool = False) -> None:
        """Let somebody come, and wait until they are in or stand in line."""

        async def stay() -> None:
            async with self.gate.through(key, past=past):
                self.inside.append(key[1])
                try:
                    await self.doors[key].wait()
                finally:
                    self.inside.remove(key[1])

        self.doors[key] = asyncio.Event()
        self.tasks[key] = asyncio.create_task(stay())
        await self.settle()

    async def go(self, key: Key) -> None:
        """Let somebody go who is in."""
        self.doors[key].set()
        await self.tasks.pop(key)
        await self.settle()

    async def give_up(self, key: Key) -> None:
        """Let somebody give up, in line or inside."""
        task = self.tasks.pop(key)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await self.settle()

    async def settle(self) -> None:
        """Let everybody move who can."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def empty(self) -> int:
        """Let everybody go; return how many then fit in at once."""
        for key in list(self.tasks):
            await self.give_up(key)
        for key in (A, B, C, D):
            await self.come(key)
        fits = len(self.inside)
        for key in list(self.tasks):
            await self.give_up(key)
        return fits


async def test_a_limited_number_at_a_time_first_come_first_served() -> None:
    """And the place of who goes is taken by the next."""
    room = Room()
    for key in (A, B, D, C):
        await room.come(key)
    assert ["a", "b"] == room.inside
    await room.go(A)
    assert ["b", "d"] == room.inside
    await room.go(D)
    assert ["b", "c"] == room.inside
    assert 2 == await room.empty()


async def test_who_is_let_past_neither_waits_nor_takes_a_place() -> None:
    """Whether that is known when they come, or while they stand in line."""
    room = Room()
    for key in (A, B, C):
        await room.come(key)
    await room.come(D, past=True)
    assert ["a", "b", "d"] == room.inside
    room.gate.let_past(C)
    await room.settle()
    assert ["a", "b", "d", "c"] == room.inside
    await room.go(C)
    await room.go(D)
    assert 2 == await room.empty()


async def test_who_gives_up_leaves_no_hole() -> None:
    """In line, inside, or at the very moment of being let in."""
    room = Room()
    for key in (A, B, C, D):
        await room.come(key)
    await room.give_up(C)
    await room.give_up(A)
    assert ["b", "d"] == room.inside
    await room.come(C)
    room.doors[B].set()
    for _ in range(2):  # B has gone and C is let in, but does not know it yet
        await asyncio.sleep(0)
    await room.give_up(C)
    assert 2 == await room.empty()


async def test_letting_somebody_past_who_is_not_in_line_does_nothing() -> None:
    """They may have gone in at the same moment."""
    room = Room()
    room.gate.let_past(A)
    await room.come(A)
    room.gate.let_past(A)
    assert ["a"] == room.inside
    assert 2 == await room.empty()
