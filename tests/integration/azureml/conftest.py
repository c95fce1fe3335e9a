"""Fixtures: each test has its own store; a real MLflow server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelprofiler.azureml.store import HOME_VARIABLE

START_SECONDS = 90.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the current directory and the store of this test."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def mlflow_program(repository: Path) -> str:
    """Return the path of MLflow's program: that in the variable MLFLOW, or the one that `hack/mlflow` installed."""
    program = os.environ.get("MLFLOW") or shutil.which(str(repository / ".cache/mlflow/bin/mlflow"))
    if not program:
        pytest.skip("there is no MLflow server here; `hack/mlflow` installs one (850 MB)")
    return program


@pytest.fixture(scope="session")
def mlflow(mlflow_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an MLflow server on loopback that stores the files itself, and return its address."""
    directory = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    kept = ["--backend-store-uri", f"sqlite:///{directory}/mlflow.db"]
    kept += ["--artifacts-destination", str(directory / "files")]
    with (directory / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [mlflow_program, "server", *options, *kept, "--serve-artifacts"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=directory,
            start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
        )
    try:
        _answering(f"{address}/health", server, directory / "server.log")
        yield address
    finally:
        os.killpg(server.pid, 15)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)
            server.wait(timeout=10)


def _answering(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
