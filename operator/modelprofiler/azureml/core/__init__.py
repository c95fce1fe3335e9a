"""The SDK's classes: workspaces, datasets, environments, models and their profiles."""

from modelprofiler.azureml.core.compute import ComputeTarget
from modelprofiler.azureml.core.container_registry import ContainerRegistry
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.datastore import Datastore
from modelprofiler.azureml.core.environment import Environment
from modelprofiler.azureml.core.experiment import Experiment
from modelprofiler.azureml.core.image import Image
from modelprofiler.azureml.core.keyvault import Keyvault
from modelprofiler.azureml.core.linked_service import LinkedService, SynapseWorkspaceLinkedServiceConfiguration
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.core.run import Run, get_run
from modelprofiler.azureml.core.runconfig import RunConfiguration
from modelprofiler.azureml.core.script_run_config import ScriptRun, ScriptRunConfig
from modelprofiler.azureml.core.webservice import Webservice
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.unsupported import COMPUTE, MONITORING, NETWORK, TRAINING, stand_in
from modelprofiler.version import __version__

VERSION = __version__

PrivateEndPoint = stand_in("PrivateEndPoint", NETWORK)
PrivateEndPointConfig = stand_in("PrivateEndPointConfig", NETWORK)
attach_legacy_compute_target = stand_in("attach_legacy_compute_target", COMPUTE)
diagnostic_log = stand_in("diagnostic_log", MONITORING)
get_run_config_from_script_run = stand_in("get_run_config_from_script_run", TRAINING)
is_compute_target_prepared = stand_in("is_compute_target_prepared", COMPUTE)
prepare_compute_target = stand_in("prepare_compute_target", COMPUTE)

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
    "PrivateEndPoint",
    "PrivateEndPointConfig",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "SynapseWorkspaceLinkedServiceConfiguration",
    "Webservice",
    "Workspace",
    "attach_legacy_compute_target",
    "diagnostic_log",
    "get_run",
    "get_run_config_from_script_run",
    "is_compute_target_prepared",
    "prepare_compute_target",
]
