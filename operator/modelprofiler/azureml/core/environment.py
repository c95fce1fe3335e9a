"""The SDK's import path of `Environment` and its sections."""

from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.azureml.serving.environment import Environment
from modelprofiler.azureml.serving.environment_sections import DockerSection, PythonSection

__all__ = ["CondaDependencies", "DockerSection", "Environment", "PythonSection"]
