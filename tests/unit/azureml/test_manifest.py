"""The ModelProfile resource of a call."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.azureml.conftest import SCORE

from modelprofiler.api.resource import ModelProfile as Resource
from modelprofiler.azureml.core import Environment, Model, Workspace
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.profiling.bounds import Machine
from modelprofiler.azureml.profiling.manifest import kubernetes_name

pytestmark = pytest.mark.usefixtures("not_started")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend a machine of two cores and 8 GB, of which 1 core and 6.13 GB are free."""
    monkeypatch.setattr(Machine, "here", lambda: Machine(2.0, 8.0, 1.0, 6.13))


def manifest(ws: Workspace, config: InferenceConfig, dataset: TabularDataset, **call: Any) -> dict[str, Any]:
    """Return the manifest of a call as data."""
    models = call.pop("models", [])
    text = Model.profile(ws, call.pop("name", "p"), models, config, dataset, **call).to_manifest()
    data: dict[str, Any] = yaml.safe_load(text)
    Resource.parse(data)
    return data


def test_the_default_is_one_client_and_a_slowdown(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset
) -> None:
    """Neither the rate nor the latency of a model is known."""
    spec = manifest(ws, config, requests)["spec"]
    assert {"closedLoop": {"concurrency": 1}} == spec["load"]
    assert {"maxSlowdownPercent": "50"} == spec["objectives"]


def test_load_and_objective_can_be_set(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """The values are those of the resource."""
    options = {"duration": "20s", "soak": "2m", "deadline": "10m"}
    spec = manifest(ws, config, requests, rate=50, latency={"p95": "250ms"}, **options)["spec"]
    assert {"openLoop": {"rate": "50"}, "duration": "20s"} == spec["load"]
    assert {"latency": {"p95": "250ms"}} == spec["objectives"]
    assert {"soak": "2m", "deadline": "10m"} == spec["search"]


def test_cpu_and_memory_are_the_largest_sizes(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """In cores, and in GB of 10^9 bytes."""
    resources = manifest(ws, config, requests, cpu=1.5, memory_in_gb=0.75)["spec"]["resources"]
    assert {"min": "100m", "max": "1500m", "step": "50m"} == resources["cpu"]
    assert {"min": "100M", "max": "750M", "step": "50M"} == resources["memory"]


def test_the_smallest_sizes_are_accepted(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """The run has only one size then."""
    resources = manifest(ws, config, requests, cpu=0.1, memory_in_gb=0.1)["spec"]["resources"]
    assert ("100m", "100M") == (resources["cpu"]["max"], resources["memory"]["max"])


def test_the_search_begins_at_the_smallest_size_that_may_be_requested(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is a setting, like the largest; a machine that has less than that is searched at one size."""
    monkeypatch.setenv("MODELPROFILER_MIN_PROFILE_CPU", "0.3")
    monkeypatch.setenv("MODELPROFILER_MIN_PROFILE_MEMORY", "0.57")
    resources = manifest(ws, config, requests, cpu=0.5, memory_in_gb=0.57)["spec"]["resources"]
    assert {"min": "300m", "max": "500m", "step": "50m"} == resources["cpu"]
    assert {"min": "570M", "max": "570M", "step": "50M"} == resources["memory"]


def test_a_size_above_the_machine_is_lowered_with_a_warning(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset
) -> None:
    """Without a size, the run takes what the load leaves, without a warning."""
    with pytest.warns(UserWarning, match="cpu 3.5 is more than this machine has; 2 is"):
        resources = manifest(ws, config, requests, cpu=3.5, name="a")["spec"]["resources"]
    assert "2000m" == resources["cpu"]["max"]
    resources = manifest(ws, config, requests, name="b")["spec"]["resources"]
    assert ("1000m", "6100M") == (resources["cpu"]["max"], resources["memory"]["max"])


def test_one_model_has_azure_ml_layout(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """AZUREML_MODEL_DIR is azureml-models/<name>/<version>."""
    Path("model.joblib").write_text("weights", encoding="utf-8")
    model = Model.register(ws, "model.joblib", "diabetes")
    spec = manifest(ws, config, requests, models=[model])["spec"]
    directory = Path(spec["model"]["source"]["path"])
    assert ("azureml-models", "diabetes", "1") == directory.parts[-3:]
    assert "weights" == (directory / "model.joblib").read_text(encoding="utf-8")
    assert ("diabetes", "1") == (spec["model"]["name"], spec["model"]["version"])


def test_several_models_have_azure_ml_layout(ws: Workspace, config: InferenceConfig, requests: TabularDataset) -> None:
    """AZUREML_MODEL_DIR is azureml-models, with a directory for each name and version."""
    Path("a.bin").write_text("a", encoding="utf-8")
    Path("folder/sub").mkdir(parents=True)
    Path("folder/sub/b.bin").write_text("b", encoding="utf-8")
    first, second = Model.register(ws, "a.bin", "first"), Model.register(ws, "folder", "second")
    spec = manifest(ws, config, requests, models=[first, second])["spec"]
    directory = Path(spec["model"]["source"]["path"])
    assert "azureml-models" == directory.name
    assert "a" == (directory / "first/1/a.bin").read_text(encoding="utf-8")
    assert "b" == (directory / "second/1/folder/sub/b.bin").read_text(encoding="utf-8")


def test_a_profile_without_models_has_no_model(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset
) -> None:
    """The list may be empty."""
    assert "model" not in manifest(ws, config, requests)["spec"]


def test_files_of_the_source_directory_are_copied(ws: Workspace, requests: TabularDataset) -> None:
    """Its folders are included; without a source directory only the script is copied."""
    Path("src/lib").mkdir(parents=True)
    Path("src/score.py").write_text(SCORE, encoding="utf-8")
    Path("src/lib/helper.py").write_text("", encoding="utf-8")
    config = InferenceConfig("score.py", source_directory="src", environment=Environment("e"))
    script = manifest(ws, config, requests, name="a")["spec"]["server"]["entryScript"]
    code = Path(script["source"]["path"])
    assert ["lib/helper.py", "score.py"] == sorted(str(p.relative_to(code)) for p in code.rglob("*.py"))
    script_alone = manifest(ws, InferenceConfig("src/score.py"), requests, name="b")["spec"]["server"]["entryScript"]
    assert "score.py" == script_alone["file"]
    assert ["score.py"] == [p.name for p in Path(script_alone["source"]["path"]).iterdir()]


def test_variables_of_the_environment_are_those_of_the_server(
    ws: Workspace, config: InferenceConfig, requests: TabularDataset
) -> None:
    """Their values become strings."""
    assert config.environment is not None
    config.environment.environment_variables = {"THREADS": 2}  # type: ignore[dict-item]  # as old scripts do
    environment = manifest(ws, config, requests)["spec"]["server"]["entryScript"]["environment"]
    assert [{"name": "THREADS", "value": "2"}] == environment["env"]
    assert ["joblib==1.5.1"] == environment["requirements"]


@pytest.mark.parametrize("name", ["unique-name", "unique_name", "Unique Name", "ünique", "x" * 80, "7", "-", "a.b"])
def test_every_name_becomes_one_that_kubernetes_accepts(name: str) -> None:
    """A valid name stays as it is; different names stay different."""
    converted = kubernetes_name(name)
    assert converted == name or converted[-9] == "-"
    assert len(converted) <= 52
    assert all(c.isdigit() or c.islower() or c == "-" for c in converted if c.isascii())
    assert converted.isascii()
    assert converted != kubernetes_name(f"{name}_")
