"""The operator as a whole: its parts put together, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from modelprofiler.cluster.adapter import NODES, PROFILES, Cluster, Credentials
from modelprofiler.cluster.controller import Controller
from modelprofiler.cluster.gather import glance
from modelprofiler.cluster.gather.cache import Children
from modelprofiler.cluster.gather.capacity import rooms
from modelprofiler.cluster.gather.measure import Sources
from modelprofiler.cluster.reconcile import Reconciler
from modelprofiler.cluster.settings import Settings
from modelprofiler.cluster.turns import Turns
from modelprofiler.errors import ModelProfilerError

log = logging.getLogger(__name__)

NODES_SECONDS = 60.0
"""How often the nodes are counted: one profile runs on each."""

QUEUE_SECONDS = 10.0
"""How often changed places in the queue are written, and the next profiles are woken again to be safe."""

PLACES_AT_ONCE = 25
"""Places that are written each time: two or three writes a second, however many profiles wait."""

STOP_SECONDS = 10.0


class Operator:
    """Everything that runs; `start` and `stop` once each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cluster: Cluster | None = None
        self._sources: Sources | None = None
        self._controller: Controller | None = None
        self._turns: Turns | None = None
        self._reconciler: Reconciler | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def workers(self) -> int:
        """Profiles that are being looked at."""
        return self._controller.busy if self._controller else 0

    @property
    def api_requests(self) -> dict[str, int]:
        """Requests sent to the API server so far, kopf's own aside."""
        if self._cluster is None:
            return {}
        return {"reads": self._cluster.traffic.reads, "writes": self._cluster.traffic.writes}

    @property
    def api_traffic(self) -> dict[str, dict[str, int]]:
        """The same by verb and resource, with bytes."""
        return self._cluster.traffic.to_dict() if self._cluster else {}

    @property
    def confined(self) -> bool:
        """Whether it serves some namespaces only."""
        return bool(self._settings.namespaces)

    async def credentials(self) -> Credentials:
        """Return how to log in to the API server."""
        if self._cluster is None:
            self._cluster = await Cluster.connect()
        return await self._cluster.credentials()

    async def start(self) -> None:
        """Connect, list every profile and child, then begin: the queue must know who runs before it gives a turn."""
        cluster = self._cluster or await Cluster.connect()
        self._cluster = cluster
        self._sources = Sources(cluster, self._settings)
        controller = Controller(lambda key: reconciler.reconcile(key), lambda key: turns.is_urgent(key))
        self._controller = controller
        turns = Turns(controller.wake, await self._slots(cluster))
        self._turns = turns
        children = Children(cluster, self._settings.namespaces)
        reconciler = Reconciler(cluster, self._sources, self._settings, turns, children)
        self._reconciler = reconciler
        for namespace in self._settings.namespaces or (None,):
            async for raw in cluster.each(PROFILES, namespace):
                turns.note(raw)
        await children.fill()
        controller.watch(children, self._settings.namespaces)
        self._tasks = [
            asyncio.create_task(self._count_nodes(cluster, turns), name="count nodes"),
            asyncio.create_task(self._tend_queue(controller, turns), name="tend queue"),
        ]
        log.info("serving %s", ", ".join(self._settings.namespaces) or "all namespaces")

    def changed(self, type_: str | None, raw: dict[str, Any]) -> None:
        """Note that a profile has changed, and look at it if there may be something to do."""
        assert self._controller is not None
        assert self._turns is not None
        key = glance.key_of(raw)
        if type_ == "DELETED":
            self._turns.forget(key)
            if self._reconciler is not None:
                self._reconciler.forget(raw)
            return
        self._turns.note(raw)
        if glance.is_over(raw) or glance.is_queued(raw):
            return  # nothing is to be done; the queue wakes it when it is its turn
        if self._reconciler is None or not self._reconciler.is_own_write(raw):
            self._controller.wake(key)

    async def stop(self) -> None:
        """Stop; the next operator continues whatever is under way."""
        for task in self._tasks:
            task.cancel()
        if self._controller:
            with contextlib.suppress(TimeoutError):  # what hangs ends with the process
                async with asyncio.timeout(STOP_SECONDS):
                    await self._controller.stop()
        if self._sources:
            await self._sources.close()
        if self._cluster:
            await self._cluster.close()

    async def _tend_queue(self, controller: Controller, turns: Turns) -> None:
        while True:
            turns.call_next()
            for key in turns.outdated(PLACES_AT_ONCE):
                controller.wake(key)
            await asyncio.sleep(QUEUE_SECONDS)

    async def _count_nodes(self, cluster: Cluster, turns: Turns) -> None:
        while True:
            await asyncio.sleep(NODES_SECONDS)
            turns.slots = await self._slots(cluster)

    async def _slots(self, cluster: Cluster) -> int:
        try:
            return max(1, len(rooms(await cluster.list(NODES), None)))
        except ModelProfilerError as error:
            log.warning("the nodes cannot be counted, so one profile runs at a time: %s", error)
            return 1
