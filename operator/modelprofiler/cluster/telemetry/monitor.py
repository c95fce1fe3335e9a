"""The operator's HTTP server: /healthz, /readyz and, on a port of its own, /metrics."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

SHUTDOWN_SECONDS = 1.0
"""How long an answer that is being sent may hold up the end of the process."""


@dataclass(frozen=True)
class Health:
    """How the operator is.

    Attributes
    ----------
    problems
        What does not run although it should: only a new process helps.
    ready
        Whether it does what it is for: it serves, or stands by for one that does.
    details
        What else /healthz shows.
    """

    problems: list[str] = field(default_factory=list)
    ready: bool = True
    details: dict[str, Any] = field(default_factory=dict)


class Monitor:
    """Answers the probes of the kubelet and the questions of Prometheus.

    Parameters
    ----------
    health
        Returns how the operator is; called for every probe.
    registry
        What /metrics shows.
    """

    def __init__(self, health: Callable[[], Health], registry: CollectorRegistry) -> None:
        self._health = health
        self._registry = registry
        self._runners: list[web.AppRunner] = []

    async def start(self, probe_port: int, metrics_port: int) -> None:
        """Listen on both ports; 0: not on this one.

        Raises
        ------
        OSError
            When a port is in use.
        """
        if probe_port:
            await self._listen(probe_port, {"/healthz": self._live, "/readyz": self._ready})
        if metrics_port:
            await self._listen(metrics_port, {"/metrics": self._metrics})

    async def stop(self) -> None:
        """Close both."""
        for runner in self._runners:
            await runner.cleanup()

    async def _listen(self, port: int, routes: dict[str, Any]) -> None:
        app = web.Application(client_max_size=1)
        app.add_routes([web.get(path, handler) for path, handler in routes.items()])
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, None, port).start()

    async def _live(self, request: web.Request) -> web.Response:
        health = self._health()
        shown = {"problems": health.problems, **health.details} if _is_own_pod(request) else {}
        return _answer(200 if not health.problems else 500, shown)

    async def _ready(self, request: web.Request) -> web.Response:
        health = self._health()
        ready = health.ready and not health.problems
        shown = {"problems": health.problems} if _is_own_pod(request) else {}
        return _answer(200 if ready else 503, {"ready": ready, **shown})

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


def _is_own_pod(request: web.Request) -> bool:
    """Return whether a request came over the loopback interface: from this pod, or by ``kubectl port-forward``.

    A pod cannot let its kubelet in and keep other pods out, so nobody else is told more than a probe needs.
    """
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return peer is not None and ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")
