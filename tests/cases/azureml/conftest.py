"""A workspace as the programs of Azure ML's users expect it: a model, thirty requests and a scoring script."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Dataset, Model, Workspace
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.profiling.local_run import PROFILES
from modelprofiler.azureml.store import HOME_VARIABLE

EASY = {"RATE": "10", "LATENCY": "p95=5s", "DURATION": "8s", "WARMUP": "1s"}
"""A load and an objective with which a run has few trials; the cases are about what comes before it."""

SCORE = """\
import json
import os

def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.json")) as file:
        factor = json.load(file)["factor"]

def run(raw_data):
    return [factor * sum(row) for row in json.loads(raw_data)["data"]]
"""

SECONDS = 900
"""How long a program may take: a run takes about a minute, and may wait for another one."""

Ran = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True)
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Create the workspace; a run that a failed test leaves is stopped."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    for name, value in EASY.items():
        monkeypatch.setenv(f"MODELPROFILER_PROFILE_{name}", value)
    Path("score.py").write_text(SCORE, encoding="utf-8")
    Path("weights.json").write_text('{"factor": 2}', encoding="utf-8")
    rows = [json.dumps({"data": [[number, 2, 3]]}) for number in range(30)]
    Path("requests.txt").write_text("\n".join(rows), encoding="utf-8")
    workspace = Workspace.local()
    Model.register(workspace, "weights.json", "scale")
    dataset = Dataset.Tabular.from_delimited_files("requests.txt", separator="\n", header=False)
    dataset.register(workspace, "requests")
    yield workspace
    for name in workspace.store.names(PROFILES):
        ModelProfile(workspace, name).cancel()


@pytest.fixture
def python() -> Callable[[str], Ran]:
    """Return a function that runs a program and returns its exit code and output."""

    def run(text: str) -> Ran:
        return _run([sys.executable, "-c", text])

    return run


@pytest.fixture
def modelprofiler() -> Callable[..., Ran]:
    """Return a function that runs the command."""

    def run(*arguments: str) -> Ran:
        return _run([sys.executable, "-m", "modelprofiler", *arguments])

    return run


def _run(command: list[str]) -> Ran:
    return subprocess.run(command, env=os.environ.copy(), capture_output=True, text=True, timeout=SECONDS, check=False)
