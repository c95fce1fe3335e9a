"""Models: registered with versions, found, tagged."""

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
    """The latest is found by name alone."""
    first = Model.register(ws, model_path=file, model_name="diabetes", tags={"a": 1}, description="first")
    second = Model.register(ws, model_path=file, model_name="diabetes")
    assert ("diabetes:1", "diabetes:2") == (first.id, second.id)
    assert 2 == Model(ws, "diabetes").version
    assert {"a": "1"} == Model(ws, id="diabetes:1").tags
    assert "first" == Model(ws, "diabetes", version=1).description
    assert "first" == Model(ws, id="models:/diabetes/1").description
    assert 2 == ws.models["diabetes"].version


def test_a_registered_file_stays_as_it_was(ws: Workspace, file: str) -> None:
    """It is a copy."""
    model = Model.register(ws, file, "m")
    Path(file).write_text("other", encoding="utf-8")
    assert "weights" == Path(model.download("out")).read_text(encoding="utf-8")
    with pytest.raises(WebserviceException, match="exist_ok=True replaces it"):
        model.download("out")


def test_a_folder_is_registered_under_its_name(ws: Workspace) -> None:
    """Or only some of its files."""
    Path("net/sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        Path("net", name).write_text(name, encoding="utf-8")
    whole, part = Model.register(ws, "net", "m"), Model.register(ws, "net", "m", child_paths=["sub"])
    assert ["a", "sub/b"] == sorted(str(p.relative_to(whole.files())) for p in Path(whole.files()).rglob("[ab]"))
    assert ["sub/b"] == [str(p.relative_to(part.files())) for p in Path(part.files()).rglob("[ab]")]


def test_versions_are_given_once_each_to_several_at_a_time(ws: Workspace, file: str) -> None:
    """Writers wait for each other."""
    threads = [threading.Thread(target=Model.register, args=(ws, file, "m")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(range(1, 9)) == sorted(m.version for m in Model.list(ws, "m"))


@pytest.mark.parametrize("how", [{"name": "x"}, {"id": "x:1"}, {"name": "m", "version": 9}, {"id": "m:new"}])
def test_an_unknown_model_is_refused_with_those_there_are(ws: Workspace, file: str, how: dict[str, object]) -> None:
    """As the exception that the original documented and as the one that it raised."""
    Model.register(ws, file, "m")
    with pytest.raises(ModelNotFoundException, match="ModelNotFound: Model with name") as error:
        Model(ws, **how)  # type: ignore[arg-type]  # each its own keyword
    assert isinstance(error.value, WebserviceException)
    with pytest.raises(WebserviceException, match="one of id or name must be provided"):
        Model(ws)


@pytest.mark.parametrize("name", ["", "-x", "a/b", "..", "a b", "x" * 256])
def test_a_name_that_cannot_be_used_is_refused(ws: Workspace, file: str, name: str) -> None:
    """With what may be in it."""
    with pytest.raises(WebserviceException, match="use 1 to 255 letters, digits"):
        Model.register(ws, file, name)


def test_a_path_that_is_not_there_is_refused(ws: Workspace) -> None:
    """As the original's exception and as Python's."""
    for expected in (WebserviceException, FileNotFoundError):
        with pytest.raises(expected, match="cannot be found"):
            Model.register(ws, "nowhere.bin", "m")


def test_models_are_listed_by_what_they_have(ws: Workspace, file: str) -> None:
    """Name, tags, properties, framework; all versions or the latest."""
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
    """And numbers become texts, as a script adds them."""
    model = Model.register(ws, file, "m", tags={"old": "1"})
    model.add_tags({"requestedCpu": 1.0, "old": "2"})
    model.remove_tags(["old"])
    model.add_properties({"p": "1"})
    assert {"requestedCpu": "1.0"} == Model(ws, "m").tags == model.tags
    with pytest.raises(WebserviceException, match=r"properties are immutable.*: p"):
        model.add_properties({"p": "2"})


def test_what_else_a_model_is_registered_with_comes_back(ws: Workspace, file: str, requests: TabularDataset) -> None:
    """Size, samples and datasets."""
    model = Model.register(
        ws,
        file,
        "m",
        resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5),
        sample_input_dataset=requests,
        datasets=[("training", requests)],
    )
    found = Model(ws, id=model.id)
    assert found.resource_configuration is not None
    assert 0.5 == found.resource_configuration.memory_in_gb
    assert found.sample_input_dataset is not None
    assert requests.id == found.sample_input_dataset.id
    assert [requests.id] == [d.id for d in found.datasets["training"]]
    assert requests.id == found.serialize()["sampleInputDatasetId"]
    assert Dataset.get_by_id(ws, str(requests.id))


def test_a_version_can_be_deleted(ws: Workspace, file: str) -> None:
    """The others stay."""
    Model.register(ws, file, "m")
    Model.register(ws, file, "m").delete()
    assert 1 == Model(ws, "m").version


def test_a_script_finds_the_models_that_its_server_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest version where none is named."""
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path))
    monkeypatch.setenv("MODELPROFILER_MODELS", '[["m", 1, "m/1/a.bin"], ["m", 10, "m/10/a.bin"]]')
    assert str(tmp_path / "m/10/a.bin") == Model.get_model_path("m")
    assert str(tmp_path / "m/1/a.bin") == Model.get_model_path("m", version=1)
    with pytest.raises(ModelNotFoundException, match="Model other not found"):
        Model.get_model_path("other")


def test_elsewhere_a_path_is_found_in_the_workspace_or_beside(ws: Workspace, file: str) -> None:
    """As the original looked."""
    assert file == Model.get_model_path(file)
    model = Model.register(ws, file, "m")
    assert model.files() == Model.get_model_path("m", _workspace=ws)
    with pytest.raises(WebserviceException, match="version should be an int"):
        Model.get_model_path("m", version="1")  # type: ignore[arg-type]  # on purpose


def test_what_is_not_done_here_says_what_to_do_instead() -> None:
    """Deploying and packaging."""
    with pytest.raises(UserErrorException, match="deploys nothing; `modelprofiler patch`"):
        Model.deploy()
    with pytest.raises(UserErrorException, match="builds no images"):
        Model.package()
