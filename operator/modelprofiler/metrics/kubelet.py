"""Samples from the kubelet of the container's node, without Prometheus: https://<node>:10250/metrics/cadvisor.

The kubelet hands out only the latest sample of each series, so this source collects them by being asked every few
seconds; what was before the first question is not known. Needs the permission `nodes/metrics`, not `nodes/proxy`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.cadvisor import Found, assemble, belongs, is_node
from modelprofiler.metrics.exposition import PodLines
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef

SCRAPE_SECONDS = 4.0
"""A container's kubelet is asked at most this often."""
SAMPLE_SECONDS = 9.0
"""And not while its newest sample is younger than this: cAdvisor takes the next one 10-20 s after it. Each scrape costs
the measured node some 30 ms of CPU with ten pods on it, more with more."""
REMEMBERED_CONTAINERS = 64
REMEMBERED_SAMPLES = 1024
"""Of each series: more than three hours."""
LARGEST_EXPOSITION = 128 * 2**20
_CHUNK = 2**18

_SeriesKey = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Memory:
    """What was read of one container so far: for each set of labels, values by time."""

    scraped: float | None = None
    newest: float | None = None
    series: dict[_SeriesKey, dict[float, float]] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def due(self, now: float) -> bool:
        """Return whether the kubelet may have something new; with clocks that differ, asked too often or a bit late."""
        if self.scraped is not None and 0 <= now - self.scraped < SCRAPE_SECONDS:
            return False
        return self.newest is None or not 0 <= now - self.newest < SAMPLE_SECONDS

    def add(self, found: Found) -> None:
        values = self.series.setdefault(tuple(sorted(found.labels.items())), {})
        for at, value in found.points:
            if found.labels["__name__"] == "container_start_time_seconds":  # no time of its own: one sample a value
                values.clear()
            elif not is_node(found.labels):  # what is waited for is the container's
                self.newest = max(at, self.newest or at)
            values[at] = value
        while len(values) > REMEMBERED_SAMPLES:
            del values[min(values)]


class KubeletSource:
    """cAdvisor's series as the kubelet of the container's node has them.

    Parameters
    ----------
    address
        Returns the base URL of a node's kubelet, by the node's name: ``https://10.0.0.7:10250``.
    token_file
        File with the service account's token, read again for every scrape: it is renewed in place.
    ca_file
        CA that signed the kubelets' serving certificates; None: those the machine trusts.
    insecure
        Do not check the certificate: many clusters let kubelets sign their own.
    timeout
        Seconds for one scrape, all in all.
    clock
        Returns the time, seconds since the epoch.
    """

    name = "Kubelet"

    def __init__(
        self,
        address: Callable[[str], Awaitable[str]],
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        insecure: bool = False,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._token_file = token_file
        self._ca_file = ca_file
        self._insecure = insecure
        self._timeout = timeout
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._memory: OrderedDict[ContainerRef, _Memory] = OrderedDict()

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` seen so far from `start` to `end`, see `MetricsSource.samples`."""
        memory = self._memory.setdefault(container, _Memory())
        self._memory.move_to_end(container)
        while len(self._memory) > REMEMBERED_CONTAINERS:
            self._memory.popitem(last=False)
        async with memory.lock:
            now = self._clock()
            if memory.due(now):
                for found in await self._scrape(container, now):
                    memory.add(found)
                memory.scraped = now
        seen = (Found(dict(labels), values.items()) for labels, values in memory.series.items())
        return assemble(seen, container, (start, end), "Kubelet")

    async def close(self) -> None:
        """Close its connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _scrape(self, container: ContainerRef, now: float) -> list[Found]:
        """Return the latest sample of each series of `container`; the one place where client errors are translated."""
        node = container.node
        try:
            async with asyncio.timeout(self._timeout):
                return await self._read(await self._address(node), container, now)
        except TimeoutError as error:
            raise MetricsUnavailable(f"the kubelet of node {node} did not answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise MetricsUnavailable(f"the kubelet of node {node} cannot be read: {str(error)[:200]}") from error

    async def _read(self, base: str, container: ContainerRef, now: float) -> list[Found]:
        lines = PodLines(container.pod, now)
        found: list[Found] = []
        async with self._connected().get(f"{base.rstrip('/')}/metrics/cadvisor", headers=self._headers()) as response:
            if response.status in {401, 403}:
                raise MetricsUnavailable(
                    f"the kubelet of node {container.node} refused (HTTP {response.status}): "
                    "reading it needs the permission to get nodes/metrics"
                )
            if response.status != 200:
                raise MetricsUnavailable(f"the kubelet of node {container.node} answered HTTP {response.status}")
            size = 0
            async for chunk in response.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > LARGEST_EXPOSITION:
                    raise MetricsUnavailable(f"the kubelet of node {container.node} answered without end")
                found += lines.feed(chunk)
        return [one for one in (*found, *lines.finish()) if belongs(one.labels, container) or is_node(one.labels)]

    def _headers(self) -> dict[str, str]:
        # Not compressed: that would cost the measured node more than the few MB do.
        headers = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}
        if self._token_file:
            headers["Authorization"] = f"Bearer {self._token_file.read_text(encoding='utf-8').strip()}"
        return headers

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls: ssl.SSLContext | bool = False
            if not self._insecure:
                tls = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit_per_host=4))
        return self._session
