"""The SDK's import path of `Environment` and its sections."""

from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.azureml.serving.container_registry import ContainerRegistry
from modelprofiler.azureml.serving.environment import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    Environment,
    ImageBuildDetails,
)
from modelprofiler.azureml.serving.environment_sections import DockerSection, PythonSection
from modelprofiler.azureml.unsupported import IMAGES, LANGUAGES, Unsupported

PythonEnvironment = PythonSection
DockerEnvironment = DockerSection
"""The first names of the sections."""


class DockerBuildContext(metaclass=Unsupported):
    """A folder with a Dockerfile."""

    instead = IMAGES


class DockerImageDetails(metaclass=Unsupported):
    """The image that an environment was built into."""

    instead = IMAGES


class DockerImagePlatform(metaclass=Unsupported):
    """The operating system of an image."""

    instead = IMAGES


class EnvironmentReference(metaclass=Unsupported):
    """A registered environment that is not looked up."""

    instead = "look the environment up with Environment.get(workspace, name, version)"


class RSection(metaclass=Unsupported):
    """The packages of R."""

    instead = LANGUAGES


class RCranPackage(RSection):
    """A package of R."""


class RGitHubPackage(RSection):
    """A package of R in a repository."""


class SparkSection(metaclass=Unsupported):
    """The packages of Spark."""

    instead = LANGUAGES


class SparkPackage(SparkSection):
    """A package of Spark."""


__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "ContainerRegistry",
    "DockerBuildContext",
    "DockerEnvironment",
    "DockerImageDetails",
    "DockerImagePlatform",
    "DockerSection",
    "Environment",
    "EnvironmentReference",
    "ImageBuildDetails",
    "PythonEnvironment",
    "PythonSection",
    "RCranPackage",
    "RGitHubPackage",
    "RSection",
    "SparkPackage",
    "SparkSection",
]
