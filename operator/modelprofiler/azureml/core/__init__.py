"""The SDK's classes: workspaces, datasets, environments, models and their profiles."""

from modelprofiler.azureml.core.compute import ComputeTarget
from modelprofiler.azureml.core.container_registry import ContainerRegistry
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.datastore import Datastore
from modelprofiler.azureml.core.environment import Environment
from modelprofiler.azureml.core.experiment import Experiment
from modelprofiler.azureml.core.image import Image
from modelprofiler.azureml.core.keyvault import Keyvault
from modelprofiler.azureml.core.linked_service import LinkedService
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.core.run import Run, get_run
from modelprofiler.azureml.core.runconfig import RunConfiguration
from modelprofiler.azureml.core.script_run_config import ScriptRun, ScriptRunConfig
from modelprofiler.azureml.core.webservice import Webservice
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.version import __version__

VERSION = __version__

__all__ = [
    "VERSION",
    "ComputeTarget",
    "ContainerRegistry",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Image",
    "Keyvault",
    "LinkedService",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "Webservice",
    "Workspace",
    "get_run",
]
