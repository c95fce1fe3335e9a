"""How a model is served: the scoring script, its folder, and the environment it runs in."""

from __future__ import annotations

import ast
import keyword
import os
import warnings
from pathlib import Path

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.azureml.serving.container_registry import ContainerRegistry
from modelprofiler.azureml.serving.environment import Environment

RUNTIMES = ("spark-py", "python", "python-slim")


class InferenceConfig:
    """How a model is served.

    Parameters
    ----------
    entry_script
        The script with init() and run(data), relative to `source_directory` where that is given.
    source_directory
        The folder whose files and subfolders are available to the script when it runs.
    environment
        The environment that the script runs in. `runtime`, `conda_file` and `base_image` are Azure ML's older way to
        give it.

    Raises
    ------
    WebserviceException
        When the script does not exist or cannot be imported under its name, or when the environment is given both ways.
    UserErrorException
        When the script is not Python.
    """

    def __init__(
        self,
        entry_script: str | os.PathLike[str],
        runtime: str | None = None,
        conda_file: str | None = None,
        extra_docker_file_steps: str | None = None,
        source_directory: str | os.PathLike[str] | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: ContainerRegistry | None = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        self.entry_script = os.fspath(entry_script) if entry_script else ""
        self.runtime = runtime
        self.conda_file = conda_file
        self.extra_docker_file_steps = extra_docker_file_steps
        self.source_directory = os.fspath(source_directory) if source_directory else None
        self.enable_gpu = enable_gpu
        self.description = description
        self.base_image = base_image
        self.base_image_registry = base_image_registry or ContainerRegistry()
        self.cuda_version = cuda_version
        self.environment = environment
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check the arguments, in Azure ML's order."""
        self._warn_of_deprecated_arguments()
        if not self.entry_script:
            raise WebserviceException(
                "Error, need to specify entry_script: the path of a Python file with init and run."
            )
        if self.environment is not None:
            self._check_environment(self.environment)
        if self.source_directory:
            self.source_directory = str(Path(self.source_directory).resolve())
            if not Path(self.source_directory).is_dir():
                raise WebserviceException(f"source directory {self.source_directory} doesn't exist; name a folder.")
        self._check_script_name()
        if self.runtime and self.runtime.lower() not in RUNTIMES:
            raise WebserviceException(f"runtime {self.runtime} is not supported; use python.")
        for label, path in (("Conda file", self.conda_file), ("extra docker file steps", self.extra_docker_file_steps)):
            if path and not self._in_source(path).is_file():
                raise WebserviceException(f"{label} {self._in_source(path)} doesn't exist.")
        self.validation_script_content()

    def validation_script_content(self) -> None:
        """Check that the script is Python.

        Raises
        ------
        UserErrorException
            When it cannot be parsed.
        """
        script = self.entry_script_path
        try:
            ast.parse(script.read_bytes(), str(script))  # bytes: a byte order mark or a comment names the encoding
        except (SyntaxError, ValueError) as error:
            raise UserErrorException(f"{script} is not valid Python: {error}.") from error
        except OSError as error:
            raise UserErrorException(f"cannot read {script}: {error.strerror}") from error

    @property
    def entry_script_path(self) -> Path:
        """The path of the script."""
        return self._in_source(self.entry_script)

    def effective_environment(self) -> Environment:
        """Return the environment, made from the deprecated arguments where those were used.

        Raises
        ------
        UserErrorException
            For extra Docker steps: no image is built here.
        """
        if self.extra_docker_file_steps:
            raise UserErrorException(
                "extra_docker_file_steps need an image to be built; build it and name it with "
                "Environment.from_docker_image(name, image)"
            )
        if self.environment is not None:
            return self.environment
        environment = Environment("inference")
        if self.conda_file:
            environment.python.conda_dependencies_file = self._in_source(self.conda_file)
        if self.base_image:
            environment.docker.base_image = self.base_image
            environment.docker.base_image_registry = self.base_image_registry
            environment.python.user_managed_dependencies = not self.conda_file
        return environment

    def _in_source(self, path: str) -> Path:
        return Path(self.source_directory or ".") / path

    def _check_script_name(self) -> None:
        script = self.entry_script_path
        if not script.is_file():
            base = "source_directory" if self.source_directory else "the current working directory"
            raise WebserviceException(
                f"entry_script {script} doesn't exist. entry_script should be a path relative to {base}."
            )
        if script.suffix != ".py":
            raise WebserviceException(f"entry_script {script.name} is not Python; its name must end in .py.")
        if not script.stem.isidentifier() or keyword.iskeyword(script.stem):
            raise WebserviceException(
                f"entry_script {script.name} cannot be imported: its name must be a Python identifier and no keyword."
            )

    def _check_environment(self, environment: Environment) -> None:
        deprecated = (self.runtime, self.conda_file, self.extra_docker_file_steps, self.base_image)
        if any(deprecated) or self.enable_gpu or self.cuda_version:
            raise WebserviceException(
                "Error, unable to provide runtime, conda_file, extra_docker_file_steps, enable_gpu, cuda_version, or "
                "base_image along with an environment object: put them into the environment."
            )
        if environment.docker.base_dockerfile and environment.docker.base_image:
            raise WebserviceException("Error, the environment has both base_dockerfile and base_image: keep one.")

    def _warn_of_deprecated_arguments(self) -> None:
        deprecated = {
            "runtime": self.runtime,
            "conda_file": self.conda_file,
            "extra_docker_file_steps": self.extra_docker_file_steps,
            "enable_gpu and cuda_version": self.enable_gpu or self.cuda_version,
            "base_image": self.base_image or self.base_image_registry.address,
        }
        for name in (name for name, value in deprecated.items() if value):
            warnings.warn(f"{name} is deprecated; use environment", DeprecationWarning, stacklevel=4)

    def __repr__(self) -> str:
        return (
            f"InferenceConfig(entry_script={self.entry_script!r}, source_directory={self.source_directory!r}, "
            f"environment={self.environment!r})"
        )
