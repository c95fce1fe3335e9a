"""How models are served, from the command's flags and its JSON file."""

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
"""What Azure ML read from the file."""


def inference_config(workspace: Workspace, a: argparse.Namespace) -> InferenceConfig:
    """Return how models are served; a flag stands above the file.

    Raises
    ------
    UserErrorException
        When the file is not there, or has a key that is not known.
    WebserviceException
        When the script or what it needs is not there.
    """
    data = json_file(a.ic, "--inference-config-file") if a.ic else {}
    if unknown := sorted(data.keys() - KEYS):
        raise UserErrorException(
            f"--inference-config-file {a.ic}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(KEYS))}"
        )
    environment = _environment(workspace, a, data.get("environment"))
    # With an environment Azure ML took no notice of these.
    older: dict[str, Any] = {
        "runtime": data.get("runtime"),
        "conda_file": a.cf or data.get("condaFile"),
        "extra_docker_file_steps": data.get("extraDockerfileSteps"),
        "enable_gpu": data.get("enableGpu"),
        "cuda_version": data.get("cudaVersion"),
        "base_image": a.bi or data.get("baseImage"),
        "base_image_registry": _registry(a.ir or data.get("baseImageRegistry")),
    }
    return InferenceConfig(
        entry_script=a.es or data.get("entryScript") or "",
        source_directory=a.sd or data.get("sourceDirectory"),
        description=data.get("description"),
        environment=environment,
        **({} if environment is not None else older),
    )


def _environment(workspace: Workspace, a: argparse.Namespace, given: Json | None) -> Environment | None:
    if a.ed:
        return Environment.load_from_directory(a.ed)
    if a.environment_name:
        return Environment.get(workspace, a.environment_name, a.ev)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise UserErrorException("environment must be an object: a name and version, or an environment in full")
    if given.keys() <= {"name", "version"}:
        return Environment.get(workspace, str(given.get("name") or ""), given.get("version"))
    return Environment.deserialize(given)


def _registry(given: str | Json | None) -> ContainerRegistry | None:
    if not given:
        return None
    registry = ContainerRegistry()
    registry.address = given if isinstance(given, str) else given.get("address")
    return registry
