"""Where the kubelets are, and the token that they are asked with: never the operator's own.

Whoever answers at a node's address sees the token. It is therefore one of a second account that may get nodes/metrics
and nothing else, requested for minutes at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from modelprofiler.cluster.adapter import NODES, Cluster
from modelprofiler.errors import MetricsUnavailable, Refused

KUBELET_PORT = 10250

ADDRESS_SECONDS = 60.0
"""How long an address is kept: a node that is made anew under its name has another one, and its old address may belong
to any machine."""

TOKEN_SECONDS = 600
"""How long a token is valid: the shortest time that the API server grants."""

RENEWAL_SECONDS = TOKEN_SECONDS / 2
"""Age at which a token is replaced, so that none ends on its way."""

_UNNAMED = "this installation names no service account for the kubelets (chart value kubelet.serviceAccount.name)"


class Kubelets:
    """Finds kubelets, and logs in to them.

    Parameters
    ----------
    cluster
        The API server.
    account
        ``NAMESPACE/NAME`` of the service account whose tokens the kubelets get; empty: there is none.
    clock
        Returns the time, in seconds of any clock.
    """

    def __init__(self, cluster: Cluster, account: str, clock: Callable[[], float]) -> None:
        self._cluster, self._account, self._clock = cluster, account, clock
        self._addresses: dict[str, tuple[float, str]] = {}
        self._token: tuple[float, str] | None = None
        self._lock = asyncio.Lock()

    async def address(self, node: str) -> str:
        """Return the URL of a node's kubelet.

        Raises
        ------
        MetricsUnavailable
            When the node is gone or may not be read.
        """
        kept = self._addresses.get(node)
        if kept is not None and self._clock() - kept[0] < ADDRESS_SECONDS:
            return kept[1]
        self._addresses = {name: old for name, old in self._addresses.items() if name != node}
        try:
            body = await self._cluster.get(NODES, None, node)
        except Refused as error:
            raise MetricsUnavailable(f"the address of node {node} cannot be read: {error}") from error
        status = body.get("status") or {}
        addresses = {a["type"]: a["address"] for a in status.get("addresses") or []}
        host = addresses.get("InternalIP") or addresses.get("Hostname") or node
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
        host = f"[{host}]" if ":" in host else host
        address = f"https://{host}:{port or KUBELET_PORT}"
        self._addresses[node] = self._clock(), address
        return address

    async def token(self) -> str:
        """Return a token for kubelets.

        Raises
        ------
        MetricsUnavailable
            When there is no account, or the API server grants no token of it.
        """
        async with self._lock:
            if self._token is None or self._clock() - self._token[0] >= RENEWAL_SECONDS:
                requested = self._clock()
                self._token = requested, await self._request()
            return self._token[1]

    async def _request(self) -> str:
        namespace, _, name = self._account.partition("/")
        if not name:
            raise MetricsUnavailable(_UNNAMED)
        try:
            body = await self._cluster.request_token(namespace, name, TOKEN_SECONDS)
        except Refused as error:
            raise MetricsUnavailable(f"no token of account {self._account} for the kubelets: {error}") from error
        return str(body["status"]["token"])
