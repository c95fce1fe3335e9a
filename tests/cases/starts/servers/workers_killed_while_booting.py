"""A master that kills a worker which has not booted within three seconds and starts another, as gunicorn --timeout."""

import os
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1])
BOOT_TIMEOUT, BOOT_CPU_SECONDS = 3.0, 1.5


def burn(seconds: float) -> None:
    """Use CPU time of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        burn(0.004)
        self.answer(b"{}")

    def do_GET(self) -> None:
        self.answer(b"")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def worker(ready: int, listener: socket.socket) -> None:
    """Load the model, say so and serve."""
    burn(BOOT_CPU_SECONDS)
    os.write(ready, b"1")
    server = ThreadingHTTPServer(("", PORT), Handler, bind_and_activate=False)
    server.socket = listener
    server.serve_forever()


def main() -> None:
    """Have one worker."""
    listener = socket.create_server(("", PORT), backlog=256)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            worker(writing, listener)
        os.set_blocking(reading, False)
        end, booted = time.monotonic() + BOOT_TIMEOUT, False
        while time.monotonic() < end and not booted:
            time.sleep(0.05)
            try:
                booted = bool(os.read(reading, 1))
            except BlockingIOError:
                continue
        if not booted:
            print(f"WORKER TIMEOUT {pid}", flush=True)
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


main()
