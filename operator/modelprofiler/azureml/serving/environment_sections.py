"""The sections of an environment: its Python packages and its image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.azureml.serving.container_registry import ContainerRegistry


class PythonSection:
    """The Python packages that a script runs with.

    Attributes
    ----------
    user_managed_dependencies
        Whether the image already has the packages, so that nothing is installed.
    conda_dependencies
        The packages to install otherwise.
    """

    def __init__(self) -> None:
        self.user_managed_dependencies = False
        self.interpreter_path = "python"
        self.base_conda_environment: str | None = None
        self.conda_dependencies = CondaDependencies()
        self._conda_dependencies_file: str | os.PathLike[str] | None = None

    @property
    def conda_dependencies_file(self) -> str | os.PathLike[str] | None:
        """A conda file, read when it is set."""
        return self._conda_dependencies_file

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, value: str | os.PathLike[str] | None) -> None:
        self._conda_dependencies_file = value
        if value is not None:
            self.conda_dependencies = CondaDependencies(value)

    def serialize(self) -> dict[str, Any]:
        """Return the section as Azure ML wrote it to JSON."""
        return {
            "userManagedDependencies": self.user_managed_dependencies,
            "interpreterPath": self.interpreter_path,
            "condaDependenciesFile": None,
            "condaDependencies": self.conda_dependencies.as_dict(),
            "baseCondaEnvironment": self.base_conda_environment,
        }

    @staticmethod
    def deserialize(data: dict[str, Any]) -> PythonSection:
        """Return the section that JSON describes."""
        section = PythonSection()
        section.user_managed_dependencies = bool(data.get("userManagedDependencies"))
        section.interpreter_path = data.get("interpreterPath") or "python"
        section.base_conda_environment = data.get("baseCondaEnvironment")
        if data.get("condaDependencies"):
            section.conda_dependencies = CondaDependencies(_underlying_structure=data["condaDependencies"])
        elif data.get("condaDependenciesFile"):
            section.conda_dependencies_file = data["condaDependenciesFile"]
        return section


class DockerSection:
    """The image that a script runs in.

    Attributes
    ----------
    base_image
        An image with azureml-inference-server-http; the installation's image by default.
    base_dockerfile
        A Dockerfile, as text or as the path of a file. To profile it, build the image and name it instead.
    base_image_registry
        The registry of the image.
    """

    def __init__(self) -> None:
        self.enabled = False
        self.arguments: list[str] = []
        self.shared_volumes = True
        self.shm_size: str | None = None
        self.base_image: str | None = None
        self.base_image_registry = ContainerRegistry()
        self._base_dockerfile: str | None = None

    @property
    def base_dockerfile(self) -> str | None:
        """The Dockerfile as text."""
        return self._base_dockerfile

    @base_dockerfile.setter
    def base_dockerfile(self, value: str | None) -> None:
        is_file = value is not None and "\n" not in value and Path(value).is_file()
        self._base_dockerfile = Path(value).read_text(encoding="utf-8") if value is not None and is_file else value

    @property
    def image(self) -> str | None:
        """The image, with the address of its registry in front."""
        address = self.base_image_registry.address
        if not self.base_image or not address or self.base_image.startswith(f"{address}/"):
            return self.base_image or None
        return f"{address}/{self.base_image}"

    def serialize(self) -> dict[str, Any]:
        """Return the section as Azure ML wrote it to JSON."""
        registry = {"address": self.base_image_registry.address, "username": None, "password": None}
        return {
            "enabled": self.enabled,
            "arguments": self.arguments,
            "sharedVolumes": self.shared_volumes,
            "shmSize": self.shm_size,
            "baseImage": self.base_image,
            "baseDockerfile": self.base_dockerfile,
            "baseImageRegistry": registry,
        }

    @staticmethod
    def deserialize(data: dict[str, Any]) -> DockerSection:
        """Return the section that JSON describes."""
        section = DockerSection()
        section.enabled = bool(data.get("enabled"))
        section.arguments = list(data.get("arguments") or [])
        section.shm_size = data.get("shmSize")
        section.base_image = data.get("baseImage")
        section.base_dockerfile = data.get("baseDockerfile")
        registry = data.get("baseImageRegistry") or {}
        section.base_image_registry.address = registry.get("address") if isinstance(registry, dict) else registry
        return section
