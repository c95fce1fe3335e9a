"""Servers of public bug reports about what is answered. Run as ``server.py PORT CASE``."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CASE = sys.argv[2]
STARTED = time.monotonic()
LOADS_SECONDS = 2.0
"""How long the model takes to load where the port is open from the first moment."""
MOST_BYTES = 1_000_000
SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"
GOAWAY = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
lock = threading.Lock()
loaded = False


def burn(seconds: float) -> None:
    """Use CPU time of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Handler(BaseHTTPRequestHandler):
    """Answers as the case says."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # headers and body in one piece

    def do_GET(self) -> None:
        """Say that the process lives, not that the model is loaded."""
        self.answer(200, {"status": "ok"})

    def do_POST(self) -> None:
        """Answer a row."""
        row = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if CASE == "loading" and time.monotonic() - STARTED < LOADS_SECONDS:
            self.answer(503, {"error": "model is not ready yet"})
        elif CASE == "redirect" and self.path == "/predict":
            self.answer(307, None, Location=f"http://{self.headers['Host']}/predict/")
        elif CASE == "loading-200" and time.monotonic() - STARTED < LOADS_SECONDS:
            self.answer(200, {"status": "loading"})
        elif CASE == "queued":
            self.answer(200, {"task_id": uuid.uuid4().hex, "status": "PENDING"})
        elif CASE == "stream" and "features" not in row:
            self.answer(200, b'data: {"error": {"message": "TimeoutError", "code": 504}}\n\ndata: [DONE]\n\n')
        elif CASE == "compressed" and "features" not in row:
            self.answer(200, gzip.compress(b'{"error": "\'features\'"}'), **{"Content-Encoding": "gzip"})
        elif CASE == "errors" and "features" not in row:
            self.answer(200, {"error": "'features'"})
        else:
            self.score(row)

    def score(self, row: dict[str, list[float]]) -> None:
        """Answer as a model does, the first time after it is loaded."""
        global loaded
        if CASE == "lazy":
            with lock:
                if not loaded:
                    burn(1.0)
                    loaded = True
        burn(0.004)
        self.answer(200, {"score": sum(row.get("features", [1]))})

    def answer(self, status: int, body: object, **headers: str) -> None:
        """Send a response."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "text/event-stream" if CASE == "stream" else "application/json")
        if CASE == "length-twice":
            self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def serve_too_large(connection: socket.socket) -> None:
    """Answer 413 to a long body before it is read."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (piece := connection.recv(4096)):
            return connection.close()
        head += piece
    body = b'{"error": "request body is larger than 1000000 bytes"}'
    response = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    connection.sendall(response + body)
    return connection.close()


def serve_http2(connection: socket.socket) -> None:
    """Speak first, as a gRPC server does, and go away on anything but HTTP/2."""
    connection.sendall(SETTINGS)
    data = connection.recv(65536)
    if data and not data.startswith(b"PRI * HTTP/2.0"):
        connection.sendall(GOAWAY)
    connection.close()


RAW = {"too-large": serve_too_large, "http2": serve_http2}

if __name__ == "__main__":
    port = int(sys.argv[1])
    if CASE in RAW:
        listener = socket.create_server(("", port), backlog=128)
        while True:
            threading.Thread(target=RAW[CASE], args=listener.accept()[:1], daemon=True).start()
    ThreadingHTTPServer(("", port), Handler).serve_forever()
