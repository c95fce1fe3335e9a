"""A server whose memory follows a habit: ``server.py PORT HABIT [NUMBER…]``.

leak KIB                keeps KIB of each request for good
cache MIB REQUESTS      keeps the same amount of each request until it has MIB, after REQUESTS
recycled KIB REQUESTS   a worker that leaks KIB a request and is replaced after REQUESTS, as gunicorn can
history KIB REQUESTS    keeps KIB of each of the last REQUESTS requests
arenas KIB              threads that allocate and free blocks of many sizes, up to KIB, out of order: glibc's arenas
nothing                 makes a list of 20,000 objects for each request and keeps none of it
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KIB = 1024
CPU_SECONDS = 0.002
"""CPU time of a request beside what its habit takes."""

kept: list[bytes] = []


def habit(name: str, numbers: list[int]) -> Callable[[], object]:
    """Return what a request does to the memory."""
    if name in ("leak", "recycled"):
        return lambda: kept.append(os.urandom(KIB * numbers[0]))
    if name == "cache":
        size = KIB * KIB * numbers[0] // numbers[1]
        return lambda: kept.append(os.urandom(size)) if len(kept) < numbers[1] else None
    if name == "history":
        last: deque[bytes] = deque(maxlen=numbers[1])
        return lambda: last.append(os.urandom(KIB * numbers[0]))
    if name == "arenas":
        return lambda: scattered(KIB * numbers[0])
    return lambda: [str(number) for number in range(20_000)]


def scattered(largest: int) -> None:
    """Allocate 40 blocks of up to this many bytes, and free them in another order."""
    blocks = [bytearray(random.randrange(64, largest)) for _ in range(40)]
    random.shuffle(blocks)
    while blocks:
        blocks.pop()


def handler(does: Callable[[], object]) -> type[BaseHTTPRequestHandler]:
    """Return the handler of requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if sys.argv[2] != "recycled" else "HTTP/1.0"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            does()
            end = time.thread_time() + CPU_SECONDS
            while time.thread_time() < end:
                pass
            self.wfile.write(b"%s 200 OK\r\nContent-Length: 2\r\n\r\n{}" % self.protocol_version.encode())

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    port, name, numbers = int(sys.argv[1]), sys.argv[2], [int(part) for part in sys.argv[3:]]
    listener = socket.create_server(("", port), backlog=256)
    served = numbers[1] if name == "recycled" else None
    while True:
        pid = os.fork() if served is not None else 0
        if pid:
            os.waitpid(pid, 0)
            continue
        server = ThreadingHTTPServer(("", port), handler(habit(name, numbers)), bind_and_activate=False)
        server.socket = listener
        if served is None:
            server.serve_forever()
        for _ in range(served or 0):
            server.handle_request()
        os._exit(0)


main()
