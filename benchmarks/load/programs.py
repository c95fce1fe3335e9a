"""The programs of the benchmark: where they are, on which core they run, what they have used."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelprofiler.api.server import EntryScript, Environment
from modelprofiler.api.sources import Source
from modelprofiler.core.scoring import scoring_command, scoring_variables
from modelprofiler.local.environment import build

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".cache" / "bench-peers"
_FOLDERS = [PEERS / "usr" / "bin", PEERS / "usr" / "sbin", *os.environ.get("PATH", "").split(":"), "/usr/sbin"]
_LIBRARIES = sorted(str(folder) for folder in PEERS.glob("usr/lib/*-linux-gnu"))
PATIENCE = 10.0
"""Seconds within which a program must have started."""

HERE = "127.0.0.1"
BODY = b"x" * 1024
"""What every client posts."""


def find(program: str) -> str | None:
    """Return the path of a program that hack/bench-peers fetched or that is on PATH; None where there is none."""
    return shutil.which(program, path=":".join(map(str, _FOLDERS)))


def cores() -> tuple[int, int]:
    """Return the core of the client and that of the server: two, where the machine has two."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextlib.contextmanager
def running(command: Sequence[str], core: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core, its output in ``folder``/output; it is ended when the block is left."""
    path = ":".join([*_LIBRARIES, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **({"LD_LIBRARY_PATH": path} if path else {}), "PYTHONPATH": str(ROOT)},
        )
        try:
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process: kindly, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE)


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time of a running process with all its threads, in seconds, to the nanosecond.

    Every process has a clock whose number is made of its id: MAKE_PROCESS_CPUCLOCK of include/linux/posix-timers.h.
    """
    return time.clock_gettime((~process.pid << 3) | 2)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> bytes:
    """Return the body of a page of a server on this machine."""
    with urllib.request.urlopen(f"http://{HERE}:{port}{path}", timeout=PATIENCE) as answer:
        return bytes(answer.read())


def wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a server listens.

    Raises
    ------
    RuntimeError
        When it ended, or has not listened in time.
    """
    end_of_patience = time.monotonic() + PATIENCE
    while time.monotonic() < end_of_patience and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HERE, port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not listen: {(folder / 'output').read_text(errors='replace')[-500:]}")


_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr error;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout {keep_alive}; client_max_body_size 64m;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen {here}:{port} backlog=1024{tls};
    location / {{ return 200 '{{"result": [1]}}'; }}
    location /another {{ add_header X-Request-Id $request_id; return 200 '{{"result": [1]}}'; }}
    location /status {{ stub_status; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, *, keep_alive: str = "600s", certificate: Path | None = None) -> Iterator[int]:
    """Run nginx with a configuration of its own, on the server's core; its port."""
    program = find("nginx")
    if program is None:
        raise LookupError("nginx")
    port = free_port()
    tls = f" ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate}" if certificate else ""
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, here=HERE, port=port, keep_alive=keep_alive, tls=tls))
    command = [program, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]
    with running(command, cores()[1], folder) as process:
        wait_for(port, process, folder)
        yield port


_SCRIPT = """
def init():
    pass


def run(data):
    return {"result": [1]}
"""


@contextlib.contextmanager
def scoring(folder: Path) -> Iterator[int]:
    """Run azureml-inference-server-http with a script that does nothing, on the server's core; its port.

    Raises
    ------
    EnvironmentFailed
        Its environment is not there and cannot be built.
    RuntimeError
        It does not start, or keeps its connections.
    """
    python, port = build(Environment()), free_port()
    folder.mkdir(parents=True)
    (folder / "score.py").write_text(_SCRIPT)
    script = EntryScript(source=Source(path=str(folder)))
    name, *arguments = scoring_command(script, port, str(folder), None)
    variables = scoring_variables(script, str(folder), str(folder), None) | {"PATH": f"{python.parent}:/usr/bin:/bin"}
    command = ["env", *(f"{key}={value}" for key, value in variables.items()), str(python), str(python.with_name(name))]
    with running([*command, *arguments], cores()[1], folder) as process:
        wait_for(port, process, folder)
        with contextlib.closing(http.client.HTTPConnection(HERE, port, PATIENCE)) as connection:
            connection.request("GET", "/")
            kept = connection.getresponse().getheader("Connection", "").lower()
        if kept != "close":
            raise RuntimeError(f"azureml-inference-server-http does not close its connections: {kept!r}")
        yield port


def requests_served(port: int) -> int:
    """Return how many requests nginx has had."""
    return int(get(port, "/status").split()[9])


@contextlib.contextmanager
def stalling(folder: Path, *, every: float, stall: float) -> Iterator[int]:
    """Run the server that stalls, on the server's core; its port."""
    port = free_port()
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.load.stalling", str(port), str(every), str(stall)]
    with running(command, cores()[1], folder) as process:
        wait_for(port, process, folder)
        yield port


def log_of(port: int) -> dict[str, Any]:
    """Return what the stalling server has noted: its stalls as (begin, end), its arrivals; monotonic seconds."""
    log: dict[str, Any] = json.loads(get(port, "/log"))
    return log
