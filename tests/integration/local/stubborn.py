"""A server that leaves something behind: ``python stubborn.py HABIT PORT FOLDER``. It answers nothing."""

import socket
import sys
import time
from pathlib import Path

HABIT, PORT, FOLDER = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


def listen_without_reuse(port: int) -> socket.socket:
    """Listen on a port that cannot be bound while it has connections in TIME_WAIT."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def close_a_connection_first(listener: socket.socket) -> None:
    """Leave a connection in TIME_WAIT at the port of a listener."""
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    server.close()
    client.recv(1)
    client.close()


if HABIT == "lock":
    (FOLDER / "model.lock").open("x").close()
if HABIT == "socket":
    backend = socket.socket(socket.AF_UNIX)
    backend.bind(str(FOLDER / "backend.sock"))
if HABIT == "counter":  # of which nothing is said
    starts = FOLDER / "starts"
    starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
    if len(starts.read_text()) > 1:
        sys.exit(3)
if HABIT == "second-port":
    inner = listen_without_reuse(PORT + 1)
    close_a_connection_first(inner)
main = socket.create_server(("127.0.0.1", PORT))
time.sleep(60)
