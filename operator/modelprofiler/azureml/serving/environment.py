"""An environment: the packages, variables and image that a scoring script runs with."""

from __future__ import annotations

import builtins
import copy
import os
from pathlib import Path
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.azureml.serving.container_registry import ContainerRegistry
from modelprofiler.azureml.serving.environment_sections import DockerSection, PythonSection
from modelprofiler.azureml.store import Json, read_json, write_json
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

ENVIRONMENTS = "environments"
FILE = "azureml_environment.json"
"""The file that Azure ML's ``save_to_directory`` wrote, together with conda_dependencies.yml."""


class Environment:
    """The packages, variables and image that a scoring script runs with.

    Parameters
    ----------
    name
        Its name. The names of Azure ML's curated environments started with ``AzureML-``; those do not exist here.
    """

    def __init__(self, name: str, **_ignored: Any) -> None:
        if not name:
            raise UserErrorException("an environment needs a name")
        self.name = name
        self.version: str | None = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.environment_variables: dict[str, str] = {}
        self.inferencing_stack_version: str | None = None

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
        """Return an environment with the packages of a requirements file."""
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(_underlying_structure={"dependencies": []})
        environment.python.conda_dependencies.set_pip_requirements(_lines(Path(file_path)))
        return environment

    @staticmethod
    def from_conda_specification(name: str, file_path: str | os.PathLike[str]) -> Environment:
        """Return an environment with the packages of a conda file."""
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(file_path)
        return environment

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: str | None = None,
        pip_requirements: str | None = None,
    ) -> Environment:
        """Return an environment with an image, and with the packages that a file lists, if one is given."""
        if conda_specification and pip_requirements:
            raise UserErrorException("give conda_specification or pip_requirements, not both")
        if conda_specification:
            environment = Environment.from_conda_specification(name, conda_specification)
        elif pip_requirements:
            environment = Environment.from_pip_requirements(name, pip_requirements)
        else:
            environment = Environment(name)
            environment.python.user_managed_dependencies = True
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_dockerfile(
        name: str, dockerfile: str, conda_specification: str | None = None, pip_requirements: str | None = None
    ) -> Environment:
        """Return an environment with a Dockerfile. To profile it, build the image and name it instead."""
        environment = Environment.from_docker_image(name, "", None, conda_specification, pip_requirements)
        environment.docker.base_image = None
        environment.docker.base_dockerfile = dockerfile
        return environment

    def register(self, workspace: WorkspaceSettings) -> Environment:
        """Register the environment under its name, as the next version."""
        store = workspace.store
        with store.locked():
            versions = store.versions(ENVIRONMENTS, self.name)
            self.version = str(self.version or (versions[-1] + 1 if versions else 1))
            if not self.version.isdigit():
                raise UserErrorException(f"the version of an environment must be a number, not {self.version!r}")
            store.write(self.serialize(), ENVIRONMENTS, self.name, f"{self.version}.json")
        return self

    @staticmethod
    def get(
        workspace: WorkspaceSettings, name: str, version: str | None = None, label: str | None = None
    ) -> Environment:
        """Return a registered environment.

        Raises
        ------
        UserErrorException
            When no environment has that name and version.
        """
        versions = workspace.store.versions(ENVIRONMENTS, name)
        latest = str(versions[-1]) if versions else "latest"
        number = latest if version in (None, "latest") else str(version)
        data = workspace.store.read(ENVIRONMENTS, name, f"{number}.json")
        if data is None:
            raise UserErrorException(
                f"there is no environment {name!r}, version {number}; registered are "
                f"{', '.join(workspace.store.names(ENVIRONMENTS)) or 'none'}. "
                "Environment.from_pip_requirements(name, file).register(workspace) adds one"
            )
        return Environment.deserialize(data)

    @staticmethod
    def list(workspace: WorkspaceSettings) -> dict[str, Environment]:
        """Return the registered environments by name, each in its latest version."""
        names = workspace.store.names(ENVIRONMENTS)
        return {n: Environment.get(workspace, n) for n in names if workspace.store.versions(ENVIRONMENTS, n)}

    def clone(self, new_name: str) -> Environment:
        """Return a copy under another name."""
        other = copy.deepcopy(self)
        other.name, other.version = new_name, None
        return other

    def serialize(self) -> Json:
        """Return the environment as Azure ML wrote it to JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "environmentVariables": dict(self.environment_variables or {}),
            "python": self.python.serialize(),
            "docker": self.docker.serialize(),
            "inferencingStackVersion": self.inferencing_stack_version,
        }

    @staticmethod
    def deserialize(data: Json) -> Environment:
        """Return the environment that JSON describes, as Azure ML wrote it."""
        environment = Environment(str(data.get("name") or "environment"))
        environment.version = data.get("version")
        environment.environment_variables = dict(data.get("environmentVariables") or {})
        environment.python = PythonSection.deserialize(data.get("python") or {})
        environment.docker = DockerSection.deserialize(data.get("docker") or {})
        environment.inferencing_stack_version = data.get("inferencingStackVersion")
        return environment

    def save_to_directory(self, path: str, overwrite: bool = False) -> None:
        """Write the environment to a directory, for `load_from_directory`."""
        directory = Path(path)
        if directory.exists() and any(directory.iterdir()) and not overwrite:
            raise UserErrorException(f"{path} is not empty; overwrite=True replaces its files")
        write_json(directory / FILE, self.serialize())
        (directory / "conda_dependencies.yml").write_text(
            self.python.conda_dependencies.serialize_to_string(), encoding="utf-8"
        )

    @staticmethod
    def load_from_directory(path: str) -> Environment:
        """Return the environment in a directory, as ``az ml environment scaffold`` laid it out."""
        directory = Path(path)
        data = read_json(directory / FILE)
        if data is None:
            raise UserErrorException(f"there is no {FILE} in {path}; save_to_directory writes it")
        environment = Environment.deserialize(data)
        conda = directory / "conda_dependencies.yml"
        if conda.is_file():
            environment.python.conda_dependencies = CondaDependencies(conda)
        return environment

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, version={self.version!r})"


def _lines(path: Path) -> builtins.list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserErrorException(f"cannot read the requirements file {path}: {error.strerror}") from error
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
