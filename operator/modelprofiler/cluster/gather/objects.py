"""Reads what every Kubernetes object has (labels, times, conditions), and what is kept of a child. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from modelprofiler.api.objects import Object, controller_of
from modelprofiler.api.resource import GROUP

COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
"""Annotation in which an Indexed Job gives each of its pods its number."""

META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "labels")
CONTAINER = ("name", "image", "resources", "livenessProbe", "readinessProbe", "startupProbe")
MOST_OWNERS = 8
"""Owner references that are kept; an object of a run has one."""


def conditions_of(o: Object) -> dict[str, Object]:
    """Return the conditions of an object by type."""
    return {condition["type"]: condition for condition in (o.get("status") or {}).get("conditions") or []}


def true_conditions_of(o: Object) -> dict[str, Object]:
    """Return the conditions of an object that hold, by type."""
    return {type_: condition for type_, condition in conditions_of(o).items() if condition["status"] == "True"}


def labels_of(o: Object) -> dict[str, str]:
    """Return the labels of an object."""
    return o["metadata"].get("labels") or {}


def is_owned_by(o: Object, uid: str) -> bool:
    """Return whether the object with a uid controls another one."""
    return bool(uid) and controller_of(o).get("uid") == uid


def is_pod_of_job(pod: Object, job: Object) -> bool:
    """Return whether a Job controls a pod."""
    return controller_of(pod).get("kind") == "Job" and is_owned_by(pod, job["metadata"]["uid"])


def deployment_of(pod: Object) -> str:
    """Return the name of the Deployment whose ReplicaSet controls a pod; empty of any other pod.

    ReplicaSets are not read, which would need another permission. The Deployment controller names them after the
    Deployment and the hash of the pod's template, which is a label of the pod.
    """
    owner, suffix = controller_of(pod), f"-{labels_of(pod).get('pod-template-hash')}"
    name = str(owner.get("name") or "")
    return name.removesuffix(suffix) if owner.get("kind") == "ReplicaSet" and name.endswith(suffix) else ""


class PodsByOwner:
    """The pods of a profile by the Job or the Deployment that controls them.

    There may be thousands, since whoever may create pods can say of each that it is one: none is compared with every
    Job.
    """

    def __init__(self, pods: Iterable[Object]) -> None:
        self._of_job: dict[str, list[Object]] = {}
        self._of_deployment: dict[str, list[Object]] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner.get("kind") == "Job":
                self._of_job.setdefault(str(owner.get("uid")), []).append(pod)
            elif name := deployment_of(pod):
                self._of_deployment.setdefault(name, []).append(pod)

    def of_job(self, job: Object) -> list[Object]:
        """Return the pods that a Job controls."""
        return self._of_job.get(job["metadata"]["uid"], [])

    def of_deployment(self, deployment: Object) -> list[Object]:
        """Return the pods that a Deployment controls."""
        return self._of_deployment.get(deployment["metadata"]["name"], [])


def created(o: Object) -> datetime:
    """Return when an object was created."""
    return datetime.fromisoformat(o["metadata"]["creationTimestamp"])


def is_deleting(o: Object) -> bool:
    """Return whether an object is about to go."""
    return "deletionTimestamp" in o["metadata"]


def time_of(text: str | None) -> datetime | None:
    """Return a time of the API server; None where it has written null or nothing."""
    return datetime.fromisoformat(text) if text else None


def slim(body: Object) -> Object:
    """Return what is read of a Deployment, a Job or a pod, and is kept in memory; the object itself stays as it is.

    Whoever may create a pod decides how large it is, up to 1.5 MiB, and may say that it is a child.
    """
    meta = body["metadata"]
    kept: Object = {name: body[name] for name in ("apiVersion", "kind", "status") if name in body}
    kept["metadata"] = {name: meta[name] for name in META if name in meta} | _notes(meta)
    if isinstance(spec := body.get("spec"), dict):
        kept["spec"] = _spec(spec)
    return kept


def _notes(meta: Object) -> Object:
    """Return the owner references, and the annotations that the operator or the Job controller writes."""
    owners = (meta.get("ownerReferences") or [])[:MOST_OWNERS]
    annotations = _ours(meta)
    return ({"ownerReferences": owners} if owners else {}) | ({"annotations": annotations} if annotations else {})


def _ours(meta: Object) -> Object:
    annotations = meta.get("annotations") or {}
    return {k: v for k, v in annotations.items() if k.startswith(f"{GROUP}/") or k == COMPLETION_INDEX}


def _spec(spec: Object) -> Object:
    """Return the node and the containers of a pod's spec; of a Job's, its number of pods and their configuration."""
    kept: Object = {name: spec[name] for name in ("nodeName", "completions") if name in spec}
    if "containers" in spec:
        kept["containers"] = [{name: c[name] for name in CONTAINER if name in c} for c in spec["containers"] or ()]
        kept["initContainers"] = [{"name": c.get("name")} for c in spec.get("initContainers") or ()]
    if "template" in spec:
        kept["template"] = {"metadata": {"annotations": _ours((spec["template"] or {}).get("metadata") or {})}}
    return kept
