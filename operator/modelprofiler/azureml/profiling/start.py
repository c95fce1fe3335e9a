"""Checks a call of `Model.profile` and starts its run."""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling import manifest
from modelprofiler.azureml.profiling.bounds import Bounds, Machine, lowered, rounded_down
from modelprofiler.azureml.profiling.environment import Translated, translated
from modelprofiler.azureml.profiling.installable import ask_index
from modelprofiler.azureml.profiling.local_run import LocalRuns
from modelprofiler.azureml.profiling.request import ONE_REQUEST, Options, check_name_and_size, is_sample, requests_of
from modelprofiler.azureml.profiling.script import check_script
from modelprofiler.azureml.profiling.stage import stage
from modelprofiler.azureml.registry.model import RegisteredModel
from modelprofiler.azureml.serving.conda_dependencies import package_name
from modelprofiler.azureml.serving.inference_config import InferenceConfig
from modelprofiler.azureml.workspace_settings import WorkspaceSettings


def start(
    workspace: WorkspaceSettings,
    profile_name: str,
    models: Sequence[RegisteredModel],
    inference_config: InferenceConfig,
    input_dataset: object,
    cpu: float | None,
    memory_in_gb: float | None,
    description: str | None,
    options: Options,
) -> None:
    """Check everything, then start the run; see `Model.profile`."""
    bounds = Bounds.from_environment(os.environ)
    check_name_and_size(profile_name, cpu, memory_in_gb, bounds)
    requests = requests_of(workspace, input_dataset)
    options = options.or_of(os.environ)
    options.check()
    _check_types(models, inference_config)
    environment = _environment(inference_config, in_cluster=workspace.is_kubernetes)
    if is_sample(input_dataset):
        environment.warnings.append(ONE_REQUEST)
    call = manifest.Call(
        name=profile_name,
        id=str(uuid.uuid4()),
        created_time=datetime.now(UTC).isoformat(),
        cpu=cpu,
        memory_in_gb=memory_in_gb,
        description=description,
        model_ids=[model.id for model in models],
        input_dataset_id=getattr(input_dataset, "id", None),
        options=options,
        bounds=bounds,
    )
    if workspace.is_kubernetes:
        from modelprofiler.azureml.profiling.cluster_start import start_in_cluster

        start_in_cluster(workspace, call, models, inference_config, requests, environment)
    else:
        _start_on_this_machine(workspace, call, bounds, models, inference_config, requests, environment)
    for warning in environment.warnings:
        warnings.warn(warning, UserWarning, stacklevel=3)


def _environment(config: InferenceConfig, *, in_cluster: bool) -> Translated:
    """Return the environment of a run, after a check of the script; what is wrong with both is said at once."""
    environment = config.effective_environment()
    try:
        result = translated(environment, in_cluster=in_cluster, index=ask_index)
    except UserErrorException as error:
        dependencies = environment.python.conda_dependencies
        listed = {package_name(line) for line in (*dependencies.conda_packages, *dependencies.pip_packages)}
        try:
            check_script(config, listed)
        except UserErrorException as other:
            raise UserErrorException(f"{error}. {other}") from error
        raise
    if not (in_cluster and "image" in result.spec):  # nobody knows what an image contains
        result.warnings += check_script(config, result.packages)
    return result


def _start_on_this_machine(
    workspace: WorkspaceSettings,
    call: manifest.Call,
    bounds: Bounds,
    models: Sequence[RegisteredModel],
    config: InferenceConfig,
    requests: list[str],
    environment: Translated,
) -> None:
    machine = Machine.here()
    cpu = rounded_down(min(bounds.max_profile_cpu, machine.spare_cpu))
    memory = rounded_down(min(bounds.max_profile_memory, machine.spare_memory_in_gb))
    if call.cpu is not None:
        cpu, warning = lowered(call.cpu, machine.cpu, "cpu", "this machine")
        environment.warnings += [warning] if warning else []
    if call.memory_in_gb is not None:
        memory, warning = lowered(call.memory_in_gb, machine.memory_in_gb, "memory_in_gb", "this machine")
        environment.warnings += [warning] if warning else []
    call = manifest.replaced(call, cpu=cpu, memory_in_gb=memory)
    runs = LocalRuns(workspace.store)
    directory = runs.reserve(call.name)
    try:
        document = _prepared(directory, call, models, config, requests, environment)
        runs.start(directory, document, list(call.model_ids), workspace.tracking_uri)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _prepared(
    directory: Path,
    call: manifest.Call,
    models: Sequence[RegisteredModel],
    config: InferenceConfig,
    requests: list[str],
    environment: Translated,
) -> dict[str, object]:
    """Copy the files of a run into its directory, and return its manifest."""
    staged = stage(directory, config, models, requests, environment.packages)
    variables = [{"name": name, "value": value} for name, value in staged.variables.items()]
    profile = manifest.profile_of(
        call,
        namespace=None,
        code={"path": str(staged.code)},
        file=staged.file,
        environment={**environment.spec, "env": [*environment.spec["env"], *variables]},
        model={"path": str(staged.models)} if staged.models else None,
        dataset={"path": str(staged.dataset)},
    )
    return manifest.to_dict(profile)


def _check_types(models: Sequence[RegisteredModel], inference_config: object) -> None:
    if not isinstance(inference_config, InferenceConfig):
        raise UserErrorException(f"inference_config must be an InferenceConfig, not {type(inference_config).__name__}")
    if isinstance(models, RegisteredModel) or not all(isinstance(m, RegisteredModel) for m in models):
        raise UserErrorException("models must be a list of Model objects; it may be empty")
