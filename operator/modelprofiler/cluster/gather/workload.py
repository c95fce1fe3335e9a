"""The workload that a profile names: read, and put into the profile as the template of its server.

Everything that follows reads the profile with that template, as if its author had copied it.
"""

from __future__ import annotations

from dataclasses import replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.server import WorkloadReference
from modelprofiler.cluster.adapter import DEPLOYMENTS, Cluster, Kind
from modelprofiler.cluster.manifests.workload import PATH, Copied, copied
from modelprofiler.cluster.settings import Settings, WorkloadKind
from modelprofiler.core.conditions import Finding
from modelprofiler.core.search.workload import Workload
from modelprofiler.errors import NotFound, Problem, Refused

INFERENCE_SERVICE = ("serving.kserve.io", "InferenceService")


async def resolve(
    cluster: Cluster, profile: ModelProfile, settings: Settings
) -> tuple[ModelProfile, Workload | None] | Finding:
    """Return a profile with the pod template of the workload that it names, or why that cannot be copied.

    A profile that names none stays as it is.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    reference = profile.spec.server.workload_ref
    if reference is None:
        return profile, None
    body = await _read(cluster, profile.metadata.namespace, reference, settings)
    if isinstance(body, Finding):
        return body
    added = profile.spec.pod_metadata
    labels = {**settings.pod_labels, **(added.labels if added else {})}
    copy = copied(body, profile.spec.server.container_name, labels)
    if not isinstance(copy, Copied):
        return Finding(Reason.NOT_SUPPORTED, "; ".join(map(str, copy)))
    server = profile.spec.server.model_copy(
        update={"template": copy.template, "workload_ref": None, "container_name": copy.container}
    )
    spec = profile.spec.model_copy(update={"server": server})
    return profile.model_copy(update={"spec": spec}), copy.workload


def by_its_name(finding: Finding, workload: Workload) -> Finding:
    """Return what was found about a copied template as something about the workload, which is what its author knows."""
    message = finding.message.replace("spec.server.template", f"{PATH}: {workload.name}: spec.template")
    return replace(finding, message=message)


async def _read(cluster: Cluster, namespace: str, reference: WorkloadReference, settings: Settings) -> Object | Finding:
    group = reference.api_version.rpartition("/")[0]
    if (group, reference.kind) == INFERENCE_SERVICE:
        return await _deployment_of_kserve(cluster, namespace, reference.name)
    allowed = [k for k in settings.workload_kinds if (k.group, k.kind) == (group, reference.kind)]
    if not allowed:
        kinds = ", ".join(k.kind for k in settings.workload_kinds)
        return _finding(
            Reason.NOT_SUPPORTED,
            f"{reference.kind} of {reference.api_version} is not a kind that this installation reads; it reads {kinds} "
            "(chart value workloadKinds)",
        )
    kind = next((k for k in allowed if k.api_version == reference.api_version), None)
    if kind is None:
        versions = ", ".join(k.api_version for k in allowed)
        return _finding(Reason.NOT_SUPPORTED, f"{reference.kind} is read as {versions}, not {reference.api_version}")
    return await _get(cluster, namespace, kind, reference.name)


async def _get(cluster: Cluster, namespace: str, kind: WorkloadKind, name: str) -> Object | Finding:
    where = Kind(f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}", kind.resource)
    try:
        return {"kind": kind.kind, **await cluster.get(where, namespace, name)}
    except NotFound:
        return _finding(Reason.SOURCE_NOT_FOUND, f"there is no {kind.kind} {name!r} in namespace {namespace!r}")
    except Refused as error:
        return _finding(Reason.SOURCE_UNREADABLE, f"the operator may not read {kind.kind} {name!r}: {error}")


async def _deployment_of_kserve(cluster: Cluster, namespace: str, name: str) -> Object | Finding:
    """Return the Deployment that KServe makes of an InferenceService in its standard mode."""
    predictor = f"{name}-predictor"
    try:
        return {"kind": "Deployment", **await cluster.get(DEPLOYMENTS, namespace, predictor)}
    except NotFound:
        return _finding(
            Reason.SOURCE_NOT_FOUND,
            f"there is no Deployment {predictor!r}, which KServe makes of the InferenceService {name!r} in its "
            "standard mode; name the Deployment that `kubectl get deployments -l "
            f"serving.kserve.io/inferenceservice={name}` shows",
        )


def _finding(reason: Reason, message: str) -> Finding:
    return Finding(reason, str(Problem(PATH, message)))
