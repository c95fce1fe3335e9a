"""Settings of training runs, which are not supported, and names of Azure ML's own images, as old scripts import them.

The images cannot serve a model and are not used: `modelprofiler.azureml.profiling.environment` warns of them.
"""

from __future__ import annotations

from modelprofiler.azureml.core.script_run_config import INSTEAD
from modelprofiler.azureml.core.unsupported import Unsupported

DEFAULT_CPU_IMAGE = "azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"


class RunConfiguration(metaclass=Unsupported):
    """The settings of a training run."""

    instead = INSTEAD


class DockerConfiguration(metaclass=Unsupported):
    """The settings of a training run's container."""

    instead = INSTEAD


class MpiConfiguration(metaclass=Unsupported):
    """The settings of a distributed training run."""

    instead = INSTEAD
