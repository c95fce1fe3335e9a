"""Samples from the kubelet of the container's node, without Prometheus: https://<node>:10250/metrics/cadvisor.

The kubelet exposes only the latest sample of each series. This source must therefore be asked every few seconds and
collects the samples itself; those before the first question are not known. It needs the permission `nodes/metrics`, not
`nodes/proxy`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.bounded import (
    CHUNK,
    MOST_SERIES,
    UNCOMPRESSED,
    Token,
    check_encoding,
    check_labels,
    quoted,
    session_of,
)
from modelprofiler.metrics.cadvisor import RawSeries, assemble, belongs, is_node
from modelprofiler.metrics.exposition import LONGEST_LINE, PodLines
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef

SCRAPE_SECONDS = 4.0
"""Shortest time between two scrapes for one container. Each costs the measured node some 30 ms of CPU with ten pods on
it, and more with more, which is less than 1 % of a core at this interval."""
SAMPLE_SECONDS = 9.0
"""Age of the newest sample below which there is no scrape: cAdvisor takes the next one 10-20 s after it."""
REMEMBERED_CONTAINERS = 64
"""Containers whose samples are kept: one for each active run, and there is at most one active run per node."""
REMEMBERED_SAMPLES = 1024
"""Samples kept of each series: at one every 10 s, nearly three hours."""
LARGEST_EXPOSITION = 128 * 2**20
"""Bytes after which an answer is given up: a node with 200 pods exposes 10 MB."""
MOST_PARSED = 10_000
"""Series of one pod that are parsed: thirty containers with ten metrics each, and one of these for each of 300 CPUs."""
REMEMBERED_SERIES = 64
"""Series kept of each container: ten metrics, each of a few containers that followed each other in the pod."""

_SeriesKey = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Memory:
    """The samples of one container so far: for each set of labels, values by time."""

    scraped: float | None = None
    newest: float | None = None
    series: OrderedDict[_SeriesKey, dict[float, float]] = field(default_factory=OrderedDict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def due(self, now: float) -> bool:
        """Return whether the kubelet may have a new sample; where clocks differ, this is too often or a little late."""
        if self.scraped is not None and 0 <= now - self.scraped < SCRAPE_SECONDS:
            return False
        return self.newest is None or not 0 <= now - self.newest < SAMPLE_SECONDS

    def add(self, raw: RawSeries) -> None:
        key = tuple(sorted(raw.labels.items()))
        values = self.series.setdefault(key, {})
        self.series.move_to_end(key)
        while len(self.series) > REMEMBERED_SERIES:
            self.series.popitem(last=False)
        for at, value in raw.points:
            if raw.labels["__name__"] == "container_start_time_seconds":  # without a timestamp: only the last is kept
                values.clear()
            elif not is_node(raw.labels):  # the next sample of the container is waited for, not the node's
                self.newest = max(at, self.newest or at)
            values[at] = value
        while len(values) > REMEMBERED_SAMPLES:
            del values[min(values)]


class KubeletSource:
    """cAdvisor's series, read from the kubelet of the container's node.

    Parameters
    ----------
    address
        Returns the base URL of a node's kubelet, by the node's name: ``https://10.0.0.7:10250``.
    token
        Returns a token of an account that may read the kubelets' metrics, and nothing else: it is sent to whoever
        answers at the node's address.
    ca_file
        CA that signed the kubelets' serving certificates; None for those that the machine trusts.
    insecure
        Do not verify the certificate: in many clusters kubelets sign their own.
    timeout
        Longest time of one scrape, in seconds.
    clock
        Returns the time, seconds since the epoch.
    """

    name = "Kubelet"

    def __init__(
        self,
        address: Callable[[str], Awaitable[str]],
        *,
        token: Token | None = None,
        ca_file: Path | None = None,
        insecure: bool = False,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._token = token
        self._ca_file = ca_file
        self._insecure = insecure
        self._timeout = timeout
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._memory: OrderedDict[ContainerRef, _Memory] = OrderedDict()

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` collected so far, from `start` to `end`; see `MetricsSource.samples`."""
        memory = self._memory.setdefault(container, _Memory())
        self._memory.move_to_end(container)
        while len(self._memory) > REMEMBERED_CONTAINERS:
            self._memory.popitem(last=False)
        async with memory.lock:
            now = self._clock()
            if memory.due(now):
                for raw in await self._scrape(container, now):
                    memory.add(raw)
                memory.scraped = now
        collected = (RawSeries(dict(labels), values.items()) for labels, values in memory.series.items())
        return assemble(collected, container, (start, end), "Kubelet")

    async def close(self) -> None:
        """Close its connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _scrape(self, container: ContainerRef, now: float) -> list[RawSeries]:
        """Return the latest sample of each series of `container`; the only place where client errors are translated."""
        node = container.node
        try:
            async with asyncio.timeout(self._timeout):
                return await self._read(await self._address(node), container, now)
        except TimeoutError as error:
            raise MetricsUnavailable(f"the kubelet of node {node} did not answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise MetricsUnavailable(f"the kubelet of node {node} cannot be read: {quoted(error)}") from error

    async def _read(self, base: str, container: ContainerRef, now: float) -> list[RawSeries]:
        who = f"the kubelet of node {container.node}"
        request = self._connected().get(
            f"{base.rstrip('/')}/metrics/cadvisor", headers=await self._headers(), allow_redirects=False
        )
        async with request as response:
            if response.status in {401, 403}:
                raise MetricsUnavailable(
                    f"{who} refused access (HTTP {response.status}): "
                    "the operator's account for kubelets needs the permission to get nodes/metrics"
                )
            if response.status != 200:
                raise MetricsUnavailable(f"{who} answered HTTP {response.status}")
            check_encoding(response, who)
            return await _series_in(response.content, who, container, now)

    async def _headers(self) -> dict[str, str]:
        headers = {"Accept": "text/plain;version=0.0.4", **UNCOMPRESSED}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {await self._token()}"
        return headers

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls: ssl.SSLContext | bool = False
            if not self._insecure:
                tls = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            self._session = session_of(aiohttp.TCPConnector(ssl=tls, limit_per_host=4))
        return self._session


async def _series_in(content: aiohttp.StreamReader, who: str, container: ContainerRef, now: float) -> list[RawSeries]:
    """Return the series of `container` and of its node in an exposition, which may be of any size and not be one."""
    lines = PodLines(container.pod, now)
    kept: list[RawSeries] = []
    parsed = 0

    def take(series: Iterable[RawSeries]) -> None:
        nonlocal parsed
        for raw in series:
            parsed += 1
            if belongs(raw.labels, container) or is_node(raw.labels):
                check_labels(raw.labels, who)
                kept.append(raw)
            if len(kept) > MOST_SERIES or parsed > MOST_PARSED:
                raise MetricsUnavailable(f"{who} sent more than {MOST_SERIES} series of {container}")

    size = 0
    async for chunk in content.iter_chunked(CHUNK):
        size += len(chunk)
        if size > LARGEST_EXPOSITION:
            raise MetricsUnavailable(f"{who} sent more than {LARGEST_EXPOSITION >> 20} MiB of metrics")
        take(lines.feed(chunk))
        if lines.is_endless:
            raise MetricsUnavailable(f"{who} sent a line of more than {LONGEST_LINE >> 10} KiB, which is no metric")
    take(lines.finish())
    return kept
