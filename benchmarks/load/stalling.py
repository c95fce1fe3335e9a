"""A fast server that stands still now and then, as one whose garbage is being collected.

Run as ``stalling.py PORT EVERY STALL``: in the first STALL seconds of every EVERY seconds of the monotonic clock
nothing happens in it at all. ``GET /log`` reports when that was, and when requests to ``/arrivals`` came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import cast

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """What all connections share."""

    def __init__(self, every: float, stall: float) -> None:
        self.every, self.stall = every, stall
        self.stalls: list[tuple[float, float]] = []
        self.arrivals: list[float] = []

    def wait(self) -> None:
        """Stand still until the stall is over, if this is one."""
        now = time.monotonic()
        phase = now % self.every
        if phase < self.stall:
            time.sleep(self.stall - phase)
            self.stalls.append((now - phase, time.monotonic()))


class Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.parser = httptools.HttpRequestParser(self)
        self.url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.arrived = time.monotonic()
        self.server.wait()
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.url = b""

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_message_complete(self) -> None:
        if self.url == b"/log":
            body = json.dumps({"stalls": self.server.stalls, "arrivals": self.server.arrivals}).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return
        if self.url == b"/arrivals":
            self.server.arrivals.append(self.arrived)
        self.transport.write(ANSWER)


async def main(port: int, every: float, stall: float) -> None:
    """Serve until killed."""
    server = Server(every, stall)
    listening = await asyncio.get_running_loop().create_server(lambda: Exchange(server), "127.0.0.1", port)
    await listening.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
