"""What the cluster shows of a run: children read from API objects into immutable values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Purpose, UsageStatus
from modelprofiler.cluster import names
from modelprofiler.core.axis import Limits
from modelprofiler.errors import LoadError
from modelprofiler.load.summary import LoadResult
from modelprofiler.metrics.series import Series

IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
START_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


@dataclass(frozen=True)
class Termination:
    """How a container last ended."""

    container: str
    reason: str
    exit_code: int
    last_words: str
    profiled: bool = True
    """Whether it is the container whose size is varied."""

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed it for its memory, and that is the memory that is varied."""
        return self.reason == "OOMKilled" and self.profiled


@dataclass(frozen=True)
class Pod:
    """A server's pod."""

    name: str
    uid: str
    node: str
    created: datetime
    deleting: bool
    phase: str
    reason: str
    ready_at: datetime | None
    """When it became ready for the first time since its container started; None while it is not."""
    container_started_at: datetime | None
    restarts: int
    waiting: tuple[str, str] | None
    """(reason, message) of a container that waits."""
    termination: Termination | None
    unschedulable: str
    """What the scheduler says; empty once there is a node."""
    desired: Limits | None
    """Limits in the pod's spec."""
    actual: Limits | None
    """Limits that the kubelet says it has applied."""
    resize: tuple[str, str] | None
    """(reason, message) of a resize that is pending or under way: Deferred, Infeasible, InProgress, Error."""
    image: str
    has_liveness_probe: bool = False
    not_started: str = ""
    """Why the profiled container waits for its first start, in a word; empty once it has run."""
    unready: str = ""
    """Which container is not ready, and the probe that has not passed; empty when it cannot be told."""

    @property
    def gone(self) -> bool:
        """Whether it will not serve again."""
        return self.deleting or self.phase in ("Failed", "Succeeded")


@dataclass(frozen=True)
class Server:
    """One start of the server: a Deployment and the pod that it has."""

    name: str
    incarnation: int
    created: datetime
    deleting: bool
    limits: Limits
    """The size it was started at."""
    refusal: str
    """Why the Deployment cannot create its pod; empty when it can."""
    pod: Pod | None


@dataclass(frozen=True)
class Measured:
    """Usage read for a trial."""

    usage: UsageStatus | None
    complete: bool
    """Whether waiting longer would not improve it."""
    problem: str = ""
    """Why there are no samples."""
    reachable: bool = True
    cpu_seconds: Series = ()
    memory: Series = ()
    """The samples that it was read from, as they are kept with the trial."""
    node_cores: float | None = None
    """CPU that its whole node used under the load, in cores."""


@dataclass(frozen=True)
class LoadJob:
    """One trial's load Job."""

    name: str
    trial: int
    purpose: Purpose
    limits: Limits
    window: str
    incarnation: int
    server_pod: str
    created: datetime
    deleting: bool
    finished_at: datetime | None
    result: LoadResult | None
    failure: str
    """Why there is no result; empty while it may still come."""
    stuck: str
    """Why its pod does not start; empty when it runs."""
    node: str = ""
    """Where its pod runs."""
    measured: Measured | None = None


@dataclass(frozen=True)
class Observation:
    """The children of a profile."""

    servers: tuple[Server, ...] = ()
    """Of the current run, by incarnation."""
    jobs: tuple[LoadJob, ...] = ()
    """Of the current run, by trial."""
    stale: tuple[tuple[str, str], ...] = ()
    """(plural, name) of children of an earlier run."""
    hosts: dict[str, str] = field(default_factory=dict)
    """Node name to the value of its kubernetes.io/hostname label."""

    def job(self, trial: int) -> LoadJob | None:
        """Return the Job of a trial."""
        return next((job for job in self.jobs if job.trial == trial), None)

    def server(self, incarnation: int) -> Server | None:
        """Return a start of the server."""
        return next((server for server in self.servers if server.incarnation == incarnation), None)


def read(
    run_hash: str, container: str, *, deployments: Sequence[Object], jobs: Sequence[Object], pods: Sequence[Object]
) -> Observation:
    """Return what the objects show of a run."""
    stale = [
        (plural, o["metadata"]["name"])
        for plural, group in (("deployments", deployments), ("jobs", jobs))
        for o in group
        if _labels(o).get(names.RUN) != run_hash
    ]
    by_label: dict[tuple[str, str], list[Object]] = {}
    for pod in pods:
        labels = _labels(pod)
        if labels.get(names.RUN) == run_hash:
            for label in (names.INCARNATION, names.TRIAL):
                if label in labels:
                    by_label.setdefault((label, labels[label]), []).append(pod)
    servers = [
        _server(o, container, by_label.get((names.INCARNATION, _labels(o)[names.INCARNATION]), []))
        for o in deployments
        if _labels(o).get(names.RUN) == run_hash
    ]
    found = [
        _job(o, by_label.get((names.TRIAL, _labels(o)[names.TRIAL]), []))
        for o in jobs
        if _labels(o).get(names.RUN) == run_hash
    ]
    return Observation(
        tuple(sorted(servers, key=lambda s: s.incarnation)), tuple(sorted(found, key=lambda j: j.trial)), tuple(stale)
    )


def _labels(o: Object) -> dict[str, str]:
    return o["metadata"].get("labels") or {}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _created(o: Object) -> datetime:
    return datetime.fromisoformat(o["metadata"]["creationTimestamp"])


def _limits_of(annotations: dict[str, str]) -> Limits:
    return Limits(int(annotations[names.CPU]), int(annotations[names.MEMORY]))


def _server(deployment: Object, container: str, pods: list[Object]) -> Server:
    meta = deployment["metadata"]
    conditions = (deployment.get("status") or {}).get("conditions") or []
    refusal = next(
        (c.get("message", "") for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True"), ""
    )
    # After a resize that did not work out or an eviction there may be two: the one that lives is the server.
    # One that is older than its Deployment is most often of another of the same name before it, and about to go; not
    # always, since API servers differ in their clocks.
    alive = sorted(
        pods,
        key=lambda p: (
            "deletionTimestamp" in p["metadata"],
            p["metadata"]["creationTimestamp"] < meta["creationTimestamp"],
            p["metadata"]["creationTimestamp"],
        ),
    )
    return Server(
        name=meta["name"],
        incarnation=int(_labels(deployment)[names.INCARNATION]),
        created=_created(deployment),
        deleting="deletionTimestamp" in meta,
        limits=_limits_of(meta["annotations"]),
        refusal=refusal,
        pod=_pod(alive[0], container) if alive else None,
    )


def _size(resources: Object | None) -> Limits | None:
    limits = (resources or {}).get("limits") or {}
    if "cpu" not in limits or "memory" not in limits:
        return None
    return Limits(Quantity(limits["cpu"]).millicores, Quantity(limits["memory"]).bytes)


def _pod(pod: Object, container: str) -> Pod:
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    ready, scheduled = conditions.get("Ready") or {}, conditions.get("PodScheduled") or {}
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    mine: Object = next((c for c in statuses if c["name"] == container), {})
    wanted: Object = next((c for c in spec["containers"] if c["name"] == container), {})
    waiting = [s["state"]["waiting"] for s in statuses if "waiting" in (s.get("state") or {})]
    telling = [w for w in waiting if w.get("reason") in IMAGE_REASONS | START_REASONS]
    unschedulable = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        node=spec.get("nodeName") or "",
        created=_created(pod),
        deleting="deletionTimestamp" in meta,
        phase=status.get("phase") or "Pending",
        reason=f"{status.get('reason') or ''} {status.get('message') or ''}".strip(),
        ready_at=_time(ready.get("lastTransitionTime")) if ready.get("status") == "True" else None,
        container_started_at=_time(((mine.get("state") or {}).get("running") or {}).get("startedAt")),
        restarts=int(mine.get("restartCount") or 0),
        waiting=(telling[0]["reason"], telling[0].get("message") or "") if telling else None,
        termination=_termination(statuses, container),
        unschedulable=(scheduled.get("message") or "no node fits") if unschedulable else "",
        desired=_size(wanted.get("resources")),
        actual=_size(mine.get("resources")),
        resize=_resize(conditions),
        image=mine.get("imageID") or mine.get("image") or wanted.get("image") or "",
        has_liveness_probe="livenessProbe" in wanted,
        not_started=((mine.get("state") or {}).get("waiting") or {}).get("reason") or "",
        unready=_unready(spec, status),
    )


def _unready(spec: Object, status: Object) -> str:
    """Return the first running container that is not ready, with the probe that it waits for."""
    wanted = {container["name"]: container for container in spec["containers"]}
    for found in status.get("containerStatuses") or []:
        if found.get("ready") or "running" not in (found.get("state") or {}):
            continue
        probe = "startupProbe" if found.get("started") is False else "readinessProbe"
        return f"the {_probe(probe, wanted[found['name']].get(probe) or {})} of container {found['name']} did not pass"
    return ""


def _probe(name: str, probe: Object) -> str:
    """Return a probe as people speak of it."""
    http, tcp = probe.get("httpGet"), probe.get("tcpSocket")
    if http:
        return f"{name} (GET {http.get('path') or '/'} on port {http.get('port')})"
    return f"{name} (port {tcp.get('port')})" if tcp else name


def _termination(statuses: list[Object], container: str) -> Termination | None:
    """Return how the profiled container last ended, or else another one that failed."""
    found = []
    for status in statuses:
        ended = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated")
        if ended and (status["name"] == container or ended.get("exitCode")):
            found.append(
                Termination(
                    status["name"],
                    ended.get("reason") or "",
                    int(ended.get("exitCode") or 0),
                    (ended.get("message") or "").strip(),
                    profiled=status["name"] == container,
                )
            )
    return next((t for t in found if t.container == container), found[0] if found else None)


def _resize(conditions: dict[str, Object]) -> tuple[str, str] | None:
    for type_, default in (("PodResizePending", "Deferred"), ("PodResizeInProgress", "InProgress")):
        condition = conditions.get(type_) or {}
        if condition.get("status") == "True":
            return condition.get("reason") or default, condition.get("message") or ""
    return None


def _job(job: Object, pods: list[Object]) -> LoadJob:
    meta = job["metadata"]
    annotations = meta["annotations"]
    conditions = {c["type"]: c for c in (job.get("status") or {}).get("conditions") or [] if c["status"] == "True"}
    ended: Object | None = next((end for pod in pods if (end := _load_end(pod))), None)
    result = _result(ended)
    over = conditions.get("Failed") or conditions.get("Complete")
    # A node that lost its container tells no time; then the Job's end is the end.
    times = (ended or {}).get("finishedAt"), (over or {}).get("lastTransitionTime")
    finished_at = next((_time(text) for text in times if text), None)
    failure = ""
    if result is None and finished_at is not None:
        words = f"exit code {ended.get('exitCode')}, {ended.get('reason')}" if ended else "its pod is gone"
        failure = f"the load generator left no result ({words})"
        if "Failed" in conditions:
            failure += f": {conditions['Failed'].get('message', '')}"
    return LoadJob(
        name=meta["name"],
        trial=int(_labels(job)[names.TRIAL]),
        purpose=Purpose(annotations[names.PURPOSE]),
        limits=_limits_of(annotations),
        window=annotations[names.WINDOW],
        incarnation=int(annotations[names.INCARNATION]),
        server_pod=annotations[names.SERVER_POD],
        created=_created(job),
        deleting="deletionTimestamp" in meta,
        finished_at=finished_at,
        result=result,
        failure=failure,
        stuck=_job_stuck(pods),
        node=next((node for pod in pods if (node := (pod.get("spec") or {}).get("nodeName"))), ""),
    )


def _result(ended: Object | None) -> LoadResult | None:
    try:
        return LoadResult.decode(ended["message"]) if ended and ended.get("message") else None
    except LoadError:
        return None


def _load_end(pod: Object) -> Object | None:
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        ended: Object | None = (status.get("state") or {}).get("terminated")
        if ended:
            return ended
    return None


def _job_stuck(pods: list[Object]) -> str:
    """Return why a load does not start; a Job says nowhere but in its events why it creates no pod."""
    if not pods:
        return "its Job has created no pod; `kubectl describe job` says why, a quota or a policy perhaps"
    return next((s for pod in pods if (s := _stuck(pod))), "")


def _stuck(pod: Object) -> str:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or "no node fits")
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in IMAGE_REASONS | START_REASONS:
            return f"{waiting['reason']}: {waiting.get('message') or ''}"
    return ""
