"""Models: registration with versions, lookup and tags."""

import threading
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Dataset, Model, Workspace
from modelprofiler.azureml.core.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.exceptions import ModelNotFoundException, UserErrorException, WebserviceException


@pytest.fixture
def file() -> str:
    """Return the path of a model's file."""
    Path("model.joblib").write_text("weights", encoding="utf-8")
    return "model.joblib"


def test_each_registration_is_a_version(ws: Workspace, file: str) -> None:
    """A name without a version stands for the latest one."""
    first = Model.register(ws, model_path=file, model_name="diabetes", tags={"a": 1}, description="first")
    second = Model.register(ws, model_path=file, model_name="diabetes")
    assert ("diabetes:1", "diabetes:2") == (first.id, second.id)
    assert 2 == Model(ws, "diabetes").version
    assert {"a": "1"} == Model(ws, id="diabetes:1").tags
    assert "first" == Model(ws, "diabetes", version=1).description
    assert "first" == Model(ws, id="models:/diabetes/1").description
    assert 2 == ws.models["diabetes"].version


def test_a_registered_file_does_not_change(ws: Workspace, file: str) -> None:
    """It is a copy."""
    model = Model.register(ws, file, "m")
    Path(file).write_text("other", encoding="utf-8")
    assert "weights" == Path(model.download("out")).read_text(encoding="utf-8")
    with pytest.raises(WebserviceException, match="exist_ok=True replaces it"):
        model.download("out")


def test_a_folder_is_registered_under_its_name(ws: Workspace) -> None:
    """With child_paths only some of its files are."""
    Path("net/sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        Path("net", name).write_text(name, encoding="utf-8")
    all_files, some_files = Model.register(ws, "net", "m"), Model.register(ws, "net", "m", child_paths=["sub"])
    assert ["a", "sub/b"] == sorted(
        str(p.relative_to(all_files.files())) for p in Path(all_files.files()).rglob("[ab]")
    )
    assert ["sub/b"] == [str(p.relative_to(some_files.files())) for p in Path(some_files.files()).rglob("[ab]")]


def test_concurrent_registrations_get_different_versions(ws: Workspace, file: str) -> None:
    """Writers wait for each other."""
    threads = [threading.Thread(target=Model.register, args=(ws, file, "m")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(range(1, 9)) == sorted(m.version for m in Model.list(ws, "m"))


@pytest.mark.parametrize("options", [{"name": "x"}, {"id": "x:1"}, {"name": "m", "version": 9}, {"id": "m:new"}])
def test_an_unknown_model_is_refused_and_the_known_ones_are_named(
    ws: Workspace, file: str, options: dict[str, object]
) -> None:
    """The exception is the one that Azure ML documented and the one that it raised."""
    Model.register(ws, file, "m")
    with pytest.raises(ModelNotFoundException, match="ModelNotFound: Model with name") as error:
        Model(ws, **options)  # type: ignore[arg-type]  # each its own keyword
    assert isinstance(error.value, WebserviceException)
    with pytest.raises(WebserviceException, match="one of id or name must be provided"):
        Model(ws)


@pytest.mark.parametrize("name", ["", "-x", "a/b", "..", "a b", "x" * 256])
def test_an_invalid_name_is_refused(ws: Workspace, file: str, name: str) -> None:
    """The error names the allowed characters."""
    with pytest.raises(WebserviceException, match="use 1 to 255 letters, digits"):
        Model.register(ws, file, name)


def test_a_missing_path_is_refused(ws: Workspace) -> None:
    """The exception is Azure ML's and Python's."""
    for expected in (WebserviceException, FileNotFoundError):
        with pytest.raises(expected, match="cannot be found"):
            Model.register(ws, "nowhere.bin", "m")


def test_models_are_listed_by_their_attributes(ws: Workspace, file: str) -> None:
    """By name, tags, properties and framework; all versions or the latest."""
    Model.register(ws, file, "a", tags={"area": "x"}, model_framework=Model.Framework.ONNX)
    Model.register(ws, file, "a", properties={"p": "1"})
    Model.register(ws, file, "b", tags={"area": "y"})
    assert ["b:1", "a:2", "a:1"] == [m.id for m in Model.list(ws)]
    assert ["b:1", "a:2"] == [m.id for m in Model.list(ws, latest=True)]
    assert ["a:1"] == [m.id for m in Model.list(ws, tags=[["area", "x"]])]
    assert ["b:1", "a:1"] == [m.id for m in Model.list(ws, tags=["area"])]
    assert ["a:2"] == [m.id for m in Model.list(ws, properties=["p"])]
    assert ["a:1"] == [m.id for m in Model.list(ws, model_framework="Onnx")]
    assert "a:1" == Model(ws, "a", tags=["area"]).id
    with pytest.raises(UserErrorException, match="tags must be a list"):
        Model.list(ws, tags="area")


def test_tags_change_and_properties_do_not(ws: Workspace, file: str) -> None:
    """Numbers become strings, since scripts pass them."""
    model = Model.register(ws, file, "m", tags={"old": "1"})
    model.add_tags({"requestedCpu": 1.0, "old": "2"})
    model.remove_tags(["old"])
    model.add_properties({"p": "1"})
    assert {"requestedCpu": "1.0"} == Model(ws, "m").tags == model.tags
    with pytest.raises(WebserviceException, match=r"properties are immutable.*: p"):
        model.add_properties({"p": "2"})


def test_size_samples_and_datasets_are_registered_too(ws: Workspace, file: str, requests: TabularDataset) -> None:
    """They are read back unchanged."""
    model = Model.register(
        ws,
        file,
        "m",
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
        sample_input_dataset=requests,
        datasets=[("training", requests)],
    )
    registered = Model(ws, id=model.id)
    assert registered.resource_configuration is not None
    assert 0.5 == registered.resource_configuration.memory_in_gb
    assert registered.sample_input_dataset is not None
    assert requests.id == registered.sample_input_dataset.id
    assert [requests.id] == [d.id for d in registered.datasets["training"]]
    assert requests.id == registered.serialize()["sampleInputDatasetId"]
    assert Dataset.get_by_id(ws, str(requests.id))


def test_a_version_can_be_deleted(ws: Workspace, file: str) -> None:
    """The others stay."""
    Model.register(ws, file, "m")
    Model.register(ws, file, "m").delete()
    assert 1 == Model(ws, "m").version


def test_a_script_finds_the_models_of_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a version it gets the latest one."""
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    monkeypatch.setenv("MODELPROFILER_MODELS", '[["m", 1, "m/1/a.bin"], ["m", 10, "m/10/a.bin"]]')
    assert str(tmp_path / "m/10/a.bin") == Model.get_model_path("m")
    assert str(tmp_path / "m/1/a.bin") == Model.get_model_path("m", version=1)
    with pytest.raises(ModelNotFoundException, match="Model other not found"):
        Model.get_model_path("other")


def test_elsewhere_a_path_is_looked_up_in_the_workspace_or_current_directory(ws: Workspace, file: str) -> None:
    """The order is Azure ML's."""
    assert file == Model.get_model_path(file)
    model = Model.register(ws, file, "m")
    assert model.files() == Model.get_model_path("m", _workspace=ws)
    with pytest.raises(WebserviceException, match="version should be an int"):
        Model.get_model_path("m", version="1")  # type: ignore[arg-type]  # on purpose


def test_deploying_and_packaging_are_refused() -> None:
    """The error says what to do instead."""
    with pytest.raises(UserErrorException, match="deploys nothing; `modelprofiler patch`"):
        Model.deploy()
    with pytest.raises(UserErrorException, match="builds no images"):
        Model.package()
