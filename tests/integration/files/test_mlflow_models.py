"""Versions of models in a real MLflow server, ``models:/``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.integration.azureml.conftest import mlflow, mlflow_program
from tests.integration.files.stores import behind_tls, files_in
from tests.integration.files.test_fetch import fetch

__all__ = ["mlflow", "mlflow_program"]

pytestmark = pytest.mark.timeout(300)

REGISTER = """
import json, pathlib, mlflow
from mlflow.models import Model
pathlib.Path("net/sub").mkdir(parents=True)
pathlib.Path("net/a b+é.bin").write_bytes(b"a" * 3_000_000)
pathlib.Path("net/sub/b.txt").write_text("b")
client = mlflow.MlflowClient()
client.create_registered_model("net")
with mlflow.start_run() as run:
    mlflow.log_artifacts("net", "files")
    client.create_model_version("net", f"runs:/{run.info.run_id}/files", run.info.run_id)
client.create_model_version("net", run.info.artifact_uri + "/files", run.info.run_id)
client.set_registered_model_alias("net", "champion", "1")
client.create_registered_model("empty")
client.create_model_version("empty", run.info.artifact_uri + "/nothing", run.info.run_id)

class Doubles(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[float]) -> list[float]:
        return [2 * value for value in model_input]

mlflow.pyfunc.log_model(name="doubles", python_model=Doubles(), registered_model_name="doubles", pip_requirements=[])
print(json.dumps([client.get_model_version(*v).source for v in (("net", "1"), ("net", "2"), ("doubles", "1"))]))
"""


@pytest.fixture(scope="module")
def models(mlflow: str, mlflow_program: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Register models by MLflow's own client, and return the address of the server."""
    ended = subprocess.run(
        [str(Path(mlflow_program).with_name("python")), "-c", REGISTER],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        cwd=tmp_path_factory.mktemp("client"),
        env={"PATH": "/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": mlflow},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    by_run, by_path, logged = json.loads(ended.stdout.splitlines()[-1])
    # The three ways in which a version says where its files are.
    assert (by_run[:6], by_path[:17], logged[:10]) == ("runs:/", "mlflow-artifacts:", "models:/m-")
    return mlflow


@pytest.mark.parametrize("uri", ["models:/net/1", "models:/net/2", "models:/net@champion"])
def test_a_version_of_a_model(models: str, tmp_path: Path, uri: str) -> None:
    """By its number or an alias, wherever the version says that its files are."""
    assert (0, "") == fetch(uri, tmp_path, {"MLFLOW_TRACKING_URI": models})
    assert {"a b+é.bin": 3_000_000, "sub/b.txt": 1} == files_in(tmp_path)


def test_a_model_that_was_logged(models: str, tmp_path: Path) -> None:
    """Its files are those of a model of their own, and not of the run."""
    assert (0, "") == fetch("models:/doubles/1", tmp_path, {"MLFLOW_TRACKING_URI": models})
    assert {"MLmodel", "python_model.pkl", "requirements.txt"} <= files_in(tmp_path).keys()


@pytest.mark.parametrize("uri", ["models:/net/9", "models:/nothing/1", "models:/net@nobody", "models:/empty/1"])
def test_what_is_not_there_is_named(models: str, tmp_path: Path, uri: str) -> None:
    """A version, a model, an alias, files."""
    code, output = fetch(uri, tmp_path, {"MLFLOW_TRACKING_URI": models})
    assert 1 == code
    assert f"{uri} does not exist" in output or f"{uri} has no files" in output


def test_a_server_with_tls(models: str, tmp_path: Path) -> None:
    """Only its own CA vouches for it."""
    with behind_tls(int(models.rpartition(":")[2]), tmp_path / "tls") as (address, ca):
        for name, authority in (("good", ca), ("unknown", "")):
            place = tmp_path / name
            place.mkdir()
            code, output = fetch("models:/net/1", place, {"MLFLOW_TRACKING_URI": address}, authority)
            assert (0 if name == "good" else 1) == code, output
    assert "certificate verify failed" in output
