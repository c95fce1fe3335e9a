"""Import paths of Azure ML's SDK: all of them exist, and what does nothing here says on use what to do instead."""

import importlib

import pytest

from modelprofiler.azureml.core import Experiment, Run, Webservice
from modelprofiler.azureml.core.authentication import MsiAuthentication
from modelprofiler.azureml.core.webservice import AciWebservice
from modelprofiler.azureml.exceptions import AuthenticationException, AzureMLException, UserErrorException


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
        ("core.environment", "DEFAULT_CPU_IMAGE DockerSection Environment ImageBuildDetails"),
        ("core.experiment", "Experiment"),
        ("core.model", "InferenceConfig Model"),
        ("core.profile", "ModelProfile MIN_PROFILE_CPU MAX_PROFILE_CPU MIN_PROFILE_MEMORY MAX_PROFILE_MEMORY"),
        ("core.resource_configuration", "ResourceConfiguration"),
        ("core", "VERSION"),
        ("core.run", "Run"),
        ("core.runconfig", "DEFAULT_CPU_IMAGE DEFAULT_GPU_IMAGE CondaDependencies DataPath"),
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
        # Names of modules that do something here.
        ("core", "SynapseWorkspaceLinkedServiceConfiguration", "from_delimited_files"),
        ("core", "PrivateEndPoint", "leave the call out"),
        ("core.compute", "ComputeInstance", "Workspace.from_kubernetes"),
        ("core.environment", "DockerBuildContext", "from_docker_image"),
        ("core.environment", "SparkSection", "conda_dependencies"),
        ("core.image", "ContainerImageConfig", "from_docker_image"),
        ("core.model", "ModelPackage", "from_docker_image"),
        ("core.runconfig", "TensorflowConfiguration", "run the script itself"),
        ("core.script_run_config", "get_run_config_from_script_run", "run the script itself"),
        ("core.webservice.aks", "ScoringExplainer", "modelprofiler patch"),
        ("data", "OutputFileDatasetConfig", "from_delimited_files"),
        # Modules that nothing here does.
        ("_base_sdk_common.common", "perform_login", "leave the call out"),
        ("automl.core", "AutoMLRun", "run the script itself"),
        ("contrib.brainwave", "BrainwaveImage", "modelprofiler patch"),
        ("core.compute.computeinstance", "ComputeInstance", "Workspace.from_kubernetes"),
        ("core.image.container", "ContainerImageConfig", "from_docker_image"),
        ("core.script_run", "ScriptRun", "run the script itself"),
        ("data.azure_storage_datastore", "AzureBlobDatastore", "from_delimited_files"),
        ("interpret", "ExplanationClient", "leave the call out"),
        ("monitoring", "ModelDataCollector", "leave the call out"),
        ("pipeline.core.graph", "PipelineParameter", "run the script of each step itself"),
        ("telemetry", "set_diagnostics_collection", "leave the call out"),
        ("train.hyperdrive.run", "PrimaryMetricGoal", "run the script itself"),
        ("widgets", "RunDetails", "wait_for_completion"),
    ],
)
def test_what_does_nothing_here_can_be_imported_and_says_on_use_what_to_do(module: str, name: str, advice: str) -> None:
    """Scripts import much that they do not use for a profile."""
    imported = getattr(importlib.import_module(f"modelprofiler.azureml.{module}"), name)
    with pytest.raises(UserErrorException, match=rf"^{name}: .*{advice}"):
        imported("a", b="c")
    if isinstance(imported, type):
        with pytest.raises(UserErrorException, match=rf"^{name}\.create: .*{advice}"):
            getattr(imported, "create")()  # noqa: B009 - mypy knows that there is none


def test_unsupported_classes_raise_an_error_on_use() -> None:
    """Importing them raises none."""
    for unsupported in (Experiment, Run, Webservice):
        with pytest.raises(UserErrorException):
            unsupported()
    with pytest.raises(UserErrorException, match=r"Run.get_context: training runs are not kept here"):
        Run.get_context()
    assert 0.5 == AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=0.5).memory_gb


def test_an_unsupported_class_is_still_a_class() -> None:
    """Scripts derive from it, name it in annotations, and ask whether an object is one."""

    class Mine(Run):
        """A class of a script."""

    assert not isinstance(object(), Mine | None)
    with pytest.raises(UserErrorException, match="Mine: training runs are not kept here"):
        Mine()


def test_a_module_that_is_imported_by_name_from_its_package_is_the_module() -> None:
    """A package with stand-ins has its own modules first; another name of it stands for a module of the SDK, too."""
    package = importlib.import_module("modelprofiler.azureml.core.compute")
    assert package.aks is importlib.import_module("modelprofiler.azureml.core.compute.aks")
    dnn = importlib.import_module("modelprofiler.azureml.train").dnn
    with pytest.raises(UserErrorException, match=r"dnn\.PyTorch: scripts are not run for training"):
        dnn.PyTorch(source_directory=".")


@pytest.mark.parametrize(
    ("module", "name"),
    [("exceptions", "TrainingException"), ("data.dataset_error_handling", "DatasetExecutionError")],
)
def test_every_exception_of_the_sdk_can_be_caught(module: str, name: str) -> None:
    """Nothing raises it; it is the same class at each import."""
    imported = [getattr(importlib.import_module(f"modelprofiler.azureml.{module}"), name) for _ in range(2)]
    assert imported[0] is imported[1]
    assert issubclass(imported[0], AzureMLException)


@pytest.mark.parametrize("module", ["cores", "core.workspaces", "data.tabular", "core.workspace.below", "__main__"])
def test_a_misspelt_module_is_not_there(module: str) -> None:
    """Only the SDK's own modules are made."""
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"modelprofiler.azureml.{module}")
    core = importlib.import_module("modelprofiler.azureml.core")
    assert not hasattr(core, "Worksapce")
    assert not hasattr(importlib.import_module("modelprofiler.azureml.exceptions"), "Worksapce")


def test_a_login_has_no_token() -> None:
    """A login is accepted wherever Azure ML takes one; asking it for a token says that there is none."""
    login = MsiAuthentication()
    for ask in (login.get_authentication_header, login.get_token):
        with pytest.raises(AuthenticationException, match="leave the call out"):
            ask()
