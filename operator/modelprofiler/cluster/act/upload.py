"""A PersistentVolumeClaim with the files of a run, created and filled with the caller's own rights.

The caller is a script, not the operator. A claim is named after its content, so that profiles of the same files share
it; it is deleted with the last of them.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.act.upload_files import MIB, Volume
from modelprofiler.cluster.adapter import CLAIMS, DEPLOYMENTS, PODS, STRATEGIC_PATCH, Cluster
from modelprofiler.cluster.exec import run_in_pod
from modelprofiler.cluster.gather import pods
from modelprofiler.cluster.manifests.upload import CONTAINER, FILES_DIR, claim, copy_pod
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import ClusterUnavailable, NotFound, QuotaExceeded, Refused, UploadFailed

START_SECONDS = 180.0
"""Longest wait for the copying pod: its volume is made and mounted and its image pulled meanwhile. An estimate."""

BIND_SECONDS = 60.0
"""Longest wait for a node and a volume; provisioners take seconds. An estimate."""

IMAGE_SECONDS = 20.0
"""How long the kubelet may retry to start the container: its first retry of a pull comes after 10 s."""

AT_ONCE_SECONDS = 3.0
"""How long a new claim may take to be bound before the pod is created. A pod that comes before its volume waits many
seconds for the scheduler's next look; with a StorageClass that waits for its first pod, the pod must come first."""

GONE_SECONDS = 60.0
"""Longest wait for a pod or claim that is being deleted. An estimate."""

COPY_OVERHEAD_SECONDS = 60.0
SLOWEST_BYTES_PER_SECOND = 2**20
"""A copy may take `COPY_OVERHEAD_SECONDS`, and more by the size of the files at a rate that any connection reaches."""

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class VolumeSettings:
    """What a caller can set about volumes.

    Attributes
    ----------
    storage_class
        MODELPROFILER_STORAGE_CLASS; by default the cluster's own default.
    image
        MODELPROFILER_COPY_IMAGE: the image of the copying pod, any image with Python 3. By default the operator's,
        where its Deployment can be read.
    """

    storage_class: str | None = None
    image: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> VolumeSettings:
        """Return the settings that the environment variables make."""
        return cls(
            environment.get("MODELPROFILER_STORAGE_CLASS") or None, environment.get("MODELPROFILER_COPY_IMAGE") or None
        )


def seconds_for(volume: Volume) -> float:
    """Return the longest that creating and filling a claim may take."""
    return GONE_SECONDS + START_SECONDS + _copy_seconds(volume) + GONE_SECONDS


def _copy_seconds(volume: Volume) -> float:
    return COPY_OVERHEAD_SECONDS + volume.size / SLOWEST_BYTES_PER_SECOND


def claim_name(volume: Volume) -> str:
    """Return the name of the claim of some files."""
    return f"modelprofiler-{volume.digest.removeprefix('sha256:')[:16]}"


async def filled_claim(cluster: Cluster, namespace: str, volume: Volume, settings: VolumeSettings) -> str:
    """Return the name of a claim with the files: an existing one, or a new one.

    Raises
    ------
    UploadFailed
        When the cluster has no storage for the files, or the caller lacks the rights.
    ClusterUnavailable
        When the connection breaks.
    """
    name = claim_name(volume)
    try:
        await _fill_unless_filled(cluster, namespace, name, volume, settings)
    except Refused as error:
        if error.status != 403 or isinstance(error, QuotaExceeded):
            raise
        raise UploadFailed(
            f"the files take {volume.size / MIB:.1f} MiB, more than ConfigMaps hold, so they go onto a "
            f"PersistentVolumeClaim; in namespace {namespace} that needs the right to get, create, patch and delete "
            f"persistentvolumeclaims, to get, create and delete pods, and to get and create pods/exec: {error}"
        ) from error
    return name


async def _fill_unless_filled(
    cluster: Cluster, namespace: str, name: str, volume: Volume, settings: VolumeSettings
) -> None:
    existing = await _settled_claim(cluster, namespace, name)
    if existing is not None and (existing["metadata"].get("annotations") or {}).get(names.CONTENT) == volume.digest:
        return
    if existing is None:
        await cluster.create(CLAIMS, namespace, claim(name, volume.request, settings.storage_class))
        existing = await cluster.get(CLAIMS, namespace, name)
    try:
        await _fill(cluster, namespace, existing, volume, settings)
        await cluster.patch(CLAIMS, namespace, name, {"metadata": {"annotations": {names.CONTENT: volume.digest}}})
    except BaseException:
        await cluster.delete(CLAIMS, namespace, name)
        raise


async def _settled_claim(cluster: Cluster, namespace: str, name: str) -> Object | None:
    """Return a claim that is not being deleted, or None; wait for one that is."""
    for _ in range(int(GONE_SECONDS / POLL_SECONDS)):
        try:
            existing = await cluster.get(CLAIMS, namespace, name)
        except NotFound:
            return None
        if not existing["metadata"].get("deletionTimestamp"):
            return existing
        await asyncio.sleep(POLL_SECONDS)
    raise UploadFailed(f"claim {name} in namespace {namespace} is being deleted, and something still uses it")


async def own(cluster: Cluster, namespace: str, name: str, owner: Object) -> None:
    """Add a profile to the owners of a claim; the claim is deleted with the last of them."""
    body = {"metadata": {"ownerReferences": [owner]}}
    patched = await cluster.patch(CLAIMS, namespace, name, body, content_type=STRATEGIC_PATCH)
    if patched["metadata"].get("deletionTimestamp"):
        raise ClusterUnavailable(f"claim {name} was deleted meanwhile")


async def discard(cluster: Cluster, namespace: str, name: str) -> None:
    """Delete a claim that no profile owns."""
    existing = await _settled_claim(cluster, namespace, name)
    if existing is not None and not existing["metadata"].get("ownerReferences"):
        await cluster.delete(CLAIMS, namespace, name)


async def _fill(cluster: Cluster, namespace: str, target: Object, volume: Volume, settings: VolumeSettings) -> None:
    image = settings.image or await _installed_image(cluster) or Settings().load_image
    claim_name = target["metadata"]["name"]
    longest = int(START_SECONDS + _copy_seconds(volume))
    body = copy_pod(target, image, name=f"{claim_name}-{uuid.uuid4().hex[:6]}", longest_seconds=longest)
    name = body["metadata"]["name"]
    try:
        await _wait_until_bound(cluster, namespace, claim_name)
        await cluster.create(PODS, namespace, body)
        await _wait_until_running(cluster, namespace, name, claim_name)
        text = importlib.resources.files(__package__).joinpath("receive.py").read_text(encoding="utf-8")
        command = ["python3", "-I", "-c", text, FILES_DIR]
        ended = await run_in_pod(cluster, namespace, name, CONTAINER, command, volume.archive(), _copy_seconds(volume))
    finally:
        await cluster.delete(PODS, namespace, name, grace_seconds=1)
    if ended.exit_code:
        last_line = ended.stderr.splitlines()[-1:] or [f"exit code {ended.exit_code}"]
        raise UploadFailed(f"the files could not be copied onto claim {claim_name}: {last_line[0]}")
    if ended.stdout != volume.digest:
        raise ClusterUnavailable(
            f"the files on claim {claim_name} differ from those that were sent: their digest is {ended.stdout:.80}, "
            f"not {volume.digest}"
        )
    await _wait_until_gone(cluster, namespace, name)


async def _wait_until_bound(cluster: Cluster, namespace: str, name: str) -> None:
    """Give a claim a moment to be bound."""
    for _ in range(int(AT_ONCE_SECONDS / POLL_SECONDS)):
        existing = await cluster.get(CLAIMS, namespace, name)
        if (existing.get("status") or {}).get("phase") == "Bound":
            return
        await asyncio.sleep(POLL_SECONDS)


async def _installed_image(cluster: Cluster) -> str | None:
    """Return the operator's image, where its Deployment can be read."""
    try:
        deployments = await cluster.list(DEPLOYMENTS, selector="app.kubernetes.io/name=modelprofiler")
    except Refused:
        return None
    containers = [c for d in deployments for c in d["spec"]["template"]["spec"]["containers"]]
    return next((c["image"] for c in containers if c["name"] == "operator"), None)


async def _wait_until_running(cluster: Cluster, namespace: str, name: str, claim: str) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        pod = await cluster.get(PODS, namespace, name)
        waited = loop.time() - begun
        if pods.is_running(pod):
            return
        _check_waiting(name, pod, waited)
        problem = pods.scheduling_problem(pod)
        if problem and waited > BIND_SECONDS:
            raise UploadFailed(await _why_unscheduled(cluster, namespace, claim, problem))
        await asyncio.sleep(POLL_SECONDS)


def _check_waiting(name: str, pod: Object, waited: float) -> None:
    """Refuse to wait longer for a pod that failed, cannot start, or has not started in time."""
    status = pod.get("status") or {}
    waiting = pods.waiting_problem(pod)
    if status.get("phase") == "Failed":
        raise UploadFailed(f"pod {name}, which copies the files, failed: {status.get('message')}")
    if waiting and waited > IMAGE_SECONDS:
        raise UploadFailed(
            f"pod {name}, which copies the files, does not start: {': '.join(waiting)}; "
            "MODELPROFILER_COPY_IMAGE can name another image with Python 3"
        )
    if waited > START_SECONDS:
        raise UploadFailed(
            f"pod {name}, which copies the files, has not started in {START_SECONDS:.0f} s "
            f"({waiting[0] if waiting else 'its volume may not be mounted'})"
        )


async def _why_unscheduled(cluster: Cluster, namespace: str, claim: str, message: str) -> str:
    existing = await cluster.get(CLAIMS, namespace, claim)
    if (existing.get("status") or {}).get("phase") == "Bound":
        return f"no node took the pod that copies the files in {BIND_SECONDS:.0f} s: {message}"
    storage_class = existing["spec"].get("storageClassName")
    if not storage_class:
        return (
            "the files are larger than ConfigMaps hold, and the cluster has no default StorageClass to make a volume "
            "of; name one in MODELPROFILER_STORAGE_CLASS"
        )
    return f"claim {claim} of StorageClass {storage_class} was not bound in {BIND_SECONDS:.0f} s: {message}"


async def _wait_until_gone(cluster: Cluster, namespace: str, name: str) -> None:
    """Wait until a pod is gone: only then can another node mount its ReadWriteOnce volume."""
    for _ in range(int(GONE_SECONDS / POLL_SECONDS)):
        try:
            await cluster.get(PODS, namespace, name)
        except NotFound:
            return
        await asyncio.sleep(POLL_SECONDS)
