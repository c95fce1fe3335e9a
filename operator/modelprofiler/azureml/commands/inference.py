"""The inference configuration of the command's flags and its JSON file."""

from __future__ import annotations

import argparse
from typing import Any

from modelprofiler.azureml.commands.common import json_file
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


def inference_config(workspace: Workspace, args: argparse.Namespace) -> InferenceConfig:
    """Return the inference configuration; a flag overrides the file.

    Raises
    ------
    UserErrorException
        When the file does not exist, or has an unknown key.
    WebserviceException
        When the script or a file that it needs does not exist.
    """
    data = json_file(args.ic, "--inference-config-file") if args.ic else {}
    if unknown := sorted(data.keys() - KEYS):
        raise UserErrorException(
            f"--inference-config-file {args.ic}: unknown key {', '.join(unknown)}; "
            f"the known keys are {', '.join(sorted(KEYS))}"
        )
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
