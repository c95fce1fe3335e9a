"""Reads what every Kubernetes object has: labels, times, conditions. Pure."""

from __future__ import annotations

from datetime import datetime

from modelprofiler.api.objects import Object, controller_of


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


def is_pod_of_deployment(pod: Object, deployment: Object) -> bool:
    """Return whether the ReplicaSet that controls a pod is one of a Deployment.

    ReplicaSets are not read, which would need another permission. The Deployment controller names them after the
    Deployment and the hash of the pod's template, which is a label of the pod.
    """
    owner = controller_of(pod)
    expected = f"{deployment['metadata']['name']}-{labels_of(pod).get('pod-template-hash')}"
    return (owner.get("kind"), owner.get("name")) == ("ReplicaSet", expected)


def created(o: Object) -> datetime:
    """Return when an object was created."""
    return datetime.fromisoformat(o["metadata"]["creationTimestamp"])


def is_deleting(o: Object) -> bool:
    """Return whether an object is about to go."""
    return "deletionTimestamp" in o["metadata"]


def time_of(text: str | None) -> datetime | None:
    """Return a time of the API server; None where it has written null or nothing."""
    return datetime.fromisoformat(text) if text else None
