"""The nodes that runs are on: what the provenance says of them, and by which name pods are sent to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import NODES, Cluster
from modelprofiler.cluster.gather.objects import conditions_of
from modelprofiler.cluster.gather.world import Node
from modelprofiler.errors import Refused

KEPT_IN_DOUBT_SECONDS = 10.0
"""A node that may have died is read anew this often. Kubernetes calls it not ready 40 to 50 s after its last sign."""

KEPT_SECONDS = 600.0
"""A node's kernel changes when it is started anew, which takes minutes: it is read once a run, or a few times."""


class Nodes:
    """Reads nodes, and keeps those that are ready for a while."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster, self._clock = cluster, clock
        self._kept: dict[str, tuple[datetime, Node]] = {}

    async def read(self, names: Iterable[str], *, in_doubt: bool = False) -> dict[str, Node]:
        """Return nodes by their names.

        Parameters
        ----------
        in_doubt
            Whether something has happened that may be the end of a node.

        Raises
        ------
        ClusterUnavailable
            When the API server does not answer.
        """
        kept = KEPT_IN_DOUBT_SECONDS if in_doubt else KEPT_SECONDS
        return {name: await self._one(name, kept) for name in dict.fromkeys(names)}

    async def _one(self, name: str, kept_seconds: float) -> Node:
        kept = self._kept.get(name)
        # A node that was not ready is read with every look: what it was would spoil the trial that comes after it.
        if kept is not None and not kept[1].not_ready and self._clock() - kept[0] < timedelta(seconds=kept_seconds):
            return kept[1]
        try:
            node = _node(name, await self._cluster.get(NODES, None, name))
        except Refused:  # it is gone, or nodes may not be read: its name is most often its host name
            node = Node(name, name)
        self._kept[name] = self._clock(), node
        return node


def _node(name: str, body: Object) -> Node:
    labels = body["metadata"].get("labels") or {}
    info = (body.get("status") or {}).get("nodeInfo") or {}
    return Node(
        name,
        labels.get("kubernetes.io/hostname") or name,
        labels.get("node.kubernetes.io/instance-type"),
        info.get("kernelVersion"),
        info.get("kubeletVersion"),
        _not_ready(body),
    )


def _not_ready(body: Object) -> str:
    """Return why a node is not ready; empty while it is, and where it says nothing about it."""
    condition = conditions_of(body).get("Ready") or {}
    if condition.get("status", "True") == "True":
        return ""
    return condition.get("message") or condition.get("reason") or "it says nothing about it"
