"""Makes the ModelProfile resource of a call; pure."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelprofiler.api.resource import API_VERSION, GROUP, KIND, ModelProfile
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.bounds import Bounds
from modelprofiler.azureml.profiling.request import Options
from modelprofiler.errors import InvalidInput

PROFILE_NAME = f"{GROUP}/profile-name"
PROFILE_ID = f"{GROUP}/profile-id"
DESCRIPTION = f"{GROUP}/description"
CREATED_TIME = f"{GROUP}/created-time"
MODEL_IDS = f"{GROUP}/model-ids"
INPUT_DATASET_ID = f"{GROUP}/input-dataset-id"
AUTO_TAG = f"{GROUP}/auto-tag"

CPU_STEP = "50m"
MEMORY_STEP = "50M"
"""A step of 0.05 cores and 0.05 GB keeps the decimals of a result short."""

LONGEST_NAME = 52
READABLE_NAME = 43
"""Longest name of a ModelProfile, in characters: a cut name and an 8-digit digest fit in it, and the names of children
fit in 63 characters."""


@dataclass(frozen=True)
class Call:
    """The arguments of a call of `Model.profile`.

    Attributes
    ----------
    cpu, memory_in_gb
        The largest size, in cores and GB; None stands for what the node can give.
    bounds
        Sizes begin at its smallest, which is Azure ML's unless the caller has set another.
    """

    name: str
    id: str
    created_time: str
    cpu: float | None
    memory_in_gb: float | None
    description: str | None
    model_ids: Sequence[str]
    input_dataset_id: str | None
    options: Options
    bounds: Bounds


def replaced(call: Call, *, cpu: float | None, memory_in_gb: float | None) -> Call:
    """Return the call with other largest sizes."""
    return dataclasses.replace(call, cpu=cpu, memory_in_gb=memory_in_gb)


def profile_of(
    call: Call,
    *,
    namespace: str | None,
    code: dict[str, Any],
    file: str,
    environment: Mapping[str, Any],
    model: dict[str, Any] | None,
    dataset: dict[str, Any],
) -> ModelProfile:
    """Return the ModelProfile resource of a call.

    Parameters
    ----------
    code, model, dataset
        Sources, such as ``{"path": ...}`` or ``{"configMap": ...}``.

    Raises
    ------
    UserErrorException
        When an option cannot be used; with every problem at once.
    """
    annotations = {
        PROFILE_NAME: call.name,
        PROFILE_ID: call.id,
        CREATED_TIME: call.created_time,
        DESCRIPTION: call.description,
        MODEL_IDS: ",".join(call.model_ids),
        INPUT_DATASET_ID: call.input_dataset_id,
        AUTO_TAG: "true" if call.options.auto_tag else None,
    }
    metadata: dict[str, Any] = {"name": kubernetes_name(call.name)}
    if namespace:
        metadata["namespace"] = namespace
    metadata["annotations"] = {name: value for name, value in annotations.items() if value}
    spec: dict[str, Any] = {
        "server": {"entryScript": {"source": code, "file": file, "environment": dict(environment)}},
        "dataset": {"source": dataset, "format": "Lines"},
        "load": call.options.load(),
        "objectives": call.options.objectives(),
        "resources": _resources(call),
        "search": call.options.search(),
    }
    if model is not None:
        names = [i.rpartition(":") for i in call.model_ids]
        single = {"name": names[0][0], "version": names[0][2]}
        several = {"name": ",".join(call.model_ids)[:253]}
        spec["model"] = {**(single if len(names) == 1 else several), "source": model}
    try:
        return ModelProfile.parse({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
    except InvalidInput as error:
        raise UserErrorException("; ".join(map(_as_argument, error.problems))) from error


def _as_argument(problem: Any) -> str:
    """Return a problem with the argument of `Model.profile` in place of the field's path."""
    arguments = {
        "spec.load.openLoop.rate": "rate",
        "spec.load.openLoop": "rate",
        "spec.load.closedLoop.concurrency": "concurrency",
        "spec.objectives.maxSlowdownPercent": "max_slowdown_percent",
        "spec.load.duration": "duration",
        "spec.load.warmup": "warmup",
        "spec.search.soak": "soak",
        "spec.search.deadline": "deadline",
        "spec.search": "deadline",
    }
    path = problem.path.replace("spec.objectives.latency", "latency")
    return f"{arguments.get(problem.path, path)}: {problem.message}"


def _resources(call: Call) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    if call.cpu is not None:
        smallest = min(call.bounds.min_profile_cpu, call.cpu)
        resources["cpu"] = {"min": _thousandths(smallest, "m"), "max": _thousandths(call.cpu, "m"), "step": CPU_STEP}
    if (gigabytes := call.memory_in_gb) is not None:
        smallest = min(call.bounds.min_profile_memory, gigabytes)
        resources["memory"] = {
            "min": _thousandths(smallest, "M"),
            "max": _thousandths(gigabytes, "M"),
            "step": MEMORY_STEP,
        }
    return resources


def _thousandths(value: float, unit: str) -> str:
    return f"{int(round(value * 1000, 6))}{unit}"


def kubernetes_name(name: str) -> str:
    """Return a name that Kubernetes accepts: the name itself, or a similar one with a digest of it."""
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
    if plain == name and len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[:READABLE_NAME].strip('-') or 'profile'}-{digest}"


def to_dict(profile: ModelProfile) -> dict[str, Any]:
    """Return the manifest as data, without the fields that only an API server sets."""
    metadata = profile.metadata.model_dump(
        include={"name", "namespace", "labels", "annotations"}, exclude_defaults=True
    )
    return {
        "apiVersion": profile.api_version,
        "kind": profile.kind,
        "metadata": metadata,
        "spec": profile.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True),
    }
