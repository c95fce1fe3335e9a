"""Children of a run as an API server shows them, and what is read from them."""

from __future__ import annotations

from typing import Any

from tests.unit.cluster.objects import MI, Object, at, pod

from modelprofiler.cluster import names
from modelprofiler.cluster.gather import observe
from modelprofiler.cluster.gather.observation import Observation

SERVER = {names.RUN: "abc", names.INCARNATION: "1"}
LOAD = {names.RUN: "abc", names.TRIAL: "2"}


def deployment(incarnation: int = 1, run: str = "abc", **fields: Any) -> Object:
    """Return a server's Deployment; `fields` replace whole top-level fields."""
    return {
        "metadata": {
            "name": f"mp-s{incarnation}",
            "creationTimestamp": at(0),
            "labels": {names.RUN: run, names.INCARNATION: str(incarnation)},
            "annotations": {names.CPU: "1000", names.MEMORY: str(1024 * MI)},
            **fields.pop("metadata", {}),
        },
        **fields,
    }


def job(trial: int = 2, run: str = "abc", **fields: Any) -> Object:
    """Return a trial's Job."""
    return {
        "metadata": {
            "name": f"mp-t{trial}",
            "uid": f"uid-t{trial}",
            "creationTimestamp": at(99),
            "labels": {names.RUN: run, names.TRIAL: str(trial)},
            "annotations": {
                names.CPU: "250",
                names.MEMORY: str(1024 * MI),
                names.PURPOSE: "Bracket",
                names.WINDOW: "Decide",
                names.INCARNATION: "1",
                names.SERVER_POD: "pod-uid",
            },
            **fields.pop("metadata", {}),
        },
        **fields,
    }


def load_pod(terminated: Object | None = None, **status: Any) -> Object:
    """Return the pod of a load Job."""
    body = pod(None, labels=LOAD, ready=None)
    state = {"terminated": terminated} if terminated else {"running": {"startedAt": at(100)}}
    body["status"] = {"phase": "Running", "containerStatuses": [{"name": "load", "state": state}], **status}
    return body


def owned(body: Object) -> Object:
    """Return a pod with the controller that its labels tell, where it has none."""
    labels = body["metadata"]["labels"]
    if "ownerReferences" in body["metadata"]:
        return body
    if names.TRIAL in labels:
        owner = {"kind": "Job", "name": f"mp-t{labels[names.TRIAL]}", "uid": f"uid-t{labels[names.TRIAL]}"}
    else:
        owner = {"kind": "ReplicaSet", "name": f"mp-s{labels[names.INCARNATION]}-5d5f", "uid": "rs"}
        labels = {**labels, "pod-template-hash": "5d5f"}
    return {
        **body,
        "metadata": {**body["metadata"], "labels": labels, "ownerReferences": [owner | {"controller": True}]},
    }


def read(*objects: Object, container: str = "server") -> Observation:
    """Return what objects show of run abc: Deployments, Jobs and pods, distinguished by their fields."""
    deployments = [o for o in objects if "spec" not in o and names.INCARNATION in o["metadata"]["labels"]]
    jobs = [o for o in objects if "spec" not in o and names.TRIAL in o["metadata"]["labels"]]
    pods = [owned(o) for o in objects if "spec" in o]
    return observe.read("abc", container, deployments=deployments, jobs=jobs, pods=pods)
