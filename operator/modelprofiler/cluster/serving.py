"""What runs while this operator serves: the queue, the watches, the looks at profiles; made anew each time it leads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import NODES, PROFILES, Cluster
from modelprofiler.cluster.controller import Controller
from modelprofiler.cluster.gather import glance
from modelprofiler.cluster.gather.cache import Children
from modelprofiler.cluster.gather.measure import Sources
from modelprofiler.cluster.gather.room.capacity import rooms
from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.reconcile import Reconciler
from modelprofiler.cluster.settings import Settings
from modelprofiler.cluster.telemetry.logs import about, set_about
from modelprofiler.cluster.telemetry.metrics import REASONS, Metrics, known
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

STALLED_SECONDS = 60.0
"""How old the last round of the queue may be: six of its rounds, in which a busy node has given the loop its turn."""


class Serving:
    """Everything that serves; `run` once.

    Parameters
    ----------
    cluster, sources, settings
        The API server, where usage is read, what the installer decided.
    metrics
        Where finished trials, runs and looks are counted.
    """

    def __init__(self, cluster: Cluster, sources: Sources, settings: Settings, metrics: Metrics) -> None:
        self._cluster = cluster
        self._settings = settings
        self.controller = Controller(self._look, lambda key: self.turns.is_urgent(key))
        self.turns = Turns(self.controller.wake, share=settings.limits_namespace_share)
        self._children = Children(cluster, settings.namespaces)
        self.reconciler = Reconciler(cluster, sources, settings, self.turns, self._children, metrics)
        self._metrics = metrics
        self._standing: dict[Key, tuple[str, str]] = {}
        """State and reason of every profile, as its last event showed them."""
        self._early: dict[Key, None] | None = {}
        """Profiles to look at once everything is known; None: everything is."""
        self._tasks: list[asyncio.Task[None]] = []
        self._round = time.monotonic()
        """When the queue was tended last."""

    @property
    def profiles(self) -> Counter[tuple[str, str]]:
        """How many profiles there are, by state and reason."""
        return Counter(self._standing.values())

    @property
    def begun(self) -> bool:
        """Whether every profile and child was listed, so that decisions are made."""
        return self._early is None

    def problems(self) -> list[str]:
        """Return what does not run although it should; the process can only be started anew then."""
        ended = [task.get_name() for task in (*self._tasks, *self.controller.watches) if task.done()]
        problems = [f"the task '{name}' has ended" for name in ended]
        if self.begun and time.monotonic() - self._round > STALLED_SECONDS:
            problems.append(f"the queue was not tended for {STALLED_SECONDS:.0f} s")
        return problems

    async def run(self) -> None:
        """List every profile and child, then serve until cancelled: who runs is known before anybody gets a turn.

        Raises
        ------
        ClusterUnavailable, Refused
            When the API server does not list them.
        """
        try:
            await self._begin()
            await asyncio.Event().wait()
        finally:
            await self._stop()

    def changed(self, type_: str | None, raw: Object) -> None:
        """Note that a profile has changed, and look at it if there may be something to do."""
        key = glance.key_of(raw)
        if type_ == "DELETED":
            self.turns.forget(key)
            self.reconciler.forget(raw)
            self._standing.pop(key, None)
            if self._early is not None:
                self._early.pop(key, None)
            return
        self.turns.note(raw)
        self._standing[key] = glance.state_of(raw).value, known(glance.reason_of(raw), REASONS)
        if glance.is_over(raw) or glance.is_queued(raw):
            return  # nothing is to be done; the queue wakes it when it is its turn
        if self._early is not None:
            self._early[key] = None
        elif not self.reconciler.is_own_write(raw):
            self.controller.wake(key)

    async def _look(self, key: Key) -> float | None:
        set_about(about(key, {}))
        began, result = time.monotonic(), "error"
        try:
            wait = await self.reconciler.reconcile(key)
            result = "success"
        except (ModelProfilerError, TimeoutError):
            result = "unavailable"
            raise
        finally:
            self._metrics.look_ended(time.monotonic() - began, result)
        return wait

    async def _begin(self) -> None:
        self.turns.places.ordinary = await self._ordinary_nodes()
        for namespace in self._settings.namespaces or (None,):
            async for raw in self._cluster.each(PROFILES, namespace):
                self.changed(None, raw)
        await self._children.fill()
        self.controller.watch(self._children, self._settings.namespaces)
        early, self._early = self._early or {}, None
        for key in early:
            self.controller.wake(key)
        self._round = time.monotonic()
        self._tasks = [
            asyncio.create_task(self._count_nodes(), name="count nodes"),
            asyncio.create_task(self._tend_queue(), name="tend queue"),
        ]
        log.info("serving %s", ", ".join(self._settings.namespaces) or "all namespaces")

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):  # what hangs ends with the process
            async with asyncio.timeout(STOP_SECONDS):
                await self.controller.stop()
        self._cluster.listeners.remove(self._children)

    async def _tend_queue(self) -> None:
        while True:
            self._round = time.monotonic()
            self.turns.call_next()
            for key in self.turns.outdated(PLACES_AT_ONCE):
                self.controller.wake(key)
            await asyncio.sleep(QUEUE_SECONDS)

    async def _count_nodes(self) -> None:
        while True:
            await asyncio.sleep(NODES_SECONDS)
            self.turns.places.ordinary = await self._ordinary_nodes()

    async def _ordinary_nodes(self) -> frozenset[str]:
        """Return the nodes that take a pod which asks for nothing; none where they cannot be read."""
        try:
            return frozenset(room.node for room in rooms(await self._cluster.list(NODES), None))
        except ModelProfilerError as error:
            log.warning("the nodes cannot be counted, so one profile runs at a time: %s", error)
            return frozenset()
