"""What went wrong with a server, from the state of its pod: an outcome and a message. Pure.

Each function detects one way to fail. `failure` calls them in order, the most specific first.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from modelprofiler.api.trial import Outcome
from modelprofiler.cluster.decide import reader
from modelprofiler.cluster.gather.observation import LoadJob, Observation, Pod, Server
from modelprofiler.cluster.gather.pods import START_REASONS
from modelprofiler.cluster.manifests.packages import CONTAINER as PACKAGES
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.evidence import Failure, ResultKind
from modelprofiler.core.text import LONGEST_LAST_WORDS, tail

AFTER_SIGNAL = (0, 137, 143)
"""Exit codes of a container that the kubelet stops: SIGKILL, SIGTERM, or 0 from a server that handles SIGTERM."""

GENERATOR_START_SECONDS = 90.0
"""A load pod has to be placed, pull its image and start."""

LAGGARD_SECONDS = 60.0
"""Load generators of one trial end together, but for requests that are still in flight; one that is much later is on a
node that does not answer, or cannot be reached."""


def failure(
    server: Server, settings: Settings, now: datetime, ready_within: float, seen: Observation
) -> Failure | None:
    """Return how a server has failed, or None while it has not.

    Parameters
    ----------
    ready_within
        Seconds that it may take until it is ready.
    seen
        The children of the run, and what is known of its nodes.
    """
    pod = server.pod
    if pod is None:
        return _no_pod(server, settings, now)
    return (
        _ended(pod)
        or _evicted(pod)
        or lost_node(pod, seen)
        or _not_placed(pod, settings, now)
        or _not_started(pod, settings, now)
        or _never_started(pod, settings, now)
        or _not_ready(pod, now, ready_within)
    )


def disturbance(server: Server | None, job: LoadJob, seen: Observation) -> Failure | None:
    """Return why a running load no longer measures the server it was started for, or None while it does."""
    if server is None or server.deleting or server.pod is None:
        return Failure(Outcome.DISTURBED, "the server's pod disappeared during the load")
    pod = server.pod
    if pod.uid != job.server_pod:
        return Failure(Outcome.DISTURBED, "the server's pod was replaced during the load")
    return _ended(pod) or _evicted(pod) or lost_node(pod, seen) or _silent_node(pod, job, seen)


def failed_load(job: LoadJob, settings: Settings, now: datetime) -> Failure | None:
    """Return why a load that has left no result will leave none, or None while it may."""
    pods = job.config.load.parallelism if job.config is not None else 1
    awaited = settings.nodes_autoscaled and len(job.nodes) < pods
    patience = settings.placement_seconds if awaited else GENERATOR_START_SECONDS
    if job.failure:
        return Failure(Outcome.LOAD_FAILED, job.failure)
    if job.deleting:
        return Failure(Outcome.LOAD_FAILED, "the load Job was deleted")
    if job.stuck and (now - job.created).total_seconds() > patience:
        return Failure(Outcome.LOAD_FAILED, f"the load pod does not start: {job.stuck}")
    timeout = job.config.endpoint.timeout.seconds if job.config is not None else 0.0
    since = job.first_ended_at
    if job.missing and since is not None and (now - since).total_seconds() > LAGGARD_SECONDS + timeout:
        return Failure(Outcome.LOAD_FAILED, f"{job.missing} did not end when the others did")
    return None


def lost_node(pod: Pod | None, seen: Observation) -> Failure | None:
    """Return that the node of a server's pod is not ready: what its server does says nothing about a size."""
    problem = seen.not_ready.get(pod.node) if pod is not None else None
    if pod is None or problem is None:
        return None
    return Failure(Outcome.DISTURBED, f"node {pod.node} is not ready: {tail(problem, LONGEST_LAST_WORDS)}")


def _silent_node(pod: Pod, job: LoadJob, seen: Observation) -> Failure | None:
    """Return that a node died under load, before Kubernetes has noticed: its reader is silent as its server is."""
    result = job.result
    if result is None or result.node is None or not result.node.silent or not reader.seems_to_run(seen, pod):
        return None
    counts = result.status.failures_by_kind if result.status is not None else None
    unanswered = counts.refused + counts.reset + counts.timeout + counts.dropped if counts is not None else 0
    if result.kind is ResultKind.COMPLETED and not unanswered:
        return None
    return Failure(
        Outcome.DISTURBED,
        f"node {pod.node} stopped answering during the load: neither the server nor the node reader beside it did",
    )


def _no_pod(server: Server, settings: Settings, now: datetime) -> Failure | None:
    waited = (now - server.created).total_seconds()
    if server.refusal and waited > min(settings.schedule_timeout_seconds, 10):
        return Failure(Outcome.UNSCHEDULABLE, f"the pod cannot be created: {server.refusal}")
    if waited > settings.schedule_timeout_seconds:
        return Failure(Outcome.UNSCHEDULABLE, "the Deployment created no pod")
    return None


def _ended(pod: Pod) -> Failure | None:
    """Return how the container ended, when it did: the first restart is enough."""
    ended = pod.termination
    if ended is None or (pod.gone and not ended.out_of_memory):
        return None  # a container of a pod that is removed ends too: that says nothing about its size
    last_words = tail(ended.last_words, LONGEST_LAST_WORDS)
    if ended.out_of_memory:
        return Failure(Outcome.OOM_KILLED, f"container {ended.container} was killed for exceeding its memory limit")
    if ended.container == PACKAGES:
        why = "memory ran out" if ended.reason == "OOMKilled" else last_words
        return Failure(Outcome.DISTURBED, f"the packages of the entry script could not be installed again: {why}")
    cause = f"container {ended.container} ended with exit code {ended.exit_code}"
    if ended.reason == "OOMKilled":
        cause = f"container {ended.container}, which is not the one profiled, exceeded its memory limit"
    elif ended.exit_code in AFTER_SIGNAL and pod.has_liveness_probe and ended.profiled:
        cause += (
            ", as happens when the kubelet stops it; its liveness probe probably failed: give the probe more time or "
            "remove it"
        )
    exit_code = ended.exit_code if ended.profiled else None
    return Failure(Outcome.CRASHED, f"{cause}: {last_words}" if last_words else cause, exit_code)


def _evicted(pod: Pod) -> Failure | None:
    if pod.gone:
        return Failure(Outcome.DISTURBED, f"the server's pod was removed: {pod.reason or pod.phase}")
    return None


def _not_placed(pod: Pod, settings: Settings, now: datetime) -> Failure | None:
    if pod.unschedulable and (now - pod.created).total_seconds() > settings.placement_seconds:
        return Failure(
            Outcome.UNSCHEDULABLE,
            f"the pod cannot be scheduled: {tail(pod.unschedulable, LONGEST_LAST_WORDS)}",
        )
    return None


def _not_started(pod: Pod, settings: Settings, now: datetime) -> Failure | None:
    if pod.waiting is None:
        return None
    reason, message = pod.waiting
    patience = 15 if reason in START_REASONS else settings.image_pull_timeout_seconds
    since = pod.placed_at or pod.created  # it may have waited for its node for minutes
    if reason != "InvalidImageName" and (now - since).total_seconds() <= patience:
        return None
    outcome = Outcome.CRASHED if reason in START_REASONS else Outcome.IMAGE_PULL_FAILED
    return Failure(outcome, f"{reason}: {tail(message, LONGEST_LAST_WORDS)}")


def _never_started(pod: Pod, settings: Settings, now: datetime) -> Failure | None:
    """Return that the container does not even start: an init container that hangs, a volume that cannot be mounted."""
    bounds = settings.placement_seconds, settings.image_pull_timeout_seconds, settings.ready_timeout_seconds
    longest = sum(bounds) + (settings.prepare_timeout_seconds if pod.installed is not None else 0)
    if pod.container_started_at is not None or (now - pod.created).total_seconds() <= longest:
        return None
    what = f" ({pod.not_started})" if pod.not_started else ""
    return Failure(
        Outcome.NEVER_READY,
        f"the container did not start within {longest:g}s{what}: an init container has not ended, or a volume or the "
        "image is not there; `kubectl get events` may say more",
    )


def _not_ready(pod: Pod, now: datetime, ready_within: float) -> Failure | None:
    since = pod.container_started_at
    if pod.ready_at is None and since is not None and now - since > timedelta(seconds=ready_within):
        why = f": {pod.unready}" if pod.unready else ""
        return Failure(Outcome.NEVER_READY, f"the server was not ready within {ready_within:g}s{why}")
    return None
