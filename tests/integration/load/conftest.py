"""Servers for the load generator to load, each a process of its own."""

import asyncio
import contextlib
import dataclasses
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from modelprofiler.load.config import LoadConfig
from modelprofiler.load.plan import Plan, sub_window
from modelprofiler.load.result import LoadResult
from modelprofiler.load.runner import run

SERVER = Path(__file__).with_name("misbehaving.py")
ROWS = b"one\ntwo\nthree\n"


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[int]:
    """Run the misbehaving server; its port."""
    with subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """Return the port of a server for all tests: they do not see each other, since every test has a path of its own."""
    with serving() as port:
        yield port


@pytest.fixture
def mortal_server() -> Iterator[int]:
    """Return the port of a server that a test may end."""
    with serving() as port:
        yield port


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with the key and certificate of 127.0.0.1; its certificate is its own CA."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return another one."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "other.pem")


def make_certificate(pem: Path) -> Path:
    """Write a new key and a certificate that it signed itself."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
        f" -addext subjectAltName=IP:127.0.0.1,DNS:digits.example -keyout {pem}.key -out {pem}.crt"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    pem.write_bytes(Path(f"{pem}.key").read_bytes() + Path(f"{pem}.crt").read_bytes())
    return pem


@pytest.fixture(scope="session")
def tls_server(certificate: Path) -> Iterator[int]:
    """Return the port of a server that speaks TLS."""
    with serving(str(certificate)) as port:
        yield port


@pytest.fixture
def configuration(tmp_path: Path) -> Callable[..., LoadConfig]:
    """Return a function that makes a configuration for a server on this machine."""

    def make(port: int, behaviour: str, load: dict[str, Any], rows: bytes = ROWS, **changes: Any) -> LoadConfig:
        path = tmp_path / "rows.txt"
        path.write_bytes(rows)
        endpoint = {"path": f"/{behaviour}?{uuid.uuid4()}", "timeout": "5s"} | changes.pop("endpoint", {})
        fields = {
            "host": "127.0.0.1",
            "port": port,
            "endpoint": endpoint,
            "dataset": {"path": str(path)},
            "load": load,
            "connect_timeout": 2,
        }
        return LoadConfig.model_validate(fields | changes)

    return make


@pytest.fixture
def load(server: int, configuration: Callable[..., LoadConfig]) -> Callable[..., LoadResult]:
    """Return a function that makes a short load in this process, and returns its result."""

    def make(behaviour: str, load: dict[str, Any], *, bounds: Any = None, **changes: Any) -> LoadResult:
        say = changes.pop("say", lambda _: None)
        config = configuration(changes.pop("port", server), behaviour, load, **changes)
        bounds = {"duration": 0.5} | (bounds or {})
        duration = bounds["duration"]
        short = {"warmup": 0.1, "max_warmup": 1.0, "max_duration": 4 * duration, "sub_window": sub_window(duration)}
        plan = dataclasses.replace(Plan.of(config), **short | bounds)

        async def run_load() -> LoadResult:
            return await asyncio.wait_for(run(config, plan=plan, say=say), 30)

        with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
            return runner.run(run_load())

    return make
