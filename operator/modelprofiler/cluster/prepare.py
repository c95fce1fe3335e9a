"""A look at what is on PersistentVolumeClaims: a Job reads it once, before any server starts.

Like everything of a run it is not remembered: its Job has a name that follows from what is looked at, and its result
is in the pod's termination message until it is in the status.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from modelprofiler.api.conditions import LONGEST_MESSAGE, Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ClaimsStatus
from modelprofiler.cluster import names
from modelprofiler.cluster.act import manifests, template
from modelprofiler.cluster.act.volumes import claim_volume
from modelprofiler.cluster.adapter import JOBS, PODS, Cluster
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.pods import IMAGE_REASONS, START_REASONS
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.core.text import head
from modelprofiler.errors import LoadError, NotFound, Refused
from modelprofiler.files.inspect import PrepareConfig, PrepareResult, Wanted

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
    made = job(profile, settings, claims)
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


def job(profile: ModelProfile, settings: Settings, claims: Claims) -> Object:
    """Return the Job that looks at the claims."""
    meta = manifests.metadata(profile, claims.identity, names.PREPARE, names.prepare(profile, claims.identity))
    given = list(dict.fromkeys(source.claim.claim_name for source in claims.sources))
    roots = {claim: f"{CLAIMS_DIR}/{number}" for number, claim in enumerate(given)}
    script = profile.spec.server.entry_script
    config = PrepareConfig(
        sources=[
            Wanted.model_validate(
                {
                    "part": source.part,
                    "path": source.path,
                    "claim": source.claim.claim_name,
                    "root": Path(roots[source.claim.claim_name]),
                    "inside": source.claim.inside,
                }
            )
            for source in claims.sources
        ],
        file=script.file if script else None,
        format=profile.spec.dataset.format,
        encoding=profile.spec.dataset.encoding,
    )
    longest = settings.schedule_timeout_seconds + settings.image_pull_timeout_seconds + settings.prepare_timeout_seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": int(longest),
            "template": {
                "metadata": {
                    "labels": meta["labels"] | {"sidecar.istio.io/inject": "false"},
                    "annotations": template.TRIAL_ANNOTATIONS
                    | {
                        names.PROFILE_NAME: profile.metadata.name,
                        names.PREPARE_CONFIG: config.model_dump_json(by_alias=True, exclude_none=True),
                    },
                },
                "spec": _pod(profile, settings, claims, roots),
            },
        },
    }


def _pod(profile: ModelProfile, settings: Settings, claims: Claims, roots: dict[str, str]) -> Object:
    """Return a pod that may read and nothing else; where the server's template may run it may run."""
    volumes = {claim: f"claim-{number}" for number, claim in enumerate(roots)}
    where = (profile.spec.server.template or {}).get("spec") or {}
    cpu_limit = {"cpu": settings.load_cpu_limit} if settings.load_cpu_limit else {}
    config_file = {
        "path": "prepare.json",
        "fieldRef": {"fieldPath": f"metadata.annotations['{names.PREPARE_CONFIG}']"},
    }
    pod: Object = {
        **{field: where[field] for field in ("nodeSelector", "affinity", "tolerations") if where.get(field)},
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2,
        "securityContext": template.RESTRICTED_POD,
        "containers": [
            {
                "name": "prepare",
                "image": settings.load_image,
                "imagePullPolicy": settings.image_pull_policy,
                "args": ["prepare", "--config", f"{manifests.CONFIG_DIR}/prepare.json"],
                "resources": {
                    "requests": {"cpu": settings.load_cpu, "memory": settings.load_memory},
                    "limits": cpu_limit | {"memory": settings.load_memory},
                },
                "securityContext": template.RESTRICTED,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [
                    {"name": "config", "mountPath": manifests.CONFIG_DIR, "readOnly": True},
                    *({"name": volumes[c], "mountPath": root, "readOnly": True} for c, root in roots.items()),
                ],
            }
        ],
        "volumes": [
            {"name": "config", "downwardAPI": {"items": [config_file]}},
            *(claim_volume(name, claim) for claim, name in volumes.items()),
        ],
    }
    if settings.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    if claims.host:
        pod["nodeSelector"] = {**(pod.get("nodeSelector") or {}), "kubernetes.io/hostname": claims.host}
    return pod
