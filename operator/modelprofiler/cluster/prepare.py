"""A look at what is on PersistentVolumeClaims: a Job reads it once, before any server starts.

Like everything of a run it is not remembered: its Job has a name that follows from what is looked at, and its result
is in the pod's termination message until it is in the status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from modelprofiler.api.conditions import LONGEST_MESSAGE, Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import JOBS, PODS, Cluster
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.pods import IMAGE_REASONS, START_REASONS
from modelprofiler.cluster.manifests.prepare import prepare_job
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.core.text import head
from modelprofiler.errors import LoadError, NotFound, Refused
from modelprofiler.files.inspect import PrepareResult

CLAIMS_DIR = "/var/modelprofiler/claims"

READING = "reading what is on the claims"

Why = Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"]


@dataclass(frozen=True)
class Waiting:
    """The Job is under way."""

    message: str


async def prepare(
    cluster: Cluster, profile: ModelProfile, settings: Settings, claims: Claims, now: datetime
) -> ClaimsStatus | Waiting | Finding:
    """Have the claims looked at; return what was found, or how far it is, or why the API server refuses the pod.

    Raises
    ------
    ClusterUnavailable, Conflict
        When the API server does not do it.
    """
    namespace, name = profile.metadata.namespace, names.prepare(profile, claims.identity)
    try:
        found = await cluster.get(JOBS, namespace, name)
    except NotFound:
        return await _start(cluster, profile, settings, claims)
    labels = names.labels(profile, claims.identity, names.PREPARE)
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return read(found, await cluster.list(PODS, namespace, selector), claims, settings, now)


async def _start(cluster: Cluster, profile: ModelProfile, settings: Settings, claims: Claims) -> Waiting | Finding:
    made = prepare_job(profile, settings, identity=claims.identity, host=claims.host)
    pod = made["spec"]["template"]
    meta = {**pod["metadata"], "name": made["metadata"]["name"]}
    # A Job is admitted whatever its pods ask for, and then says nowhere but in its events why it creates none.
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]}
    try:
        await cluster.create(PODS, profile.metadata.namespace, body, dry_run=True)
        await cluster.create(JOBS, profile.metadata.namespace, made)
    except NotFound:
        raise  # the namespace is about to go
    except Refused as error:
        said = f"the API server refuses the pod that reads the claims: {error}"
        return Finding(Reason.ADMISSION_REFUSED, head(said, LONGEST_MESSAGE))
    return Waiting(READING)


def read(
    job: Object, pods: Sequence[Object], claims: Claims, settings: Settings, now: datetime
) -> ClaimsStatus | Waiting:
    """Return what a Job and its pods show."""
    everything = claims.sources[0].path if len(claims.sources) == 1 else ""

    def refused(reason: Why, message: str) -> ClaimsStatus:
        said = f"{everything}: {message}" if everything else message
        return ClaimsStatus(identity=claims.identity, time=now, reason=reason, message=head(said, LONGEST_MESSAGE))

    for pod in pods:
        ended = next((e for c in _containers(pod) if (e := (c.get("state") or {}).get("terminated"))), None)
        if ended:
            return _ended(ended, claims, settings, now, refused)
    conditions = {c["type"]: c for c in (job.get("status") or {}).get("conditions") or [] if c["status"] == "True"}
    failed = conditions.get("Failed") or conditions.get("FailureTarget")
    waits = next((w for pod in pods if (w := _waits(pod))), "")
    if failed is not None or "Complete" in conditions:
        reason, said = (failed or {}).get("reason"), (failed or {}).get("message") or "its pod is gone"
        if reason == "DeadlineExceeded":
            longest = f"{settings.prepare_timeout_seconds:g} s (chart value trials.timeouts.prepare)"
            return refused("SourceUnreadable", f"reading the claims took longer than {longest}")
        return refused("SourceUnreadable", f"the pod that reads the claims left no result: {said}")
    age = (now - datetime.fromisoformat(job["metadata"]["creationTimestamp"])).total_seconds()
    if not pods or not any("running" in (c.get("state") or {}) for pod in pods for c in _containers(pod)):
        longest_start = settings.schedule_timeout_seconds
        placed = any((pod["spec"]).get("nodeName") for pod in pods)
        if placed:
            longest_start += settings.image_pull_timeout_seconds
        waits = waits or _volumes(pods, job["metadata"]["name"])
        if age > longest_start:
            return refused(
                "SourceUnreadable", f"the pod that reads the claims has not started in {longest_start:g} s: {waits}"
            )
        return Waiting(f"waiting for the pod that reads the claims: {waits}" if waits and age > 5 else READING)
    return Waiting(READING)


def _ended(
    ended: Object, claims: Claims, settings: Settings, now: datetime, refused: Callable[[Why, str], ClaimsStatus]
) -> ClaimsStatus:
    try:
        result = PrepareResult.decode(ended.get("message") or "")
    except LoadError:
        if ended.get("reason") == "OOMKilled":
            said = (
                f"the dataset does not fit into the {settings.load_memory} of a load pod (chart value "
                "trials.load.memory)"
            )
            return refused("SourceUnreadable", said)
        words = (ended.get("message") or "").strip()[-1000:]
        said = (
            f"the pod that reads the claims left no result (exit code {ended.get('exitCode')}, {ended.get('reason')})"
        )
        return refused("SourceUnreadable", f"{said}: {words}" if words else said)
    reason = result.problems[0].reason if result.problems else None
    said = "; ".join(f"{p.path}: {p.message}" for p in result.problems)
    return ClaimsStatus(
        identity=claims.identity,
        time=now,
        dataset=result.dataset,
        code_digest=result.code_digest,
        model_digest=result.model_digest,
        single_files=result.single_files,
        reason=reason,
        message=head(said, LONGEST_MESSAGE) or None,
    )


def _containers(pod: Object) -> list[Object]:
    return (pod.get("status") or {}).get("containerStatuses") or []


def _waits(pod: Object) -> str:
    """Return what a pod that does not start waits for, where it says so."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or "no node fits")
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in IMAGE_REASONS | START_REASONS:
            return f"{waiting['reason']}: {waiting.get('message') or ''}"
    return ""


def _volumes(pods: Sequence[Object], name: str) -> str:
    """Return what is likely when a pod has a node and yet does not start, which is told by events alone."""
    if not pods:
        return f"its Job has created no pod; `kubectl describe job {name}` says why, a quota or a policy perhaps"
    pod = pods[0]["metadata"]["name"]
    return f"its volumes are not mounted yet; `kubectl describe pod {pod}` says why: in use on another node, perhaps"
