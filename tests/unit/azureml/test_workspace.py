"""Workspaces: where they keep things and run profiles."""

import importlib
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Experiment, Run, Webservice, Workspace
from modelprofiler.azureml.core.webservice import AciWebservice
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.store import Store


def test_a_workspace_is_this_machine_or_a_namespace() -> None:
    """The resource group decides; any other name is a label."""
    assert not Workspace.local().is_kubernetes
    assert not Workspace("subscription", "my-group", "my-workspace").is_kubernetes
    cluster = Workspace.from_kubernetes(namespace="ml", context="prod")
    assert ("ml", "prod", "kubernetes:prod") == (cluster.namespace, cluster.context, cluster.resource_group)
    assert Workspace.get("ml", resource_group="kubernetes").context is None
    assert Workspace.local().store.root == Workspace("s", "g", "w").store.root == cluster.store.root


@pytest.mark.parametrize("group", ["g", "kubernetes:prod"])
def test_a_config_file_names_either(group: str) -> None:
    """It is read from the directory or one above it."""
    made = Workspace("s", group, "w", tracking_uri="http://127.0.0.1:1")
    made.write_config()
    Path("below").mkdir()
    for path in (None, "below", ".azureml/config.json"):
        assert made.get_details() == Workspace.from_config(path).get_details()


def test_the_error_for_a_missing_config_file_says_what_to_do(tmp_path: Path) -> None:
    """The exception is Azure ML's."""
    with pytest.raises(UserErrorException, match=r"no config.json in .*Workspace\.local\(\)"):
        Workspace.from_config(tmp_path)


def test_the_store_is_in_the_home_directory_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable sets another directory."""
    monkeypatch.setenv("MODELPROFILER_HOME", "/somewhere")
    assert Path("/somewhere") == Store.default().root
    monkeypatch.delenv("MODELPROFILER_HOME")
    assert Path.home() / ".modelprofiler" == Store.default().root


def test_the_error_for_a_damaged_file_names_it(tmp_path: Path) -> None:
    """It is an exception of this package."""
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserErrorException, match=r"x.json is not JSON"):
        Store(tmp_path).read("x.json")


def test_a_writer_waits_for_another_and_then_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the store; the lock is free again when its holder is done."""
    monkeypatch.setattr("modelprofiler.azureml.store.LOCK_SECONDS", 0.05)
    store = Store(tmp_path)
    message = f"another process has been writing to {tmp_path} for 0 s"
    with store.locked(), pytest.raises(UserErrorException, match=message), Store(tmp_path).locked():
        pass
    with store.locked():
        store.write({"a": 1}, "x.json")
    assert {"a": 1} == store.read("x.json")


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (
            "core",
            "ComputeTarget ContainerRegistry Dataset Datastore Environment Experiment Model Run Webservice Workspace",
        ),
        ("core.authentication", "InteractiveLoginAuthentication ServicePrincipalAuthentication MsiAuthentication"),
        ("core.compute", "AksCompute AmlCompute ComputeTarget"),
        ("core.conda_dependencies", "CondaDependencies"),
        ("core.container_registry", "ContainerRegistry"),
        ("core.dataset", "Dataset"),
        ("core.datastore", "Datastore"),
        ("core.environment", "Environment"),
        ("core.experiment", "Experiment"),
        ("core.model", "InferenceConfig Model"),
        ("core.profile", "ModelProfile MIN_PROFILE_CPU MAX_PROFILE_CPU MIN_PROFILE_MEMORY MAX_PROFILE_MEMORY"),
        ("core.resource_configuration", "ResourceConfiguration"),
        ("core", "VERSION"),
        ("core.run", "Run"),
        ("core.runconfig", "DEFAULT_CPU_IMAGE DEFAULT_GPU_IMAGE"),
        ("core.webservice", "AciWebservice AksEndpoint AksWebservice LocalWebservice Webservice"),
        ("core.workspace", "Workspace"),
        ("data", "DataType FileDataset TabularDataset"),
        ("data.datapath", "DataPath"),
        ("data.dataset_factory", "DataType FileDatasetFactory TabularDatasetFactory"),
        ("data.dataset_type_definitions", "FileEncoding PromoteHeadersBehavior SkipLinesBehavior"),
        ("data.tabular_dataset", "TabularDataset"),
        ("exceptions", "AzureMLException ModelNotFoundException UserErrorException WebserviceException"),
    ],
)
def test_the_import_paths_of_the_sdk_exist(module: str, names: str) -> None:
    """Below modelprofiler.azureml."""
    imported = importlib.import_module(f"modelprofiler.azureml.{module}")
    assert [] == [name for name in names.split() if not hasattr(imported, name)]


@pytest.mark.parametrize(
    ("module", "name", "advice"),
    [
        ("core", "ScriptRunConfig", "run the script itself"),
        ("core.script_run_config", "ScriptRun", "run the script itself"),
        ("core", "RunConfiguration", "run the script itself"),
        ("core.runconfig", "RunConfiguration", "run the script itself"),
        ("core.runconfig", "DockerConfiguration", "run the script itself"),
        ("core", "Keyvault", "environment variable"),
        ("core.keyvault", "Keyvault", "environment variable"),
        ("core", "Image", "from_docker_image"),
        ("core.image", "ContainerImage", "from_docker_image"),
        ("core", "LinkedService", "from_delimited_files"),
        ("core.linked_service", "SynapseWorkspaceLinkedServiceConfiguration", "from_delimited_files"),
        ("core", "get_run", "track them with MLflow"),
        ("core.run", "get_run", "track them with MLflow"),
        ("core.compute_target", "ComputeTarget", "Workspace.from_kubernetes"),
        ("core.compute.amlcompute", "AmlCompute", "Workspace.from_kubernetes"),
        ("core.compute.aks", "AksCompute", "Workspace.from_kubernetes"),
        ("core.util", "anything", "leave the call out"),
        ("core.webservice.aks", "AksWebservice", "modelprofiler patch"),
        ("core.webservice.aci", "AciWebservice", "modelprofiler patch"),
        ("core.webservice.local", "LocalWebservice", "modelprofiler patch"),
        ("core.webservice.webservice", "Webservice", "modelprofiler patch"),
        ("data.data_reference", "DataReference", "from_delimited_files"),
    ],
)
def test_what_does_nothing_here_can_be_imported_and_says_on_use_what_to_do(module: str, name: str, advice: str) -> None:
    """Scripts import much that they do not use for a profile."""
    imported = getattr(importlib.import_module(f"modelprofiler.azureml.{module}"), name)
    with pytest.raises(UserErrorException, match=advice):
        imported("a", b="c")
    if isinstance(imported, type) and name != "DataReference":
        with pytest.raises(UserErrorException, match=advice):
            getattr(imported, "create")()  # noqa: B009 - mypy knows that there is none


def test_a_workspace_has_none_of_what_azure_ml_kept_elsewhere(ws: Workspace) -> None:
    """Scripts ask whether a compute target is there."""
    assert "cpu" not in ws.compute_targets
    assert {} == {**ws.webservices, **ws.images, **ws.experiments, **ws.linked_services}
    with pytest.raises(UserErrorException, match="no key vault here"):
        ws.get_default_keyvault()
    with pytest.raises(AttributeError):
        getattr(importlib.import_module("modelprofiler.azureml.core.util"), "__wrapped__")  # noqa: B009 - the same


def test_unsupported_classes_raise_an_error_on_use() -> None:
    """Importing them raises none."""
    for refused in (Experiment, Run, Webservice):
        with pytest.raises(UserErrorException):
            refused()
    with pytest.raises(UserErrorException, match=r"Run.get_context: training runs are not kept here"):
        Run.get_context()
    assert 0.5 == AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=0.5).memory_gb


def test_exceptions_are_in_the_tree_of_the_package() -> None:
    """They have Azure ML's attributes."""
    error = WebserviceException("what to do", status_code=404)
    assert ("what to do", "what to do", 404) == (str(error), error.message, error.status_code)
