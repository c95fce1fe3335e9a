"""Samples from Prometheus: raw range vectors, so that each keeps the time at which cAdvisor took it.

``rate()`` and range queries would resample them; ``{...}[180s]`` evaluated at one instant does not. What answers is not
trusted: time, bytes, values and series are bounded, and a token is sent to no other address (`aiohttp` takes it off a
redirect to another origin). The clients of Prometheus' API are synchronous: an answer that trickles would keep a thread
of theirs for ever.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics import labels
from modelprofiler.metrics.bounded import (
    MOST_SERIES,
    UNCOMPRESSED,
    Token,
    check_labels,
    json_of,
    quoted,
    read_whole,
    session_of,
)
from modelprofiler.metrics.cadvisor import FIELDS, RawSeries, assemble
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef

REDIRECTS = 3
"""Redirects that are followed: an ingress in front of Prometheus may add a path or a slash."""

LARGEST_ANSWER = 8 * 2**20
"""Bytes of an answer: three hours of samples every second, for ten series, are 4 MB."""

MOST_VALUES = 400_000
"""Values of an answer, as `json_of` counts them: three for each sample of those three hours, and as many again."""

ASKED_AGAIN_SECONDS = 60.0
"""Seconds after which it is asked again why there are no samples of a container: a scrape may have come meanwhile."""

REMEMBERED_ANSWERS = 64
"""Containers of which the answer to that is kept: one for each active run."""


class PrometheusSource:
    """cAdvisor's series, read from Prometheus or any server with its query API.

    Parameters
    ----------
    url
        Its base URL, path prefix included: ``https://prometheus.monitoring:9090``.
    token
        Returns a bearer token to authenticate with.
    basic_auth
        Returns the user and the password, separated by a colon, to authenticate with instead.
    headers
        Further headers of each request, such as the one that names a tenant.
    ca_file
        CA that signed its certificate; None for those that the machine trusts.
    insecure
        Do not verify the certificate.
    timeout
        Longest time of one query, in seconds.
    clock
        Returns the time, in seconds of any clock.
    """

    name = "Prometheus"

    def __init__(
        self,
        url: str,
        *,
        token: Token | None = None,
        basic_auth: Token | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        insecure: bool = False,
        timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._who = f"Prometheus at {self.url}"
        self._timeout = timeout
        self._token = token
        self._basic_auth = basic_auth
        self._headers = dict(headers or {})
        self._clock = clock
        self._reasons: OrderedDict[ContainerRef, tuple[float, str]] = OrderedDict()
        self._ca_file = ca_file
        self._insecure = insecure
        self._session: aiohttp.ClientSession | None = None

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` from `start` to `end`, see `MetricsSource.samples`."""
        results = await self._query(_selector(container, end - start), end)
        if len(results) > MOST_SERIES:
            raise MetricsUnavailable(f"{self._who} sent more than {MOST_SERIES} series of {container}")
        try:
            series = [RawSeries(one["metric"], [(float(t), float(v)) for t, v in one["values"]]) for one in results]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise MetricsUnavailable(f"{self._who} did not answer with a range vector") from error
        for one in series:
            check_labels(one.labels, self._who)
        samples = assemble(series, container, (start, end), "Prometheus")
        return samples or replace(samples, warning=await self._why_none(container, end))

    async def _why_none(self, container: ContainerRef, end: float) -> str:
        """Return why there are no samples of a container, as a clause; empty where nothing is known to be wrong."""
        asked, reason = self._reasons.get(container, (-math.inf, ""))
        if self._clock() - asked >= ASKED_AGAIN_SECONDS:
            reason = await self._reason(container, end)
            self._reasons[container] = self._clock(), reason
            self._reasons.move_to_end(container)
            while len(self._reasons) > REMEMBERED_ANSWERS:
                self._reasons.popitem(last=False)
        return reason

    async def _reason(self, container: ContainerRef, end: float) -> str:
        try:
            rows = [row.get("metric") for row in await self._query(labels.question(container), end)]
            if len(rows) > MOST_SERIES:
                return ""
            for row in rows:
                check_labels(row, self._who)
        except (MetricsUnavailable, AttributeError):
            return ""  # it is not needed, and what is wrong with Prometheus is said when samples are asked for
        return labels.answer(container, [row for row in rows if isinstance(row, dict)], self._who)

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _query(self, query: str, time: float) -> Sequence[Mapping[str, Any]]:
        """Return the result of an instant query; the only place where the client's errors are translated."""
        form = {"query": query, "time": f"{time:.3f}", "timeout": f"{self._timeout:g}s"}
        try:
            async with asyncio.timeout(self._timeout):
                return await self._ask(form)
        except TimeoutError as error:
            raise MetricsUnavailable(f"{self._who} did not answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise MetricsUnavailable(f"{self._who} cannot be reached: {quoted(error)}") from error

    async def _ask(self, form: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        headers = {**self._headers, **UNCOMPRESSED}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {await self._token()}"
        elif self._basic_auth is not None:
            headers["Authorization"] = f"Basic {b64encode((await self._basic_auth()).encode()).decode()}"
        address = f"{self.url}/api/v1/query"
        request = self._connected().post(address, data=form, headers=headers, max_redirects=REDIRECTS)
        async with request as response:
            body = await read_whole(response, self._who, LARGEST_ANSWER)
            if response.status != 200:
                reason = f": {_error_in(body)}" if body else ""
                raise MetricsUnavailable(f"{self._who} refused the query: HTTP {response.status}{reason}")
        answer = json_of(body, self._who, MOST_VALUES)
        result = answer.get("data") if isinstance(answer, dict) else None
        rows = result.get("result") if isinstance(result, dict) else None
        if not isinstance(rows, list):
            raise MetricsUnavailable(f"the server at {self.url} is not Prometheus")
        return rows

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls: ssl.SSLContext | bool = False
            if not self._insecure:
                tls = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            self._session = session_of(aiohttp.TCPConnector(ssl=tls))
        return self._session


def _error_in(body: bytes) -> str:
    """Return what an error says: Prometheus' own sentence, or the beginning of what something else wrote."""
    text = body[:2000].decode("utf-8", "replace")
    try:
        answer = json_of(body, "it", MOST_VALUES)
    except MetricsUnavailable:
        return quoted(text)
    return quoted(answer["error"] if isinstance(answer, dict) and isinstance(answer.get("error"), str) else text)


def _selector(container: ContainerRef, seconds: float) -> str:
    """Return one query for all raw series of a container over the last `seconds`."""
    names = "|".join(FIELDS)
    labels = {"namespace": container.namespace, "pod": container.pod, "container": container.container}
    matchers = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    # One millisecond more, since Prometheus 3 excludes the start of a range and 2 does not; `assemble` cuts exactly.
    return f'{{__name__=~"{names}",{matchers}}}[{max(1, math.ceil(seconds * 1000) + 1)}ms]'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
