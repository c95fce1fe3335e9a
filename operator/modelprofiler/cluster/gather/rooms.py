"""What the nodes have left, read from the cluster; kept for a moment, since many profiles may be applied at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import NODES, PODS, Cluster
from modelprofiler.cluster.gather import capacity
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import Refused

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

    async def _fresh(self) -> list[capacity.Room] | None:
        try:
            nodes = await self._cluster.list(NODES)
        except Refused:
            return None
        pods = None
        if not self._settings.namespaces:
            living = "status.phase!=Succeeded,status.phase!=Failed"
            try:
                pods = [
                    _request_of(pod)
                    async for pod in self._cluster.each(PODS, fields=living)
                    if not self._is_of_run(pod)
                ]
            except Refused:
                pods = None
        return capacity.every_room(nodes, pods)


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
