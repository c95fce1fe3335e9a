"""Settings of training runs, which are not supported, and what else scripts import from this module."""

from __future__ import annotations

from modelprofiler.azureml.data.datastore import DataPath
from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.azureml.serving.container_registry import ContainerRegistry
from modelprofiler.azureml.serving.environment import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE, Environment
from modelprofiler.azureml.serving.environment_sections import DockerSection, PythonSection
from modelprofiler.azureml.unsupported import TRAINING, Unsupported, stand_ins


class RunConfiguration(metaclass=Unsupported):
    """The settings of a training run."""

    instead = TRAINING


class DockerConfiguration(metaclass=Unsupported):
    """The settings of a training run's container."""

    instead = TRAINING


class MpiConfiguration(metaclass=Unsupported):
    """The settings of a distributed training run."""

    instead = TRAINING


__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "ContainerRegistry",
    "DataPath",
    "DockerConfiguration",
    "DockerSection",
    "Environment",
    "MpiConfiguration",
    "PythonSection",
    "RunConfiguration",
]

__getattr__ = stand_ins(__name__, TRAINING)
