"""A server of 4 ms of CPU a request that has one habit of a real one: python one_server.py HABIT PORT."""

import mmap
import os
import random
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HABIT, PORT = sys.argv[1], int(sys.argv[2])
CPU_SECONDS = 0.004
REQUEST_LIMIT = 300
PAGES_EACH = 2000
served, lock = 0, threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0" if HABIT == "closes-first" else "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        end = time.thread_time() + CPU_SECONDS
        while time.thread_time() < end:
            pass
        refused = HABIT == "own-host" and self.headers.get("Host", "").partition(":")[0] != "model.example.internal"
        if HABIT == "maps-its-model":
            sum(index[random.randrange(len(index) // 4096) * 4096] for _ in range(PAGES_EACH))
        self.send_response(400 if refused else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        if HABIT == "ends-itself":
            count_down()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


def count_down() -> None:
    """End after some requests, as uvicorn --limit-max-requests does."""
    global served
    with lock:
        served += 1
        if served >= REQUEST_LIMIT:
            print(f"Maximum request limit of {REQUEST_LIMIT} exceeded. Terminating process.", flush=True)
            os._exit(0)


class WithoutReuse(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """It cannot bind a port that has connections in TIME_WAIT."""

    daemon_threads = True
    request_queue_size = 128


class OnIPv6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


if HABIT == "maps-its-model":
    with (Path(os.environ["MODEL_DIR"]) / "index.bin").open("rb") as file:
        index = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
if HABIT == "leaves-a-pid-file":  # in its working directory, and refuses to start where it is there
    with Path("server.pid").open("x") as pid_file:
        pid_file.write(str(os.getpid()))
if HABIT == "leaves-a-lock":  # where every program of the machine may, and refuses to start where it is there
    with Path(f"/tmp/one-server-{PORT}.lock").open("x"):
        pass
if HABIT == "closes-first":
    WithoutReuse(("", PORT), Handler).serve_forever()
elif HABIT == "on-ipv6":
    OnIPv6(("::1", PORT), Handler).serve_forever()
else:
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
