"""What is to be seen of a server's pod while it lives: by every source, by metrics-server, by its control group."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.cluster_truth.nodes import Group
from benchmarks.cluster_truth.rules import RESOLUTION_SECONDS, Point
from tests.e2e.support import Run

from modelprofiler.cluster import names
from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef, MetricsSource

LOOK_SECONDS = 1.0
ASK_SECONDS = 2.0
"""How often a source is asked, as the operator does while it waits for samples."""
BEFORE_SECONDS = 60.0
ANSWER_SECONDS = 15.0
PORT = 8080
"""Where the servers listen."""

_LINE = re.compile(r'^(\w+)\{container="([^"]*)",namespace="([^"]*)",pod="([^"]*)"\} (\S+)(?: (\d+))?$', re.MULTILINE)


@dataclass
class Seen:
    """All that was seen of one pod.

    Attributes
    ----------
    answers
        For each source what it answered, and when (seconds since the epoch).
    resource
        Its container in the scrapes of /metrics/resource.
    """

    container: ContainerRef
    created: float
    ready: float | None = None
    group: Group | None = None
    answers: dict[str, list[tuple[float, ContainerSamples]]] = field(default_factory=dict)
    resource: list[Point] = field(default_factory=list)


class Watch:
    """Looks at all servers in a namespace until it is stopped.

    Parameters
    ----------
    kubectl
        Reads as an administrator.
    sources
        What is asked for samples, by name.
    """

    def __init__(self, kubectl: Run, namespace: str, sources: Mapping[str, MetricsSource]) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._sources = sources
        self._tasks: list[asyncio.Task[None]] = []
        self._alive: set[str] = set()
        self._nodes: set[str] = set()
        self.pods: dict[str, Seen] = {}
        self.problems: dict[str, str] = {}
        """The first complaint of each source that had one; a container that is not known yet is one."""

    def start(self) -> None:
        """Begin."""
        self._tasks += [asyncio.create_task(self._look()), asyncio.create_task(self._read_resources())]

    async def stop(self) -> None:
        """End; what was seen stays."""
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if problems := [r for r in results if isinstance(r, Exception)]:
            raise problems[0]

    def pod_under(self, load_start: float) -> Seen:
        """Return the pod that had this load: the youngest that was there."""
        return max((s for s in self.pods.values() if s.created <= load_start), key=lambda s: s.created)

    async def _get(self, *arguments: str) -> str:
        completed = await asyncio.to_thread(self._kubectl, *arguments, timeout=ANSWER_SECONDS)
        return completed.stdout

    async def _look(self) -> None:
        selector = f"{names.COMPONENT}={names.SERVER}"
        while True:
            listed = json.loads(
                await self._get("get", "pods", "--namespace", self._namespace, "-l", selector, "-o", "json")
            )
            self._alive = {pod["metadata"]["uid"] for pod in listed["items"]}
            for pod in listed["items"]:
                self._take(pod)
            await asyncio.sleep(LOOK_SECONDS)

    def _take(self, pod: dict[str, Any]) -> None:
        meta, status = pod["metadata"], pod.get("status") or {}
        uid, node = meta["uid"], pod["spec"].get("nodeName")
        if not node:
            return
        if uid not in self.pods:
            ref = ContainerRef(self._namespace, meta["name"], pod["spec"]["containers"][0]["name"], uid, node)
            self.pods[uid] = Seen(ref, _time(meta["creationTimestamp"]))
            self._nodes.add(node)
            self._tasks += [asyncio.create_task(self._ask(name, self.pods[uid])) for name in self._sources]
        watched = self.pods[uid]
        ready = [c for c in status.get("conditions") or [] if c["type"] == "Ready" and c["status"] == "True"]
        if ready and watched.ready is None:
            watched.ready = _time(ready[0]["lastTransitionTime"])
        statuses = status.get("containerStatuses") or [{}]
        container_id = str(statuses[0].get("containerID") or "").rpartition("//")[2]
        if container_id and watched.group is None:
            watched.group = Group(node, container_id, PORT)

    async def _ask(self, name: str, watched: Seen) -> None:
        while watched.container.pod_uid in self._alive:
            now = time.time()
            try:
                samples = await self._sources[name].samples(watched.container, watched.created - BEFORE_SECONDS, now)
            except MetricsUnavailable as error:
                samples = ContainerSamples()
                self.problems.setdefault(name, str(error))
            watched.answers.setdefault(name, []).append((now, samples))
            await asyncio.sleep(ASK_SECONDS)

    async def _read_resources(self) -> None:
        """Read each node's /metrics/resource as often as metrics-server does."""
        while True:
            for node in sorted(self._nodes):
                self._keep(await self._get("get", "--raw", f"/api/v1/nodes/{node}/proxy/metrics/resource"))
            await asyncio.sleep(RESOLUTION_SECONDS)

    def _keep(self, text: str) -> None:
        content: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}
        for name, container, namespace, pod, value, stamp in _LINE.findall(text):
            if namespace == self._namespace:
                content.setdefault((pod, container), {})[name] = float(value), int(stamp or 0) / 1e3
        for watched in self.pods.values():
            one = content.get((watched.container.pod, watched.container.container), {})
            if {*one} >= {CPU, MEMORY, STARTED}:
                (cpu, at), (memory, _), (started, _) = one[CPU], one[MEMORY], one[STARTED]
                watched.resource.append(Point(at, cpu, memory, started))


CPU, MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
STARTED = "container_start_time_seconds"


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
