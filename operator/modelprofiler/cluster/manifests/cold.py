"""A cold start: an init container drops the server's files from the page cache of its node.

A page of a file is charged to whoever read it first: another pod, an earlier trial, the init container that fetched the
model. A server that maps the file then uses the page without being charged, and a size is verified at which it reads
its disk for every request on a node that has not read the file before. Any program that may read a file may ask the
kernel to drop it (posix_fadvise(2)), so that this needs no right that the server does not have.

Files of the image cannot be dropped in this way: the init container has another image.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from modelprofiler.api.objects import Object
from modelprofiler.cluster.manifests.pods import RESTRICTED
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits

NAME = "modelprofiler-cold-start"
FOLDER = "/var/modelprofiler/cold"

ON_DISK = ("persistentVolumeClaim", "ephemeral", "hostPath", "nfs", "csi")
"""Kinds of volumes that may have files of any size before a pod starts. ConfigMaps and Secrets are small."""

LEAST = Limits(100, 48 * 2**20)
"""What the container gets at least: Python starts in a second or two, and no data is read."""


def start_cold(pod: Object, profiled: Object, settings: Settings, limits: Limits) -> None:
    """Give a server's pod the init container, where the profiled container mounts what may hold large files.

    Parameters
    ----------
    pod, profiled
        The pod's spec, and its profiled container with all of its mounts.
    limits
        The size of the profiled container. The init container has requests and limits like it, since the quality of
        service of a pod (Guaranteed, Burstable) depends on all of its containers.
    """
    filled = {m.get("name") for c in pod.get("initContainers") or [] for m in _mounts(c)}
    volumes = {volume.get("name") for volume in pod.get("volumes") or [] if _may_have_files(volume, filled)}
    size = Limits(max(limits.cpu, LEAST.cpu), max(limits.memory, LEAST.memory)).to_size().to_dict()
    with_files = [m for m in _mounts(profiled) if m.get("name") in volumes]
    if not settings.cold_start or not with_files:
        return
    mounts = [_mount(mount, f"{FOLDER}/{number}") for number, mount in enumerate(with_files)]
    container: Object = {
        "name": NAME,
        "image": settings.load_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["uncache", *(mount["mountPath"] for mount in mounts)],
        "resources": {"requests": size, "limits": size},
        "securityContext": _security(pod, profiled),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    # Last, since those before it may fetch the files.
    pod["initContainers"] = [*(pod.get("initContainers") or []), container]
    if settings.image_pull_secrets:
        known = pod.get("imagePullSecrets") or []
        new = [{"name": name} for name in settings.image_pull_secrets if {"name": name} not in known]
        pod["imagePullSecrets"] = [*known, *new]


def _mounts(container: Any) -> list[Object]:
    """Return the mounts of a container; the API server has yet to refuse what is none."""
    mounts = container.get("volumeMounts") if isinstance(container, dict) else None
    return [mount for mount in mounts if isinstance(mount, dict)] if isinstance(mounts, list) else []


def _may_have_files(volume: Any, filled: Collection[Any]) -> bool:
    """Return whether a volume may have large files when the server starts.

    Parameters
    ----------
    filled
        Names of the volumes that init containers mount: an emptyDir of any other is empty.
    """
    if not isinstance(volume, dict):
        return False
    empty = volume.get("emptyDir")
    if isinstance(empty, dict):
        return not empty.get("medium") and volume.get("name") in filled
    return any(kind in volume for kind in ON_DISK)


def _mount(mount: Object, path: str) -> Object:
    """Return a mount of the same files, read-only; of the whole volume where the part depends on a variable."""
    part = {"subPath": mount["subPath"]} if mount.get("subPath") else {}
    return {"name": mount["name"], "mountPath": path, "readOnly": True, **part}


def _security(pod: Object, profiled: Object) -> Object:
    """Return the security context: restricted, and the server's user, who may read the server's files."""
    asked: Object = {}
    for context in (pod.get("securityContext"), profiled.get("securityContext")):
        if isinstance(context, dict):
            asked |= {key: context[key] for key in ("runAsUser", "runAsGroup") if context.get(key) is not None}
    root = {"runAsNonRoot": asked.get("runAsUser") != 0}
    return {**RESTRICTED, **asked, **root, "seccompProfile": {"type": "RuntimeDefault"}}
