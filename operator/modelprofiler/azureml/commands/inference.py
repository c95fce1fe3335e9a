"""The inference configuration of the command's flags and its file, which is JSON or YAML."""

from __future__ import annotations

import argparse
import warnings
from typing import Any

from modelprofiler.azureml.commands.common import data_file
from modelprofiler.azureml.core.container_registry import ContainerRegistry
from modelprofiler.azureml.core.environment import Environment
from modelprofiler.azureml.core.inference_config import InferenceConfig
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.store import Json

KEYS = {
    "entryScript",
    "sourceDirectory",
    "runtime",
    "condaFile",
    "extraDockerfileSteps",
    "enableGpu",
    "cudaVersion",
    "baseImage",
    "baseImageRegistry",
    "description",
    "environment",
}
"""Keys of the file, as in Azure ML."""

WITHOUT_MEANING = {
    "schemaFile": "no schema is generated here",
    "dependencies": "put the files into the folder that sourceDirectory names",
}
"""Keys of older versions of the command, and why their values are not used."""

_TEXTS = KEYS - {"enableGpu", "environment", "baseImageRegistry"}


def inference_config(workspace: Workspace, args: argparse.Namespace) -> InferenceConfig:
    """Return the inference configuration; a flag overrides the file.

    Raises
    ------
    UserErrorException
        When the file does not exist, or has an unknown key.
    WebserviceException
        When the script or a file that it needs does not exist.
    """
    data = _file(args.ic) if args.ic else {}
    environment = _environment(workspace, args, data.get("environment"))
    # Azure ML ignored these when there was an environment.
    deprecated: dict[str, Any] = {
        "runtime": data.get("runtime"),
        "conda_file": args.cf or data.get("condaFile"),
        "extra_docker_file_steps": data.get("extraDockerfileSteps"),
        "enable_gpu": data.get("enableGpu"),
        "cuda_version": data.get("cudaVersion"),
        "base_image": args.bi or data.get("baseImage"),
        "base_image_registry": _registry(args.ir or data.get("baseImageRegistry")),
    }
    return InferenceConfig(
        entry_script=args.es or data.get("entryScript") or "",
        source_directory=args.sd or data.get("sourceDirectory"),
        description=data.get("description"),
        environment=environment,
        **({} if environment is not None else deprecated),
    )


def _file(path: str) -> Json:
    """Return the known keys of the file; warn of those without a meaning."""
    flag = "--inference-config-file"
    data = data_file(path, flag)
    if unknown := sorted(data.keys() - KEYS - WITHOUT_MEANING.keys()):
        raise UserErrorException(
            f"{flag} {path}: unknown key {', '.join(unknown)}; the known keys are {', '.join(sorted(KEYS))}"
        )
    for key, reason in WITHOUT_MEANING.items():
        if data.pop(key, None):
            warnings.warn(f"{flag} {path}: {key} is not used: {reason}", UserWarning, stacklevel=3)
    numbers = {key for key in _TEXTS & data.keys() if type(data[key]) in (int, float)}  # YAML's cudaVersion: 10.2
    data |= {key: str(data[key]) for key in numbers}
    problems = [f"{key} must be text, not {data[key]!r}" for key in sorted(_TEXTS) if _is_other(data.get(key))]
    if not isinstance(data.get("enableGpu", False), bool):
        problems.append(f"enableGpu must be true or false, not {data['enableGpu']!r}")
    if not isinstance(data.get("baseImageRegistry", {}), str | dict):
        problems.append("baseImageRegistry must be an address, or an object with the key address")
    if problems:
        raise UserErrorException(f"{flag} {path}: {'; '.join(problems)}")
    return data


def _is_other(value: object) -> bool:
    return value is not None and not isinstance(value, str)


def _environment(workspace: Workspace, args: argparse.Namespace, value: Json | None) -> Environment | None:
    if args.ed:
        return Environment.load_from_directory(args.ed)
    if args.environment_name:
        return Environment.get(workspace, args.environment_name, args.ev)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise UserErrorException("environment must be an object: a name and version, or a whole environment")
    if value.keys() <= {"name", "version"}:
        return Environment.get(workspace, str(value.get("name") or ""), value.get("version"))
    return Environment.deserialize(value)


def _registry(value: str | Json | None) -> ContainerRegistry | None:
    if not value:
        return None
    registry = ContainerRegistry()
    registry.address = value if isinstance(value, str) else value.get("address")
    return registry
