"""Starts a run in a cluster: creates a ModelProfile and all that it names, with the caller's rights."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import API_VERSION, KIND, ModelProfile
from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.profiling import manifest
from modelprofiler.azureml.profiling.bounds import GIGABYTE, lowered
from modelprofiler.azureml.profiling.cluster_client import CALL_SECONDS
from modelprofiler.azureml.profiling.cluster_client import call as call_cluster
from modelprofiler.azureml.profiling.cluster_files import ROWS, Bundle, bundled, config_map
from modelprofiler.azureml.profiling.environment import Translated
from modelprofiler.azureml.profiling.pull_secret import Login, pull_secret, secret_name
from modelprofiler.azureml.profiling.stage import stage
from modelprofiler.azureml.registry.model import RegisteredModel
from modelprofiler.azureml.serving.inference_config import InferenceConfig
from modelprofiler.azureml.workspace_settings import WorkspaceSettings
from modelprofiler.cluster.act import upload
from modelprofiler.cluster.adapter import CONFIG_MAPS, NODES, PROFILES, Cluster, Kind
from modelprofiler.errors import NotFound, Refused

SECRETS = Kind("/api/v1", "secrets")
"""Not among the adapter's kinds: the operator may not touch Secrets, and the caller only creates one."""


def start_in_cluster(
    workspace: WorkspaceSettings,
    call: manifest.Call,
    models: Sequence[RegisteredModel],
    config: InferenceConfig,
    requests: list[str],
    environment: Translated,
) -> None:
    """Create everything that a run in a cluster needs.

    Raises
    ------
    WebserviceException
        When the name is taken.
    UserErrorException
        When the cluster refuses, or has no storage for files that are too large for ConfigMaps.
    """
    with tempfile.TemporaryDirectory(prefix="modelprofiler-") as directory:
        bundle = bundled(stage(Path(directory) / "run", config, models, requests, environment.packages))

        async def create(cluster: Cluster) -> None:
            limited = await _limited_to_nodes(cluster, call, environment)
            profile = _profile(workspace.name, limited, bundle, environment)
            await _create(cluster, workspace.name, call, profile, bundle, environment.login)

        upload_seconds = upload.seconds_for(bundle.volume) if bundle.volume else 0.0
        call_cluster(workspace.context, create, CALL_SECONDS + upload_seconds)


async def _limited_to_nodes(cluster: Cluster, call: manifest.Call, environment: Translated) -> manifest.Call:
    """Return the call with sizes that the largest node has, where the caller may read the nodes."""
    if call.cpu is None and call.memory_in_gb is None:
        return call
    try:
        nodes = await cluster.list(NODES)
    except Refused:
        return call  # the operator checks the size against the nodes too
    allocatable = [node["status"]["allocatable"] for node in nodes]
    if not allocatable:
        return call
    largest_cpu = max(float(Quantity(a["cpu"])) for a in allocatable)
    largest_memory = max(float(Quantity(a["memory"])) / GIGABYTE for a in allocatable)
    cpu, memory = call.cpu, call.memory_in_gb
    warnings: list[str | None] = []
    if cpu is not None:
        cpu, warning = lowered(cpu, largest_cpu, "cpu", "any node")
        warnings.append(warning)
    if memory is not None:
        memory, warning = lowered(memory, largest_memory, "memory_in_gb", "any node")
        warnings.append(warning)
    environment.warnings += [w for w in warnings if w and w not in environment.warnings]
    return manifest.replaced(call, cpu=cpu, memory_in_gb=memory)


def _profile(namespace: str, call: manifest.Call, bundle: Bundle, environment: Translated) -> ModelProfile:
    name = manifest.kubernetes_name(call.name)
    variables = [{"name": key, "value": value} for key, value in bundle.variables.items()]
    pull_secrets = {"imagePullSecrets": [{"name": secret_name(name)}]} if environment.login is not None else {}

    def source(part: str, **key: str) -> Object:
        if bundle.volume is None or part not in bundle.places:
            return {"configMap": {"name": f"{name}-{part}", **key}}
        claim = upload.claim_name(bundle.volume)
        return {"persistentVolumeClaim": {"claimName": claim, "path": bundle.places[part]}}

    return manifest.profile_of(
        call,
        namespace=namespace,
        code=source("code"),
        file=bundle.file,
        environment={**environment.spec, "env": [*environment.spec["env"], *variables], **pull_secrets},
        model=source("model") if bundle.model is not None or "model" in bundle.places else None,
        dataset=source("dataset", key=ROWS),
    )


async def _create(
    cluster: Cluster, namespace: str, call: manifest.Call, profile: ModelProfile, bundle: Bundle, login: Login | None
) -> None:
    name = profile.metadata.name
    try:
        existing = await cluster.get(PROFILES, namespace, name)
    except NotFound:
        pass
    else:
        _check_same_call(existing, call, namespace)
    claim = None
    if bundle.volume is not None:
        settings = upload.VolumeSettings.from_environment(os.environ)
        claim = await upload.filled_claim(cluster, namespace, bundle.volume, settings)
    try:
        await cluster.create(PROFILES, namespace, manifest.to_dict(profile))
        created = await cluster.get(PROFILES, namespace, name)
        _check_same_call(created, call, namespace)
    except (Refused, WebserviceException):
        if claim is not None:
            await upload.discard(cluster, namespace, claim)
        raise
    owner: Object = {"apiVersion": API_VERSION, "kind": KIND, "name": name, "uid": created["metadata"]["uid"]}
    try:
        if claim is not None:
            await upload.own(cluster, namespace, claim, owner)
        await _create_parts(cluster, namespace, bundle, login, owner)
    except Refused:
        await cluster.delete(PROFILES, namespace, name)
        raise


async def _create_parts(cluster: Cluster, namespace: str, bundle: Bundle, login: Login | None, owner: Object) -> None:
    """Create what the profile names: it goes with the profile, which owns it."""
    name = owner["name"]
    if login is not None:
        await cluster.create(SECRETS, namespace, pull_secret(secret_name(name), namespace, login, owner))
    parts = {"code": bundle.code, "model": bundle.model, "dataset": bundle.dataset}
    for part, files in parts.items():
        if files is not None:
            await cluster.create(CONFIG_MAPS, namespace, config_map(f"{name}-{part}", namespace, files, owner))


def _check_same_call(profile: Object, call: manifest.Call, namespace: str) -> None:
    """Refuse a profile that another call created, by the id of the call.

    The adapter reports no error when an object exists already, since a call without an answer is repeated.
    """
    if (profile["metadata"].get("annotations") or {}).get(manifest.PROFILE_ID) != call.id:
        raise _taken(call.name, namespace)


def _taken(name: str, namespace: str) -> WebserviceException:
    return WebserviceException(
        f"A profile with name {name} exists already in namespace {namespace}: choose another name.", status_code=409
    )
