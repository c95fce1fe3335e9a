"""The only module that talks to the API server; it sends and returns plain dicts.

The client's generated models drop fields that they do not know, so they are not used. Errors of the client are
translated into those of `modelprofiler.errors` here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException
from kubernetes.aio.stream import WsApiClient

from modelprofiler.api.objects import Object, controller_of
from modelprofiler.cluster import answers
from modelprofiler.cluster.answers import check_controller, error_of
from modelprofiler.cluster.credentials import Credentials
from modelprofiler.cluster.pages import PAGE, PageTooLarge, largest, read_page, smaller
from modelprofiler.cluster.paths import path_of
from modelprofiler.cluster.traffic import Traffic, name_of
from modelprofiler.errors import AlreadyExists, ClusterUnavailable, ModelProfilerError, NotFound

log = logging.getLogger(__name__)

REQUEST_TIMEOUT_SECONDS, WRITE_TIMEOUT_SECONDS = 20.0, 35.0
"""A write waits for admission webhooks, which may take 30 s; only the API server says which one did not answer."""
WATCH_TIMEOUT_SECONDS = 240.0
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


@dataclass(frozen=True)
class Kind:
    """Where a kind of object is served."""

    prefix: str
    plural: str


PROFILES = Kind("/apis/modelprofiler.io/v1alpha1", "modelprofiles")
DEPLOYMENTS = Kind("/apis/apps/v1", "deployments")
JOBS = Kind("/apis/batch/v1", "jobs")
PODS = Kind("/api/v1", "pods")
CONFIG_MAPS = Kind("/api/v1", "configmaps")
EVENTS = Kind("/api/v1", "events")
NODES = Kind("/api/v1", "nodes")
CLAIMS = Kind("/api/v1", "persistentvolumeclaims")
NAMESPACES = Kind("/api/v1", "namespaces")
QUOTAS = Kind("/api/v1", "resourcequotas")
ACCOUNTS = Kind("/api/v1", "serviceaccounts")
LEASES = Kind("/apis/coordination.k8s.io/v1", "leases")
DISCOVERY = Kind("", "api")  # its object v1 lists the resources of the core group


class Listener(Protocol):
    """Takes in what is written of some kinds of objects, by the answers of the API server."""

    def follows(self, kind: Kind) -> bool:
        """Return whether it wants to know of a kind."""

    def wrote(self, kind: Kind, body: Object) -> None:
        """Take in an object that was created or changed."""

    def deleted(self, kind: Kind, namespace: str, name: str) -> None:
        """Take in that an object was deleted."""


class Cluster:
    """An API server.

    Every call takes at most its timeout and raises `ClusterUnavailable`, `Conflict`, `NotFound` or `Refused`.
    """

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self.traffic = Traffic()
        self.listeners: list[Listener] = []

    @classmethod
    async def connect(cls, context: str | None = None) -> Cluster:
        """Connect from inside a pod, or else as the kubeconfig says.

        Parameters
        ----------
        context
            A context of the kubeconfig, which is then used inside a pod too; by default its current one.

        Raises
        ------
        ModelProfilerError
            When there is neither.
        """
        settings = client.Configuration()
        # The client's functions that are called here have no types.
        try:
            if context is not None:
                raise ConfigException("a context is of the kubeconfig")
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        except ConfigException:
            try:
                await config.load_kube_config(context=context, client_configuration=settings)  # type: ignore[no-untyped-call]
            except Exception as error:  # the client checks little of the file, and raises whatever it stumbles over
                raise ModelProfilerError(
                    f"no cluster: this is not a pod with a service account, and the kubeconfig says: {error}"
                ) from error
        sys.setrecursionlimit(max(answers.RECURSION_LIMIT, sys.getrecursionlimit()))
        settings.connection_pool_maxsize = 64
        # aiohttp would read .netrc and the proxy variables anew for every request: a tenth of all the operator's CPU.
        settings.client_session_kwargs = {"trust_env": False}
        return cls(client.ApiClient(configuration=settings))

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

    @property
    def ca_file(self) -> str | None:
        """File with the CA of the API server's certificate."""
        path: str | None = self._api.configuration.ssl_ca_cert
        return path

    async def credentials(self) -> Credentials:
        """Return what the client itself logs in with; a token is read anew, since it is renewed in place."""
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        value = next((text for name, text in headers.items() if name.lower() == "authorization"), "")
        used = self._api.configuration
        return Credentials(used.host, used.ssl_ca_cert, value.split(" ")[-1] or None, used.cert_file, used.key_file)

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """Return an object."""
        return await self._call("GET", _path(kind, namespace, name))

    async def list(
        self, kind: Kind, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> list[Object]:
        """Return the objects of a namespace, or of all, that match the label and field selectors."""
        return [item async for item in self.each(kind, namespace, selector, fields)]

    async def each(
        self, kind: Kind, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> AsyncIterator[Object]:
        """Yield what `list` returns, without ever holding more than a page of it."""
        async for page in self._pages(kind, namespace, selector, fields):
            for item in page.get("items") or []:
                yield item

    async def snapshot(
        self, kind: Kind, namespace: str | None, selector: str, keep: Callable[[Object], Object]
    ) -> tuple[Sequence[Object], str]:
        """Return what is to be kept of what `list` returns, and the version that it is of: where a watch goes on."""
        items: Sequence[Object] = []
        version = ""
        async for page in self._pages(kind, namespace, selector, ""):
            items = [*items, *map(keep, page.get("items") or [])]
            version = version or str((page.get("metadata") or {}).get("resourceVersion") or "")
        return items, version

    async def _pages(self, kind: Kind, namespace: str | None, selector: str, fields: str) -> AsyncIterator[Object]:
        limit = PAGE
        query = {"labelSelector": selector, "fieldSelector": fields}
        while True:
            query["limit"] = str(limit)
            try:
                page = await self._call("GET", _path(kind, namespace), query=query, most=largest(limit))
            except PageTooLarge:
                limit = smaller(limit)
                continue
            yield page
            query["continue"] = (page.get("metadata") or {}).get("continue") or ""
            if not query["continue"]:
                return

    async def create(self, kind: Kind, namespace: str, body: Object, *, dry_run: bool = False) -> Object | None:
        """Create an object; that it exists already is success, since names are deterministic.

        A dry run creates nothing, and is strict: a misspelt field, which would be dropped, is refused.

        Returns
        -------
        Object | None
            What is there now; None where something of this name, which nobody controls, existed already.

        Raises
        ------
        NameTaken
            When an object exists already that has another controller than the one that was to be created.
        """
        query = {"dryRun": "All", "fieldValidation": "Strict"} if dry_run else {}
        listeners = [] if dry_run else [listener for listener in self.listeners if listener.follows(kind)]
        try:
            made = await self._call("POST", _path(kind, namespace), body=body, query=query)
        except AlreadyExists:
            if dry_run:
                raise
            if not listeners and not controller_of(body):
                return None
            made = await self.get(kind, namespace, body["metadata"]["name"])
            check_controller(kind.plural, body, made)
        for listener in listeners:
            listener.wrote(kind, made)
        return made

    async def request_token(self, namespace: str, account: str, seconds: int) -> Object:
        """Return the TokenRequest with a new token of a service account."""
        spec = {"expirationSeconds": seconds}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return await self._call("POST", f"{_path(ACCOUNTS, namespace, account)}/token", body=body)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Object,
        *,
        subresource: str = "",
        content_type: str = MERGE_PATCH,
    ) -> Object:
        """Patch an object; a ``metadata.resourceVersion`` in the body makes it conditional."""
        path = _path(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        patched = await self._call("PATCH", path, body=body, content_type=content_type)
        for listener in self.listeners:
            listener.wrote(kind, patched)
        return patched

    async def replace_status(self, kind: Kind, body: Object) -> Object:
        """Write an object's status as a whole, provided that the object has not changed since it was read."""
        meta = body["metadata"]
        path = _path(kind, meta["namespace"], meta["name"]) + "/status"
        return await self._call("PUT", path, body=answers.with_status_only(body))

    async def replace(self, kind: Kind, body: Object) -> Object:
        """Write an object as a whole, provided that it has not changed since it was read."""
        meta = body["metadata"]
        return await self._call("PUT", _path(kind, meta["namespace"], meta["name"]), body=body)

    async def delete(
        self, kind: Kind, namespace: str, name: str, grace_seconds: int | None = None, uid: str | None = None
    ) -> None:
        """Delete an object and, in the background, what it owns; that it is gone already is success.

        Parameters
        ----------
        uid
            Of the object: another one of this name is left alone, which is a `Conflict`.
        """
        body: Object = {"propagationPolicy": "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        try:
            await self._call("DELETE", _path(kind, namespace, name), body=body)
        except NotFound:
            log.debug("%s %s/%s was gone already", kind.plural, namespace, name)
        for listener in self.listeners:
            listener.deleted(kind, namespace, name)

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield (type, object) of every change since a version, until the server ends the watch.

        Types are ADDED, MODIFIED, DELETED, and BOOKMARK: an object of which only ``metadata.resourceVersion`` is set,
        from which a later watch may go on. Where the server does not know the version any more it is unavailable.
        """
        query = {
            "watch": "true",
            "labelSelector": selector,
            "timeoutSeconds": str(int(WATCH_TIMEOUT_SECONDS)),
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
        }
        limit = WATCH_TIMEOUT_SECONDS + REQUEST_TIMEOUT_SECONDS
        response = await self._send("GET", _path(kind, namespace), query=query, limit_seconds=limit)
        stream = response.response
        try:
            if response.status >= 300:
                raise error_of(response.status, await response.read())
            async for line in stream.content:
                self.traffic.receive(name_of("GET", _path(kind, namespace), query), len(line))
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise error_of(event["object"].get("code") or 500, json.dumps(event["object"]))
                yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, *answers.UNREADABLE) as error:
            raise ClusterUnavailable(f"the watch of {kind.plural} broke: {error!r}") from error
        finally:
            stream.close()

    @contextlib.asynccontextmanager
    async def exec_socket(
        self, namespace: str, pod: str, container: str, command: Sequence[str]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Start a command in a container, and give the connection to it; see `modelprofiler.cluster.exec`."""
        api = WsApiClient(configuration=self._api.configuration)  # type: ignore[no-untyped-call]
        query = [("command", word) for word in command] + [("container", container)]
        query += [(stream, "true") for stream in ("stdin", "stdout", "stderr")]
        url = f"{self._api.configuration.host}{_path(PODS, namespace, pod)}/exec"
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                opened = await api.request("GET", url, query, headers, _preload_content=False)  # type: ignore[no-untyped-call]
                socket: aiohttp.ClientWebSocketResponse = await opened
        except aiohttp.WSServerHandshakeError as error:
            await api.close()  # type: ignore[no-untyped-call]
            raise error_of(error.status, f"a command in pod {pod} (pods/exec) was refused: {error.message}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await api.close()  # type: ignore[no-untyped-call]
            raise ClusterUnavailable(f"no command can be run in pod {pod}: {error!r}") from error
        try:
            yield socket
        finally:
            await socket.close()
            await api.close()  # type: ignore[no-untyped-call]

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Object | None = None,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        most: int | None = None,
    ) -> Object:
        response = await self._send(method, path, body=body, query=query, content_type=content_type)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                data = await (response.read() if most is None else read_page(response.response, most))
        except (aiohttp.ClientError, TimeoutError) as error:
            self.traffic.fail(name_of(method, path, query or {}), 0)
            raise ClusterUnavailable(f"the API server broke off {method} {path}: {error!r}") from error
        self.traffic.receive(name_of(method, path, query or {}), len(data))
        if response.status >= 300:
            self.traffic.fail(name_of(method, path, query or {}), response.status)
            raise error_of(response.status, data)
        return answers.object_of(data, f"{method} {path}")

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Object | None = None,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
        limit_seconds: float = 0.0,
    ) -> Any:
        self.traffic.begin(name_of(method, path, query or {}), len(json.dumps(body)) if body is not None else 0)
        try:
            prepared = await self._api.param_serialize(
                method=method,
                resource_path=path,
                query_params=[(k, v) for k, v in (query or {}).items() if v],
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            usual = REQUEST_TIMEOUT_SECONDS if method == "GET" else WRITE_TIMEOUT_SECONDS
            return await self._api.call_api(*prepared, _request_timeout=limit_seconds or usual)
        except ApiException as error:
            self.traffic.fail(name_of(method, path, query or {}), error.status or 0)
            raise error_of(error.status or 503, error.body) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.traffic.fail(name_of(method, path, query or {}), 0)
            reason = str(error) or "timed out"
            raise ClusterUnavailable(f"the API server does not answer {method} {path}: {reason}") from error


def current_namespace() -> str:
    """Return the namespace of this pod, or else of the kubeconfig's current context, or else ``default``."""
    try:
        return NAMESPACE_FILE.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        pass
    try:
        _, context = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except (ConfigException, OSError):
        return "default"
    return str((context.get("context") or {}).get("namespace") or "default")


def _path(kind: Kind, namespace: str | None, name: str | None = None) -> str:
    return path_of(kind.prefix, kind.plural, namespace, name)
