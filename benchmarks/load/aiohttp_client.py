"""A peer: what a load generator on aiohttp would do. Run as ``aiohttp_client.py URL CONNECTIONS SECONDS``."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import uvloop

BODY = b"x" * 1024


async def main(url: str, connections: int, seconds: float) -> None:
    """Send requests over each connection, the next when the last is answered."""
    end = time.monotonic() + seconds

    async def client() -> None:
        while time.monotonic() < end:
            async with session.post(url, data=BODY, headers={"Content-Type": "application/json"}) as response:
                await response.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(client() for _ in range(connections)))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
