"""Samples from Prometheus: raw range vectors, so that each keeps the time at which cAdvisor took it.

``rate()`` and range queries would resample them; ``{...}[180s]`` evaluated at one instant does not. The client is
synchronous, so it runs in a thread.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import urllib3
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from requests.auth import AuthBase, HTTPBasicAuth

from modelprofiler.errors import MetricsUnavailable
from modelprofiler.metrics.cadvisor import FIELDS, Found, assemble
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef


class BearerTokenFile(AuthBase):
    """Log in with the token in a file, read again for every request: projected tokens are renewed in place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self.path.read_text(encoding='utf-8').strip()}"
        return request


class PrometheusSource:
    """cAdvisor's series as a Prometheus (or what speaks its query API) has them.

    Parameters
    ----------
    url
        Its address, path prefix included: ``https://prometheus.monitoring:9090``.
    bearer_token_file
        File with a token to log in with.
    basic_auth
        (user, password) to log in with instead.
    ca_file
        CA that signed its certificate; None: those the machine trusts.
    insecure
        Do not check the certificate.
    timeout
        Seconds for one query, all in all.
    """

    name = "Prometheus"

    def __init__(
        self,
        url: str,
        *,
        bearer_token_file: Path | None = None,
        basic_auth: tuple[str, str] | None = None,
        ca_file: Path | None = None,
        insecure: bool = False,
        timeout: float = 10.0,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        session = requests.Session()
        session.trust_env = False  # where Prometheus is and how to log in is the installer's to say, not a .netrc's
        session.verify = not insecure if ca_file is None or insecure else str(ca_file)
        if insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        auth: AuthBase | None = BearerTokenFile(bearer_token_file) if bearer_token_file else None
        if basic_auth:
            auth = HTTPBasicAuth(*basic_auth)
        self._client = PrometheusConnect(
            self.url,
            auth=auth,  # type: ignore[arg-type]  # handed to requests, which takes any of its AuthBase
            session=session,
            # Its default tries four times with growing pauses; whoever asks us bounds the tries instead.
            retry=urllib3.Retry(total=0, redirect=3),
            timeout=timeout,  # type: ignore[arg-type]  # handed to requests, which takes fractions
            method="POST",
        )

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` from `start` to `end`, see `MetricsSource.samples`."""
        results = await self._query(_selector(container, end - start), end)
        try:
            found = [Found(one["metric"], [(float(t), float(v)) for t, v in one["values"]]) for one in results]
        except (KeyError, TypeError, ValueError) as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} answered what is not a range vector") from error
        return assemble(found, container, (start, end), "Prometheus")

    async def close(self) -> None:
        """Close its connections."""
        self._client.close()

    async def _query(self, query: str, time: float) -> list[Mapping[str, Any]]:
        """Return the result of an instant query; the one place where the client's errors are translated."""
        params = {"time": f"{time:.3f}", "timeout": f"{self._timeout:g}s"}
        try:
            async with asyncio.timeout(self._timeout + 1):  # requests' own timeout is per read, not for the whole
                result = await asyncio.to_thread(self._client.custom_query, query, params)
        except TimeoutError as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} did not answer within {self._timeout:g} s") from error
        except PrometheusApiClientException as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} refused the query: {str(error)[:200]}") from error
        except requests.Timeout as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} did not answer within {self._timeout:g} s") from error
        except (requests.RequestException, OSError) as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} cannot be reached: {str(error)[:200]}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise MetricsUnavailable(f"what answers at {self.url} is not Prometheus") from error
        if not isinstance(result, list):
            raise MetricsUnavailable(f"what answers at {self.url} is not Prometheus")
        return result


def _selector(container: ContainerRef, seconds: float) -> str:
    """Return one query for all series of a container, raw, over so many seconds."""
    names = "|".join(FIELDS)
    labels = {"namespace": container.namespace, "pod": container.pod, "container": container.container}
    matchers = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    # One millisecond more: Prometheus 3 leaves the start of a range out, 2 does not; `assemble` cuts exactly.
    return f'{{__name__=~"{names}",{matchers}}}[{max(1, math.ceil(seconds * 1000) + 1)}ms]'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
