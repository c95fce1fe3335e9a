"""A PersistentVolumeClaim with the files of a run, made and filled with the caller's own rights.

Its name follows from its content, so that profiles of the same files share it; it goes when the last of them goes.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import GROUP
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.volume import Volume
from modelprofiler.cluster import names
from modelprofiler.cluster.act.template import RESTRICTED, RESTRICTED_POD
from modelprofiler.cluster.adapter import CLAIMS, DEPLOYMENTS, PODS, STRATEGIC_PATCH, Cluster
from modelprofiler.cluster.exec import run_in_pod
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import ClusterUnavailable, NotFound, Refused

CONTENT = f"{GROUP}/content"
"""Annotation of a claim that was filled: the digest of its files."""

FILES_DIR = "/var/modelprofiler/files"
CONTAINER = "copy"

START_SECONDS = 180.0
"""A volume has to be made and mounted, and an image pulled."""

BIND_SECONDS = 60.0
"""A provisioner makes a volume in seconds."""

AT_ONCE_SECONDS = 3.0
"""A pod that comes before its volume is looked at again by the scheduler many seconds later; one of a StorageClass that
waits for its first pod has to come before."""

GONE_SECONDS = 60.0
SLOWEST = 2**20
"""Bytes a second that any connection carries."""

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class VolumeSettings:
    """What a caller may say about volumes.

    Attributes
    ----------
    storage_class
        MODELPROFILER_STORAGE_CLASS; by default the cluster's own default.
    image
        MODELPROFILER_COPY_IMAGE: what files are copied with, any image with Python 3. By default the operator's, where
        its Deployment may be read.
    """

    storage_class: str | None = None
    image: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> VolumeSettings:
        """Return what the environment says."""
        return cls(
            environment.get("MODELPROFILER_STORAGE_CLASS") or None, environment.get("MODELPROFILER_COPY_IMAGE") or None
        )


def seconds_for(volume: Volume) -> float:
    """Return the longest that making and filling a claim may take."""
    return GONE_SECONDS + START_SECONDS + _copy_seconds(volume) + GONE_SECONDS


def _copy_seconds(volume: Volume) -> float:
    return 60 + volume.size / SLOWEST


def claim_name(volume: Volume) -> str:
    """Return the name of the claim of some files."""
    return f"modelprofiler-{volume.digest.removeprefix('sha256:')[:16]}"


async def filled_claim(cluster: Cluster, namespace: str, volume: Volume, settings: VolumeSettings) -> str:
    """Return the name of a claim with the files, one that is there or a new one.

    Raises
    ------
    UserErrorException
        When the cluster has no storage for it, or the caller lacks the rights.
    ClusterUnavailable
        When the connection breaks.
    """
    name = claim_name(volume)
    try:
        await _filled(cluster, namespace, name, volume, settings)
    except Refused as error:
        if error.status != 403:
            raise
        raise UserErrorException(
            f"the files take {volume.size / 2**20:.1f} MiB, more than ConfigMaps hold, so they go onto a "
            f"PersistentVolumeClaim; in namespace {namespace} that needs the right to get, create, patch and delete "
            f"persistentvolumeclaims, to get, create and delete pods, and to get and create pods/exec: {error}"
        ) from error
    return name


async def _filled(cluster: Cluster, namespace: str, name: str, volume: Volume, settings: VolumeSettings) -> None:
    found = await _settled(cluster, namespace, name)
    if found is not None and (found["metadata"].get("annotations") or {}).get(CONTENT) == volume.digest:
        return
    if found is None:
        await cluster.create(CLAIMS, namespace, claim(name, volume, settings))
        found = await cluster.get(CLAIMS, namespace, name)
    try:
        await _fill(cluster, namespace, found, volume, settings)
        await cluster.patch(CLAIMS, namespace, name, {"metadata": {"annotations": {CONTENT: volume.digest}}})
    except BaseException:
        await cluster.delete(CLAIMS, namespace, name)
        raise


async def _settled(cluster: Cluster, namespace: str, name: str) -> Object | None:
    """Return a claim that is there to stay; one that is about to go is waited for."""
    for _ in range(int(GONE_SECONDS / POLL_SECONDS)):
        try:
            found = await cluster.get(CLAIMS, namespace, name)
        except NotFound:
            return None
        if not found["metadata"].get("deletionTimestamp"):
            return found
        await asyncio.sleep(POLL_SECONDS)
    raise UserErrorException(f"claim {name} in namespace {namespace} is being deleted, and something still uses it")


def claim(name: str, volume: Volume, settings: VolumeSettings) -> Object:
    """Return a claim that has room for the files."""
    named = {"storageClassName": settings.storage_class} if settings.storage_class else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: names.FILES}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": volume.request}},
            **named,
        },
    }


async def own(cluster: Cluster, namespace: str, name: str, owner: Object) -> None:
    """Make a claim go when its profile goes, and those before that share it."""
    body = {"metadata": {"ownerReferences": [owner]}}
    found = await cluster.patch(CLAIMS, namespace, name, body, content_type=STRATEGIC_PATCH)
    if found["metadata"].get("deletionTimestamp"):
        raise ClusterUnavailable(f"claim {name} was deleted meanwhile")


async def discard(cluster: Cluster, namespace: str, name: str) -> None:
    """Remove a claim that no profile owns."""
    found = await _settled(cluster, namespace, name)
    if found is not None and not found["metadata"].get("ownerReferences"):
        await cluster.delete(CLAIMS, namespace, name)


async def _fill(cluster: Cluster, namespace: str, found: Object, volume: Volume, settings: VolumeSettings) -> None:
    image = settings.image or await _installed_image(cluster) or Settings().load_image
    body = pod(found, volume, image)
    name = body["metadata"]["name"]
    try:
        await _bound_at_once(cluster, namespace, found["metadata"]["name"])
        await cluster.create(PODS, namespace, body)
        await _started(cluster, namespace, name, found["metadata"]["name"])
        text = importlib.resources.files(__package__).joinpath("receive.py").read_text(encoding="utf-8")
        command = ["python3", "-c", text, FILES_DIR]
        ended = await run_in_pod(cluster, namespace, name, CONTAINER, command, volume.archive(), _copy_seconds(volume))
    finally:
        await cluster.delete(PODS, namespace, name, grace_seconds=1)
    if ended.exit_code:
        words = ended.stderr.splitlines()[-1:] or [f"exit code {ended.exit_code}"]
        raise UserErrorException(f"the files could not be copied onto claim {found['metadata']['name']}: {words[0]}")
    if ended.stdout != volume.digest:
        raise ClusterUnavailable(
            f"claim {found['metadata']['name']} holds not what was copied: {ended.stdout:.80}, not {volume.digest}"
        )
    await _gone(cluster, namespace, name)


async def _bound_at_once(cluster: Cluster, namespace: str, name: str) -> None:
    """Give a claim a moment to be bound."""
    for _ in range(int(AT_ONCE_SECONDS / POLL_SECONDS)):
        found = await cluster.get(CLAIMS, namespace, name)
        if (found.get("status") or {}).get("phase") == "Bound":
            return
        await asyncio.sleep(POLL_SECONDS)


async def _installed_image(cluster: Cluster) -> str | None:
    """Return the operator's image, where its Deployment may be read."""
    try:
        found = await cluster.list(DEPLOYMENTS, selector="app.kubernetes.io/name=modelprofiler")
    except Refused:
        return None
    containers = [c for o in found for c in o["spec"]["template"]["spec"]["containers"] if c["name"] == "operator"]
    return containers[0]["image"] if containers else None


def pod(owner: Object, volume: Volume, image: str) -> Object:
    """Return the pod that takes the files: restricted, and gone by itself when its caller is gone."""
    meta = owner["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta["name"], "uid": meta["uid"]}
    longest = int(START_SECONDS + _copy_seconds(volume))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-{uuid.uuid4().hex[:6]}",
            "labels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: CONTAINER, "sidecar.istio.io/inject": "false"},
            "ownerReferences": [reference],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": longest,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": RESTRICTED_POD,
            "containers": [
                {
                    "name": CONTAINER,
                    "image": image,
                    "command": ["sleep", str(longest)],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "64Mi"},
                        "limits": {"cpu": "1", "memory": "256Mi"},
                    },
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "files", "mountPath": FILES_DIR}],
                }
            ],
            "volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": meta["name"]}}],
        },
    }


async def _started(cluster: Cluster, namespace: str, name: str, claim: str) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        found = await cluster.get(PODS, namespace, name)
        status = found.get("status") or {}
        (container,) = status.get("containerStatuses") or [{}]
        state = container.get("state") or {}
        if "running" in state:
            return
        waited = loop.time() - begun
        waiting = state.get("waiting") or {}
        if status.get("phase") == "Failed":
            raise UserErrorException(f"pod {name}, which takes the files, failed: {status.get('message')}")
        if "Err" in (waiting.get("reason") or "") and waited > 20:
            raise UserErrorException(
                f"pod {name}, which takes the files, does not start: {waiting['reason']}: {waiting.get('message')}; "
                "MODELPROFILER_COPY_IMAGE names another image with Python 3"
            )
        unscheduled = [
            c for c in status.get("conditions") or [] if c["type"] == "PodScheduled" and c["status"] != "True"
        ]
        if unscheduled and waited > BIND_SECONDS:
            said = unscheduled[0].get("message") or "no node fits"
            raise UserErrorException(await _unbound(cluster, namespace, claim, said))
        if waited > START_SECONDS:
            raise UserErrorException(
                f"pod {name}, which takes the files, has not started in {START_SECONDS:.0f} s "
                f"({waiting.get('reason') or 'its volume is not mounted'})"
            )
        await asyncio.sleep(POLL_SECONDS)


async def _unbound(cluster: Cluster, namespace: str, claim: str, said: str) -> str:
    found = await cluster.get(CLAIMS, namespace, claim)
    if (found.get("status") or {}).get("phase") == "Bound":
        return f"the pod that takes the files finds no node in {BIND_SECONDS:.0f} s: {said}"
    if not found["spec"].get("storageClassName"):
        return (
            "the files are larger than ConfigMaps hold, and the cluster has no default StorageClass to make a volume "
            "of; name one in MODELPROFILER_STORAGE_CLASS"
        )
    storage_class = found["spec"]["storageClassName"]
    return f"claim {claim} of StorageClass {storage_class} was not bound in {BIND_SECONDS:.0f} s: {said}"


async def _gone(cluster: Cluster, namespace: str, name: str) -> None:
    """Wait until a pod is gone: a volume that one node alone can have is free for any of them then."""
    for _ in range(int(GONE_SECONDS / POLL_SECONDS)):
        try:
            await cluster.get(PODS, namespace, name)
        except NotFound:
            return
        await asyncio.sleep(POLL_SECONDS)
