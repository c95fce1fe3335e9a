"""A run on this machine: its process, and its cancellation."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from modelprofiler.azureml.core import Workspace
from modelprofiler.azureml.core.profile import ModelProfile

PATIENCE = 90.0
"""Seconds after which a test is taken to hang; the first run creates an environment."""

SCRIPT = """
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a background job, which everything inherits
from modelprofiler.azureml.core import Dataset, Environment, Model, Workspace
from modelprofiler.azureml.core.conda_dependencies import CondaDependencies
from modelprofiler.azureml.core.model import InferenceConfig

open("score.py", "w").write("def init(): pass\\ndef run(data): return data\\n")
open("data.txt", "w").write('{"data": [1]}\\n' * 3)
ws = Workspace.local()
environment = Environment("e")
environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["joblib"])
dataset = Dataset.Tabular.from_delimited_files("data.txt", separator="\\n", header=False)
config = InferenceConfig("score.py", environment=environment)
Model.profile(ws, "p", [], config, dataset, cpu=0.5, memory_in_gb=0.3, rate=5, latency={"p95": "5s"})
"""


def processes_of(directory: Path) -> list[str]:
    """Return the command lines that contain a directory."""
    lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(directory) in line]


def test_a_run_outlives_its_script_and_is_cancelled_by_another(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process of it is left; its request can still be read."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # its lock too: no other run of this machine is waited for
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
    directory = home / "profiles/p"
    deadline = time.monotonic() + PATIENCE
    while not (directory / "run/profile.json").exists():
        assert ModelProfile(Workspace.local(), "p").state == "Running", (directory / "run.log").read_text()
        assert time.monotonic() < deadline, (directory / "run.log").read_text()
        time.sleep(0.1)
    assert [] != processes_of(directory)
    profile = ModelProfile(Workspace.local(), "p")
    assert "Running" == profile.state
    profile.cancel()
    assert "Cancelled" == profile.state
    assert [] == processes_of(directory)
    details = ModelProfile(Workspace.local(), "p").get_details()
    assert ("Cancelled", 0.5, 0.3, 5.0) == (
        details["state"],
        details["requestedCpu"],
        details["requestedMemoryInGB"],
        details["requestedQueriesPerSecond"],
    )
