"""Types of the fixtures that start servers, and a wait for what the kernel does."""

import asyncio
from collections.abc import Awaitable, Callable

from modelprofiler.host.server_process import ServerProcess

Start = Callable[..., Awaitable[ServerProcess]]
Serve = Callable[..., Awaitable[tuple[ServerProcess, int]]]


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for 20 seconds at most."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it happens in the kernel
            await asyncio.sleep(0.01)
