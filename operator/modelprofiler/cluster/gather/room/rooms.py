"""What the nodes have left, read from the cluster; kept for a moment, since many profiles may be applied at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import NODES, PODS, Cluster
from modelprofiler.cluster.gather.objects import time_of
from modelprofiler.cluster.gather.room import capacity
from modelprofiler.cluster.gather.room.placement import Placement, Site
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import Refused

SITES_KEPT_SECONDS = 600.0
"""Which nodes there are changes seldom, and nothing goes wrong where it is noticed late."""

NEARLY_GONE_SECONDS = 30.0
"""Grace period that pods have by default. A server may wait for a node four times as long."""

KEPT_SECONDS = 5.0
"""Reading it takes every pod of the cluster."""


class Rooms:
    """Reads what the nodes have left.

    Parameters
    ----------
    cluster, settings
        The API server, what the installer decided.
    clock
        Returns the time, with a zone.
    is_of_run
        Returns whether a pod is of a run that has its turn, which is over when the next one begins: such pods do not
        count. Labels prove nothing, since whoever may create a pod chooses them.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        is_of_run: Callable[[Object], bool] = lambda pod: False,
    ) -> None:
        self._is_of_run = is_of_run
        self._cluster, self._settings, self._clock = cluster, settings, clock
        self._lock = asyncio.Lock()
        self._kept: tuple[datetime, list[capacity.Room] | None] | None = None
        self._sites: tuple[datetime, tuple[Site, ...] | None] | None = None

    async def read(self) -> list[capacity.Room] | None:
        """Return what the nodes have left, whether or not they take pods; None where they may not be read.

        Raises
        ------
        ClusterUnavailable
            When the API server does not answer.
        """
        async with self._lock:
            now = self._clock()
            if self._kept is None or now - self._kept[0] >= timedelta(seconds=KEPT_SECONDS):
                self._kept = now, await self._fresh()
            return self._kept[1]

    async def has_another(self, placement: Placement, than: Collection[str]) -> bool:
        """Return whether a pod may be placed on another node than those named; where nodes may not be read, it may.

        Raises
        ------
        ClusterUnavailable
            When the API server does not answer.
        """
        async with self._lock:
            now = self._clock()
            if self._sites is None or now - self._sites[0] >= timedelta(seconds=SITES_KEPT_SECONDS):
                await self._list()
            assert self._sites is not None, "listing nodes says which there are"
            sites = self._sites[1]
            return sites is None or any(s.name not in than and not placement.obstacle(s) for s in sites)

    async def _list(self) -> list[Object] | None:
        """Return the nodes; None where they may not be read."""
        nodes: list[Object] | None
        try:
            nodes = await self._cluster.list(NODES)
        except Refused:
            nodes = None
        self._sites = self._clock(), None if nodes is None else tuple(map(Site.of, nodes))
        return nodes

    async def _fresh(self) -> list[capacity.Room] | None:
        nodes = await self._list()
        if nodes is None:
            return None
        pods = None
        if not self._settings.namespaces:
            living = "status.phase!=Succeeded,status.phase!=Failed"
            try:
                pods = [
                    _request_of(pod)
                    async for pod in self._cluster.each(PODS, fields=living)
                    if not self._is_of_run(pod) and not self._is_nearly_gone(pod)
                ]
            except Refused:
                pods = None
        return capacity.every_room(nodes, pods)

    def _is_nearly_gone(self, pod: Object) -> bool:
        """Return whether a pod that is being deleted is gone sooner than a run needs its room.

        The scheduler counts it until it is gone; `deletionTimestamp` is when its grace period ends.
        """
        ends = time_of((pod.get("metadata") or {}).get("deletionTimestamp"))
        return ends is not None and ends - self._clock() <= timedelta(seconds=NEARLY_GONE_SECONDS)


def _request_of(pod: Object) -> Object:
    """Return of a pod what its room depends on: there may be ten thousand of them."""
    spec = pod.get("spec") or {}
    containers = {
        kind: [{"resources": c.get("resources"), "restartPolicy": c.get("restartPolicy")} for c in spec.get(kind) or ()]
        for kind in ("containers", "initContainers")
    }
    return {
        "spec": {"nodeName": spec.get("nodeName"), "overhead": spec.get("overhead"), **containers},
        "status": {"phase": (pod.get("status") or {}).get("phase")},
    }
