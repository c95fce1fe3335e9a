"""The operator as a whole: its parts put together, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from modelprofiler.cluster.adapter import Cluster
from modelprofiler.cluster.credentials import Credentials
from modelprofiler.cluster.gather.measure import Sources
from modelprofiler.cluster.leader import Leadership
from modelprofiler.cluster.serving import Serving
from modelprofiler.cluster.settings import Settings
from modelprofiler.cluster.telemetry.metrics import Metrics, Snapshot
from modelprofiler.cluster.telemetry.monitor import Health, Monitor

log = logging.getLogger(__name__)


class Operator:
    """Everything that runs; `start` and `stop` once each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cluster: Cluster | None = None
        self._sources: Sources | None = None
        self._leadership: Leadership | None = None
        self._serving: Serving | None = None
        self._leading: asyncio.Task[None] | None = None
        self._metrics = Metrics(self._snapshot)
        self._monitor = Monitor(self.health, self._metrics.registry)

    @property
    def serving(self) -> Serving | None:
        """What runs while this operator leads; None while it stands by."""
        return self._serving

    @property
    def confined(self) -> bool:
        """Whether it serves some namespaces only."""
        return bool(self._settings.namespaces)

    def health(self) -> Health:
        """Return how the operator is, for the kubelet's probes."""
        problems = self._serving.problems() if self._serving else []
        if self._leading is not None and self._leading.done():
            problems.append("the task 'lead' has ended")
        leads, holder = (self._leadership.leads, self._leadership.holder) if self._leadership else (False, "")
        traffic = self._cluster.traffic if self._cluster else None
        details = {
            "leads": leads,
            "holder": holder,
            "workers": self._serving.controller.busy if self._serving else 0,
            "apiRequests": {"reads": traffic.reads, "writes": traffic.writes} if traffic else {},
            "apiTraffic": traffic.to_dict() if traffic else {},
        }
        ready = self._serving.begun if self._serving else bool(holder)
        return Health(problems, ready, details)

    async def credentials(self) -> Credentials:
        """Return how to log in to the API server."""
        if self._cluster is None:
            self._cluster = await Cluster.connect()
        return await self._cluster.credentials()

    async def start(self) -> None:
        """Connect, answer probes, and serve as soon as no other operator does."""
        if self._cluster is None:
            self._cluster = await Cluster.connect()
        settings = self._settings
        self._sources = Sources(self._cluster, settings)
        await self._monitor.start(settings.liveness_port, settings.metrics_port)
        identity = settings.pod_name or "modelprofiler"
        self._leadership = Leadership(self._cluster, settings.lease_namespaces, identity)
        self._leading = asyncio.create_task(self._leadership.keep(self._serve), name="lead")

    def changed(self, type_: str | None, raw: dict[str, Any]) -> None:
        """Note that a profile has changed; who stands by lists all of them when it is its turn."""
        if type_ == "DELETED":
            self._metrics.forget(raw["metadata"]["uid"])
        if self._serving is not None:
            self._serving.changed(type_, raw)

    async def stop(self) -> None:
        """Stop; the next operator continues whatever is under way."""
        if self._leading is not None:
            self._leading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._leading
        await self._monitor.stop()
        if self._sources:
            await self._sources.close()
        if self._cluster:
            await self._cluster.close()

    async def _serve(self) -> None:
        assert self._cluster is not None
        assert self._sources is not None
        self._serving = Serving(self._cluster, self._sources, self._settings, self._metrics)
        try:
            await self._serving.run()
        finally:
            self._serving = None

    def _snapshot(self) -> Snapshot:
        serving, traffic = self._serving, self._cluster.traffic if self._cluster else None
        return Snapshot(
            profiles=serving.profiles if serving else Snapshot().profiles,
            waiting=serving.turns.waiting if serving else 0,
            running=serving.turns.running if serving else 0,
            slots=serving.turns.slots if serving else 0,
            leads=self._leadership.leads if self._leadership else False,
            busy=serving.controller.busy if serving else 0,
            requests=traffic.to_dict() if traffic else {},
            failed_requests=dict(traffic.failures) if traffic else {},
            source_errors=dict(self._sources.errors) if self._sources else {},
        )
