"""Types of the fixtures that start servers, and a wait for what the kernel does."""

import asyncio
from collections.abc import Awaitable, Callable

from modelprofiler.host.process import Server

Start = Callable[..., Awaitable[Server]]
Serve = Callable[..., Awaitable[tuple[Server, int]]]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for 20 seconds at most."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it happens in the kernel
            await asyncio.sleep(0.01)
