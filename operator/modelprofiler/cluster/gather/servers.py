"""Reads servers: a Deployment and the one of its pods that serves. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.gather.objects import created, is_deleting, labels_of, true_conditions_of
from modelprofiler.cluster.gather.observation import Server
from modelprofiler.cluster.gather.pods import server_pod


def server(deployment: Object, container: str, pods: Iterable[Object]) -> Server:
    """Return what a Deployment and its pods show of one start of the server."""
    serving = serving_pod(deployment, pods)
    return Server(
        name=deployment["metadata"]["name"],
        incarnation=int(labels_of(deployment)[names.INCARNATION]),
        created=created(deployment),
        deleting=is_deleting(deployment),
        limits=names.limits_of(deployment),
        refusal=true_conditions_of(deployment).get("ReplicaFailure", {}).get("message") or "",
        pod=server_pod(serving, container) if serving else None,
    )


def serving_pod(deployment: Object, pods: Iterable[Object]) -> Object | None:
    """Return the pod that is the server, when there are two after a resize that failed or an eviction.

    It is the oldest that is not being deleted. A pod that is older than its Deployment most often belongs to an earlier
    Deployment of the same name and is about to go; but not always, since the clocks of API servers differ.
    """
    begun = deployment["metadata"]["creationTimestamp"]

    def order(pod: Object) -> tuple[bool, bool, str]:
        since: str = pod["metadata"]["creationTimestamp"]
        return is_deleting(pod), since < begun, since

    return min(pods, key=order, default=None)
