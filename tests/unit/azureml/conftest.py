"""Fixtures: each test has its own workspace, in a directory of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Dataset, Environment, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.profiling import start
from modelprofiler.azureml.profiling.installable import Answer
from modelprofiler.azureml.profiling.local_run import LocalRuns
from modelprofiler.azureml.store import HOME_VARIABLE

SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"

Tabular = Callable[..., TabularDataset]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create the current directory and the store of this test."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(start, "ask_index", lambda *_: Answer())  # no test here uses a network
    return tmp_path / "home"


@pytest.fixture
def ws() -> Workspace:
    """Return the workspace of this machine."""
    return Workspace.local()


@pytest.fixture
def tabular(ws: Workspace) -> Tabular:
    """Return a function that uploads a text and makes a dataset of it."""

    def make(text: str, **more: object) -> TabularDataset:
        Path("data.txt").write_text(text, encoding="utf-8")
        store = ws.get_default_datastore()
        store.upload_files(["data.txt"], target_path="here", overwrite=True, show_progress=False)
        options: dict[str, object] = {"separator": "\n", "header": False, **more}
        return Dataset.Tabular.from_delimited_files([(store, "here/data.txt")], **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def requests(tabular: Tabular) -> TabularDataset:
    """Return a dataset as Azure ML's example makes it."""
    row = json.dumps({"data": [[1, 2], [3, 4]]})
    return tabular("\n".join([row] * 3))


@pytest.fixture
def config() -> InferenceConfig:
    """Return the inference configuration of a script without packages."""
    Path("score.py").write_text(SCORE, encoding="utf-8")
    Path("requirements.txt").write_text("joblib==1.5.1\n", encoding="utf-8")
    environment = Environment.from_pip_requirements("env", "requirements.txt")
    return InferenceConfig(entry_script="score.py", environment=environment)


@pytest.fixture
def not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepare runs, but start no process."""

    def started(
        self: LocalRuns, directory: Path, manifest: dict[str, object], models: list[str], uri: str | None
    ) -> None:
        import yaml

        (directory / "profile.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
        (directory / "state.json").write_text(json.dumps({"models": models, "store": str(self.store.root)}))

    monkeypatch.setattr(LocalRuns, "start", started)
