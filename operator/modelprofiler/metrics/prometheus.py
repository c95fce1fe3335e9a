"""Samples from Prometheus: raw range vectors, so that each keeps the time at which cAdvisor took it.

``rate()`` and range queries would resample them; ``{...}[180s]`` evaluated at one instant does not. The client is
synchronous and therefore runs in a thread.
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
from modelprofiler.metrics.cadvisor import FIELDS, RawSeries, assemble
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.source import ContainerRef

ERROR_CHARACTERS = 200
"""Characters of a client's error in a message: a sentence or two, since it ends up in a condition."""

REDIRECTS = 3
"""Redirects that are followed: an ingress in front of Prometheus may add a path, a slash or a scheme."""

CLIENT_GRACE = 1.0
"""Seconds beyond the timeout after which a query is given up. Prometheus and the client have the timeout, too, and
their own errors say more; but the client's is for each read, and not for the whole answer."""


class BearerTokenFile(AuthBase):
    """Authenticates with the token in a file, read again for every request: projected tokens are renewed in place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self.path.read_text(encoding='utf-8').strip()}"
        return request


class PrometheusSource:
    """cAdvisor's series, read from Prometheus or any server with its query API.

    Parameters
    ----------
    url
        Its base URL, path prefix included: ``https://prometheus.monitoring:9090``.
    bearer_token_file
        File with a token to authenticate with.
    basic_auth
        (user, password) to authenticate with instead.
    ca_file
        CA that signed its certificate; None for those that the machine trusts.
    insecure
        Do not verify the certificate.
    timeout
        Longest time of one query, in seconds.
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
        session.trust_env = False  # the installer says where Prometheus is and how to authenticate, not a .netrc
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
            # The client's default is four tries with growing pauses; here the caller decides when to try again.
            retry=urllib3.Retry(total=0, redirect=REDIRECTS),
            timeout=timeout,  # type: ignore[arg-type]  # handed to requests, which takes fractions
            method="POST",
        )

    async def samples(self, container: ContainerRef, start: float, end: float) -> ContainerSamples:
        """Return the samples of `container` from `start` to `end`, see `MetricsSource.samples`."""
        results = await self._query(_selector(container, end - start), end)
        try:
            series = [RawSeries(one["metric"], [(float(t), float(v)) for t, v in one["values"]]) for one in results]
        except (KeyError, TypeError, ValueError) as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} did not answer with a range vector") from error
        return assemble(series, container, (start, end), "Prometheus")

    async def close(self) -> None:
        """Close its connections."""
        self._client.close()

    async def _query(self, query: str, time: float) -> list[Mapping[str, Any]]:
        """Return the result of an instant query; the only place where the client's errors are translated."""
        params = {"time": f"{time:.3f}", "timeout": f"{self._timeout:g}s"}
        try:
            async with asyncio.timeout(self._timeout + CLIENT_GRACE):
                result = await asyncio.to_thread(self._client.custom_query, query, params)
        except TimeoutError as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} did not answer within {self._timeout:g} s") from error
        except PrometheusApiClientException as error:
            raise MetricsUnavailable(
                f"Prometheus at {self.url} refused the query: {str(error)[:ERROR_CHARACTERS]}"
            ) from error
        except requests.Timeout as error:
            raise MetricsUnavailable(f"Prometheus at {self.url} did not answer within {self._timeout:g} s") from error
        except (requests.RequestException, OSError) as error:
            raise MetricsUnavailable(
                f"Prometheus at {self.url} cannot be reached: {str(error)[:ERROR_CHARACTERS]}"
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise MetricsUnavailable(f"the server at {self.url} is not Prometheus") from error
        if not isinstance(result, list):
            raise MetricsUnavailable(f"the server at {self.url} is not Prometheus")
        return result


def _selector(container: ContainerRef, seconds: float) -> str:
    """Return one query for all raw series of a container over the last `seconds`."""
    names = "|".join(FIELDS)
    labels = {"namespace": container.namespace, "pod": container.pod, "container": container.container}
    matchers = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    # One millisecond more, since Prometheus 3 excludes the start of a range and 2 does not; `assemble` cuts exactly.
    return f'{{__name__=~"{names}",{matchers}}}[{max(1, math.ceil(seconds * 1000) + 1)}ms]'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
