"""What the tests of server processes have in common."""

import asyncio
from collections.abc import Awaitable, Callable

from modelprofiler.local.process import Server

Start = Callable[..., Awaitable[Server]]
Serve = Callable[..., Awaitable[tuple[Server, int]]]


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, for 20 seconds at most."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it happens in the kernel
            await asyncio.sleep(0.01)
