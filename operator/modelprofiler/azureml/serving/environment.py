"""An environment: the packages, variables and image that a scoring script runs with."""

from __future__ import annotations

import builtins
import codecs
import copy
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.azureml.serving.conda_export import exported
from modelprofiler.azureml.serving.container_registry import ContainerRegistry
from modelprofiler.azureml.serving.environment_sections import DockerSection, PythonSection
from modelprofiler.azureml.store import Json, read_json, write_json
from modelprofiler.azureml.unsupported import IMAGES, refusal
from modelprofiler.azureml.workspace_settings import WorkspaceSettings

ENVIRONMENTS = "environments"
FILE = "azureml_environment.json"
"""The file that Azure ML's ``save_to_directory`` wrote, together with conda_dependencies.yml."""


WHEELS = "wheels"

DEFAULT_CPU_IMAGE = "azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"
"""Azure ML's own images, which cannot serve a model: `modelprofiler.azureml.profiling.environment` warns of them."""


class ImageBuildDetails:
    """What became of a call that builds: nothing, as no image is built.

    Attributes
    ----------
    status
        For scripts that wait until it is one of the last: nothing is left to do.
    error, log_url
        There are none.
    """

    status = "Succeeded"
    error = None
    log_url = None

    def __init__(self) -> None:
        warnings.warn(
            "nothing is built: modelprofiler builds no images, and installs the packages of an environment when a "
            "profile starts",
            UserWarning,
            stacklevel=3,
        )

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Return at once: there is nothing to wait for."""


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

    from_docker_build_context = staticmethod(refusal("from_docker_build_context", IMAGES))

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment:
        """Return an environment with the packages of a conda environment of this machine, which conda lists."""
        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(
            _underlying_structure=exported(conda_environment_name)
        )
        return environment

    @staticmethod
    def add_private_pip_wheel(
        workspace: WorkspaceSettings, file_path: str | os.PathLike[str], exist_ok: bool = False
    ) -> str:
        """Keep a wheel, and return the URL under which it can be added to the pip packages.

        Raises
        ------
        UserErrorException
            When there is no such file, or another one of that name is kept already.
        """
        source, target = Path(file_path), workspace.store.path(WHEELS, Path(file_path).name)
        if not source.is_file():
            raise UserErrorException(f"cannot keep the wheel {file_path}: there is no such file")
        if target.exists() and not exist_ok:
            raise UserErrorException(f"a wheel {target.name} is kept already; exist_ok=True replaces it")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        return target.as_uri()

    def build(self, workspace: WorkspaceSettings, image_build_compute: str | None = None) -> ImageBuildDetails:
        """Build nothing: the packages are installed when a profile starts. A script may wait for the result."""
        return ImageBuildDetails()

    def build_local(self, workspace: WorkspaceSettings, platform: Any = None, **_ignored: Any) -> ImageBuildDetails:
        """Build nothing, as `build`."""
        return ImageBuildDetails()

    get_image_details = refusal("get_image_details", IMAGES)

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

        Parameters
        ----------
        version
            Its version; the latest by default.
        label
            Instead of a version, ``latest``: no other label can be set here.

        Raises
        ------
        UserErrorException
            When no environment has that name and version.
        """
        if label is not None and version is not None:
            raise UserErrorException("give version or label, not both")
        if label not in (None, "latest"):
            raise UserErrorException(
                f"environments have no label {label!r} here; name a version, or the label 'latest' for the latest one"
            )
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
    """Return the lines of a requirements file, without comments; a backslash at its end continues a line."""
    try:
        content = path.read_bytes()
        # PowerShell writes UTF-16 with `pip freeze > requirements.txt`.
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except OSError as error:
        raise UserErrorException(f"cannot read the requirements file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserErrorException(f"the requirements file {path} is not text in UTF-8: {error.reason}") from error
    lines = [line.split(" #")[0].strip() for line in re.sub(r"\\\r?\n\s*", " ", text).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
