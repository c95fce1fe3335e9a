"""Models in a real MLflow server, through the calls of the local store."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Model, Workspace
from modelprofiler.azureml.core.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.exceptions import ModelNotFoundException, UserErrorException, WebserviceException

CLIENT = {"PATH": "/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""The environment of MLflow's own client."""


@pytest.fixture
def ws(mlflow: str, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return the workspace of this machine, with the models in MLflow."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow)
    Path("model.joblib").write_bytes(b"\x80weights")
    return Workspace.local()


def test_a_model_makes_the_round_trip(ws: Workspace) -> None:
    """It is found in every way, with all its attributes; its file is downloaded unchanged."""
    size = ResourceConfiguration(cpu=1, memory_in_gb=0.5)
    first = Model.register(
        ws, "model.joblib", "diabetes", tags={"a": 1}, description="why", resource_configuration=size
    )
    second = Model.register(ws, "model.joblib", "diabetes", properties={"p": "q"}, model_framework="ScikitLearn")
    assert ("diabetes:1", "diabetes:2") == (first.id, second.id)
    assert "models:/diabetes/2" == second.url
    assert 2 == Model(ws, "diabetes").version
    registered = Model(ws, id="models:/diabetes/1")
    assert ({"a": "1"}, "why") == (registered.tags, registered.description)
    assert registered.resource_configuration is not None
    assert size.serialize() == registered.resource_configuration.serialize()
    assert ({"p": "q"}, "ScikitLearn") == (Model(ws, "diabetes").properties, Model(ws, "diabetes").model_framework)
    assert ["diabetes:2", "diabetes:1"] == [m.id for m in Model.list(ws, "diabetes")]
    assert b"\x80weights" == Path(registered.files()).read_bytes()
    assert "model.joblib" == Path(registered.download("out")).name


def test_tags_are_those_of_the_model_version(ws: Workspace, mlflow_program: str, mlflow: str) -> None:
    """MLflow's own client sees them; the package's own tags are not among the user's."""
    model = Model.register(ws, "model.joblib", "tagged", tags={"old": "1"})
    model.add_tags({"recommendedCpu": 0.45, "recommendedMemoryInGB": 0.25})
    model.remove_tags("old")
    model.add_properties({"p": "q"})
    with pytest.raises(WebserviceException, match="properties are immutable"):
        model.add_properties({"p": "r"})
    script = (
        "import json, mlflow; c = mlflow.MlflowClient();"
        "v = c.get_model_version('tagged', '1'); print(json.dumps([v.tags, v.source]))"
    )
    output = subprocess.run(
        [str(Path(mlflow_program).with_name("python")), "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**CLIENT, "MLFLOW_TRACKING_URI": mlflow},
    ).stdout
    tags, source = json.loads(output.splitlines()[-1])
    expected = {"recommendedCpu": "0.45", "recommendedMemoryInGB": "0.25", "modelprofiler.property.p": "q"}
    assert expected == tags
    assert source.startswith("mlflow-artifacts:/")
    assert {"recommendedCpu": "0.45", "recommendedMemoryInGB": "0.25"} == Model(ws, "tagged").tags


def test_a_folder_keeps_its_files_and_name(ws: Workspace) -> None:
    """Its folders are included."""
    Path("net/sub").mkdir(parents=True)
    for name in ("a b", "sub/c"):
        Path("net", name).write_text(name, encoding="utf-8")
    path = Path(Model.register(ws, "net", "folder").files())
    assert "net" == path.name
    assert ["a b", "sub/c"] == sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())


def test_a_model_that_mlflow_saved_can_be_profiled(ws: Workspace, mlflow_program: str, mlflow: str) -> None:
    """The folder with MLmodel is the model."""
    script = (
        "import mlflow\n"
        "class M(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input: list[str]) -> list[str]:\n"
        "        return model_input\n"
        "with mlflow.start_run():\n"
        "    mlflow.pyfunc.log_model(name='m', python_model=M(), registered_model_name='own', pip_requirements=[])\n"
    )
    subprocess.run(
        [str(Path(mlflow_program).with_name("python")), "-c", script],
        check=True,
        capture_output=True,
        env={**CLIENT, "MLFLOW_TRACKING_URI": mlflow, "HOME": str(Path.cwd())},
    )
    path = Path(Model(ws, "own").files())
    assert path.is_dir()
    assert (path / "MLmodel").is_file()


def test_a_version_can_be_deleted(ws: Workspace) -> None:
    """The others stay."""
    Model.register(ws, "model.joblib", "gone")
    Model.register(ws, "model.joblib", "gone").delete()
    assert 1 == Model(ws, "gone").version


def test_an_unknown_model_is_refused_and_the_known_ones_are_named(ws: Workspace) -> None:
    """As by the local store."""
    Model.register(ws, "model.joblib", "there")
    with pytest.raises(ModelNotFoundException, match=r"ModelNotFound: Model with name x not found.*there:1"):
        Model(ws, "x")
    with pytest.raises(ModelNotFoundException, match=r"version 9 not found.*registered are there:1"):
        Model(ws, "there", version=9)


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is not a server's is refused."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    with pytest.raises(WebserviceException, match=r"MLflow at http://127.0.0.1:1 does not answer") as error:
        Model(Workspace.local(), "x")
    assert 503 == error.value.status_code
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    with pytest.raises(UserErrorException, match="must be the http address of an MLflow server"):
        Model(Workspace.local(), "x")
