"""The files that a script brings: the claim that holds them and the pod that copies them onto it."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.pods import NO_MESH_LABELS, restricted_pod

FILES_DIR = "/var/modelprofiler/files"
CONTAINER = "copy"

STOP_SECONDS = 1
"""How long the copying container gets to stop: it sleeps, and what it copied is on the volume by then."""


def claim(name: str, storage: str, storage_class: str | None) -> Object:
    """Return a claim that has room for the files; without a storage class the cluster's own default is taken."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: names.FILES}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": storage}},
            **({"storageClassName": storage_class} if storage_class else {}),
        },
    }


def copy_pod(target: Object, image: str, *, name: str, longest_seconds: int) -> Object:
    """Return the pod that copies files onto a claim.

    It waits for a command to be run in it, and ends by its deadline if the caller dies.

    Parameters
    ----------
    target
        The claim, which owns the pod.
    image
        Any image with Python 3.
    """
    meta = target["metadata"]
    container: Object = {
        "name": CONTAINER,
        "image": image,
        "command": ["sleep", str(longest_seconds)],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "volumeMounts": [{"name": "files", "mountPath": FILES_DIR}],
    }
    volume = {"name": "files", "persistentVolumeClaim": {"claimName": meta["name"]}}
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: CONTAINER, **NO_MESH_LABELS},
            "ownerReferences": [owner],
        },
        "spec": {
            **restricted_pod(container, [volume], stop_seconds=STOP_SECONDS),
            "activeDeadlineSeconds": longest_seconds,
        },
    }
