"""Reads pods: what a server's pod shows, and why a pod of ours does not start. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.cluster.gather.objects import conditions_of, created, is_deleting, time_of
from modelprofiler.cluster.gather.observation import Pod, Termination
from modelprofiler.cluster.manifests.packages import CONTAINER as PACKAGES
from modelprofiler.core.answers.redact import without_credentials
from modelprofiler.core.axis import Limits

IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
)
"""Why a container waits for its image, as the kubelet writes it (pkg/kubelet/images/types.go).

With `START_REASONS` these are the reasons that waiting seldom removes; every container passes through the others,
ContainerCreating and PodInitializing.
"""

START_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
"""Why the kubelet cannot start a container although it has the image (pkg/kubelet/kuberuntime)."""


SHOWN_PODS = 4
"""Pods that a message names."""


def server_pod(pod: Object, container: str) -> Pod:
    """Return what a server's pod shows of itself and of the profiled container."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    conditions = conditions_of(pod)
    template = _named(spec["containers"], container)
    profiled = _named(_container_statuses(pod), container)
    state = profiled.get("state") or {}
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        node=spec.get("nodeName") or "",
        created=created(pod),
        deleting=is_deleting(pod),
        phase=status.get("phase") or "Pending",
        reason=f"{status.get('reason') or ''} {status.get('message') or ''}".strip(),
        ready_at=_true_since(conditions.get("Ready")),
        container_started_at=time_of((state.get("running") or {}).get("startedAt")),
        restarts=int(profiled.get("restartCount") or 0),
        waiting=waiting_problem(pod),
        termination=_termination(pod, container),
        unschedulable=scheduling_problem(pod, {"Unschedulable"}),
        desired=_limits(template),
        actual=_limits(profiled),
        resize=_resize(conditions),
        image=profiled.get("imageID") or profiled.get("image") or template.get("image") or "",
        ip=status.get("podIP") or "",
        has_liveness_probe="livenessProbe" in template,
        not_started=(state.get("waiting") or {}).get("reason") or "",
        unready=_unready(pod),
        installed=has_ended(pod, PACKAGES),
        placed_at=_true_since(conditions.get("PodScheduled")),
    )


def start_problem(job: str, pods: Iterable[Object]) -> str:
    """Return why the pod of a Job does not start, as far as the objects show it; empty when they do not."""
    pods = list(pods)
    if not pods:  # a Job says only in its events why it creates no pod
        return f"its Job has created no pod; `kubectl describe job {job}` says why, a quota or a policy perhaps"
    return next((problem for pod in pods if (problem := _pod_start_problem(pod))), "")


def _pod_start_problem(pod: Object) -> str:
    """Return why a pod does not start; empty while it runs or its start takes its usual course."""
    if problem := scheduling_problem(pod):
        return problem
    waiting = waiting_problem(pod)
    return f"{waiting[0]}: {waiting[1]}" if waiting else ""


def scheduling_problem(pod: Object, reasons: Collection[str] = ()) -> str:
    """Return why the scheduler has found no node, empty when it has.

    Parameters
    ----------
    reasons
        Reasons of the condition that count; by default all do, also that the pod waits for a scheduling gate.
    """
    condition = conditions_of(pod).get("PodScheduled") or {}
    if condition.get("status") != "False" or (reasons and condition.get("reason") not in reasons):
        return ""
    return condition.get("message") or "no node fits"


def waiting_problem(pod: Object) -> tuple[str, str] | None:
    """Return (reason, message) of the first container that waits for something that waiting does not bring."""
    for status in _with_init_containers(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in IMAGE_REASONS | START_REASONS:
            return waiting["reason"], waiting.get("message") or ""
    return None


def is_running(pod: Object) -> bool:
    """Return whether a container of a pod runs."""
    return any("running" in (status.get("state") or {}) for status in _container_statuses(pod))


def ended_state(pods: Iterable[Object], container: str | None = None) -> Object | None:
    """Return how the container of a Job's pod has ended: its ContainerStateTerminated; None while it has not.

    Without a name any container counts. Our Jobs have one pod. Where the containers of several have ended, or one has
    ended well while another is still there, somebody else has created pods that say that they are of the Job, and none
    of them is believed.
    """
    pods = list(pods)
    ends: dict[str, Object] = {}
    for pod in pods:
        for status in _container_statuses(pod):
            ended = (status.get("state") or {}).get("terminated")
            if ended and container in (None, status.get("name")):
                ends.setdefault(pod["metadata"]["name"], ended)
    # A pod that was deleted or evicted has failed, and may have a successor for a moment.
    if len(ends) > 1 or (len(pods) > 1 and any(end.get("exitCode") == 0 for end in ends.values())):
        names = ", ".join(sorted(pod["metadata"]["name"] for pod in pods)[:SHOWN_PODS])
        return {"reason": f"{len(pods)} pods say that they are of its Job, which creates one: {names}"}
    return next(iter(ends.values()), None)


def failed_before(pods: Iterable[Object]) -> Object | None:
    """Return how an init container has failed; None where none has."""
    for pod in pods:
        for status in (pod.get("status") or {}).get("initContainerStatuses") or []:
            ended: Object = (status.get("state") or {}).get("terminated") or {}
            if ended.get("exitCode"):
                return ended
    return None


def has_ended(pod: Object, init_container: str) -> bool | None:
    """Return whether an init container of a pod has done its work; None where the pod has none of this name."""
    if not _named(pod["spec"].get("initContainers") or [], init_container):
        return None
    status = _named((pod.get("status") or {}).get("initContainerStatuses") or [], init_container)
    return ((status.get("state") or {}).get("terminated") or {}).get("exitCode") == 0


def how_ended(ended: Object) -> str:
    """Return in a few words how a container has ended, from `ended_state`."""
    code = ended.get("exitCode")
    return str(ended.get("reason")) if code is None else f"exit code {code}, {ended.get('reason')}"


def _container_statuses(pod: Object) -> list[Object]:
    return (pod.get("status") or {}).get("containerStatuses") or []


def _with_init_containers(pod: Object) -> list[Object]:
    return [*((pod.get("status") or {}).get("initContainerStatuses") or []), *_container_statuses(pod)]


def _named(items: Iterable[Object], name: str) -> Object:
    return next((item for item in items if item.get("name") == name), {})


def _true_since(condition: Object | None) -> datetime | None:
    if condition is None or condition["status"] != "True":
        return None
    return time_of(condition.get("lastTransitionTime"))


def _limits(container: Object) -> Limits | None:
    """Return the size in a container's spec or status; None where it is not there or has no CPU or memory limit."""
    limits = (container.get("resources") or {}).get("limits") or {}
    if "cpu" not in limits or "memory" not in limits:
        return None
    return Limits(Quantity(limits["cpu"]).millicores, Quantity(limits["memory"]).bytes)


def _termination(pod: Object, container: str) -> Termination | None:
    """Return how the profiled container last ended, or else the first other one that failed."""
    terminations = [
        Termination(
            container=status["name"],
            reason=ended.get("reason") or "",
            exit_code=int(ended.get("exitCode") or 0),
            last_words=without_credentials((ended.get("message") or "").strip()),
            profiled=status["name"] == container,
        )
        for status in _with_init_containers(pod)
        if (ended := _last_end(status))
    ]
    profiled = [t for t in terminations if t.profiled]
    failed = [t for t in terminations if t.exit_code]
    return next(iter(profiled + failed), None)


def _last_end(status: Object) -> Object | None:
    """Return how a container has ended, or how it had ended before it was started again."""
    for state in ("state", "lastState"):
        ended: Object | None = (status.get(state) or {}).get("terminated")
        if ended:
            return ended
    return None


def _resize(conditions: dict[str, Object]) -> tuple[str, str] | None:
    """Return (reason, message) of a resize in place that the kubelet has not finished."""
    for type_, default in (("PodResizePending", "Deferred"), ("PodResizeInProgress", "InProgress")):
        condition = conditions.get(type_) or {}
        if condition.get("status") == "True":
            return condition.get("reason") or default, condition.get("message") or ""
    return None


def _unready(pod: Object) -> str:
    """Return the first running container that is not ready, with the probe that has not passed."""
    for status in _container_statuses(pod):
        if status.get("ready") or "running" not in (status.get("state") or {}):
            continue
        kind = "startupProbe" if status.get("started") is False else "readinessProbe"
        probe = _named(pod["spec"]["containers"], status["name"]).get(kind) or {}
        return f"the {_probe_sentence(kind, probe)} of container {status['name']} did not pass"
    return ""


def _probe_sentence(kind: str, probe: Object) -> str:
    http, tcp = probe.get("httpGet"), probe.get("tcpSocket")
    if http:
        return f"{kind} (GET {http.get('path') or '/'} on port {http.get('port')})"
    return f"{kind} (port {tcp.get('port')})" if tcp else kind
