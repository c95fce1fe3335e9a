"""An API server in memory, for the tests of what is done with one."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

from modelprofiler.api.objects import Object, controller_of
from modelprofiler.cluster.adapter import (
    ACCOUNTS,
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    DISCOVERY,
    EVENTS,
    JOBS,
    LEASES,
    MERGE_PATCH,
    NAMESPACES,
    NODES,
    PODS,
    PROFILES,
    QUOTAS,
    Cluster,
    Kind,
    Listener,
)
from modelprofiler.cluster.answers import check_controller
from modelprofiler.cluster.traffic import Traffic
from modelprofiler.errors import AlreadyExists, ClusterUnavailable, Conflict, NotFound

_ALL = (
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    PROFILES,
    QUOTAS,
)
KINDS = {kind.plural: kind for kind in _ALL}
Fault = Callable[[str, Kind, str], None]


class StandIn(Cluster):
    """Keeps objects and refuses what is out of date, as an API server does; nothing more.

    A fake is right here, and only here: these tests break the API server between every two calls, a thousand times in
    a few seconds, which no real one lets itself be. What a real one answers is tested in tests/integration/cluster and
    tests/e2e. It stores no defaults and checks no schema.

    Parameters
    ----------
    clock
        Returns the time of creation.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.calls: list[tuple[str, str, str]] = []
        """(verb, plural, name) of every call."""
        self.reads = self.writes = 0
        self.traffic = Traffic()
        self.has_resize = True
        """Whether pods have the subresource resize, as from 1.33 on."""
        self.before: Fault | None = None
        """Called before a call has its effect; may raise."""
        self.after: Fault | None = None
        """Called after a call has had its effect; may raise."""
        self.listeners: list[Listener] = []
        self._versions = itertools.count(1)
        self._clock = clock

    @property
    def ca_file(self) -> str | None:
        """None."""
        return None

    async def request_token(self, namespace: str, account: str, seconds: int) -> Object:
        """Return a token that says whose it is, and its number."""
        self._begin("create", ACCOUNTS, account)
        return {"status": {"token": f"{namespace}/{account}#{next(self._versions)}"}}

    def put(self, kind: Kind, body: Object) -> Object:
        """Store an object unchanged, from outside of what is tested."""
        meta = body["metadata"]
        meta.setdefault("uid", f"uid-{next(self._versions)}")
        meta.setdefault("creationTimestamp", self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
        meta["resourceVersion"] = str(next(self._versions))
        self.objects[kind.plural, meta.get("namespace") or "", meta["name"]] = body
        return body

    def of(self, kind: Kind) -> list[Object]:
        """Return all objects of a kind, as they are stored."""
        return [o for (plural, _, _), o in self.objects.items() if plural == kind.plural]

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Take an object out, and what it owns."""
        gone = self.objects.pop((kind.plural, namespace, name))
        uid = gone["metadata"]["uid"]
        owned = [
            key
            for key, o in self.objects.items()
            if uid in [r["uid"] for r in o["metadata"].get("ownerReferences") or []]
        ]
        for plural, space, child in owned:
            if (plural, space, child) in self.objects:
                self.remove(KINDS[plural], space, child)

    def count(self, verb: str, kind: Kind | None = None) -> Counter[str]:
        """Return how often each name was called with a verb."""
        return Counter(n for v, plural, n in self.calls if v == verb and (kind is None or plural == kind.plural))

    def _begin(self, verb: str, kind: Kind, name: str) -> None:
        self.calls.append((verb, kind.plural, name))
        if verb in ("get", "list", "dry-run"):
            self.reads += 1
        else:
            self.writes += 1
        if self.before:
            self.before(verb, kind, name)

    def _end(self, verb: str, kind: Kind, name: str) -> None:
        if self.after:
            self.after(verb, kind, name)

    def _stored(self, kind: Kind, namespace: str | None, name: str) -> Object:
        try:
            return self.objects[kind.plural, namespace or "", name]
        except KeyError:
            raise NotFound(f'{kind.plural} "{name}" not found') from None

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """Return a copy."""
        self._begin("get", kind, name)
        if kind == DISCOVERY:
            served = ["pods", "pods/status", *(["pods/resize"] if self.has_resize else [])]
            return {"kind": "APIResourceList", "resources": [{"name": resource} for resource in served]}
        copied: Object = _copy(self._stored(kind, namespace, name))
        return copied

    async def list(
        self, kind: Kind, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> list[Object]:
        """Return copies of those whose labels match."""
        self._begin("list", kind, selector)
        pairs = [part.partition("=") for part in selector.split(",") if part]
        listed = []
        for (plural, space, _), o in self.objects.items():
            labels = o["metadata"].get("labels") or {}
            fits = all(name in labels and (not eq or labels[name] == value) for name, eq, value in pairs)
            if plural == kind.plural and namespace in (None, space) and fits:
                listed.append(_copy(o))
        return listed

    async def each(
        self, kind: Kind, namespace: str | None = None, selector: str = "", fields: str = ""
    ) -> AsyncIterator[Object]:
        """Yield what `list` returns."""
        for item in await self.list(kind, namespace, selector, fields):
            yield item

    async def create(self, kind: Kind, namespace: str, body: Object, *, dry_run: bool = False) -> Object | None:
        """Store a copy, unless it is there already."""
        name = body["metadata"]["name"]
        self._begin("dry-run" if dry_run else "create", kind, name)
        if dry_run and (kind.plural, namespace, name) in self.objects:
            raise AlreadyExists(f'{kind.plural} "{name}" already exists')
        if not dry_run and (kind.plural, namespace, name) in self.objects and controller_of(body):
            self.calls.append(("get", kind.plural, name))  # as the real one finds out whose it is
        elif not dry_run and (kind.plural, namespace, name) not in self.objects:
            stored = _copy(body)
            stored["metadata"]["namespace"] = namespace
            self.put(kind, stored)
        self._end("create", kind, name)
        if dry_run:
            return None
        stored = self.objects[kind.plural, namespace, name]
        check_controller(kind.plural, body, stored)
        self._tell(kind, stored)
        copied: Object = _copy(stored)
        return copied

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
        """Merge, or resize the containers of a pod."""
        self._begin(f"patch {subresource}".strip(), kind, name)
        if subresource == "resize" and not self.has_resize:
            raise NotFound("the server could not find the requested resource")
        stored = self._stored(kind, namespace, name)
        if subresource == "resize":
            for change in body["spec"]["containers"]:
                container = next(c for c in stored["spec"]["containers"] if c["name"] == change["name"])
                container["resources"] = _copy(change["resources"])
        else:
            _merge(stored, body)
        stored["metadata"]["resourceVersion"] = str(next(self._versions))
        self._end("patch", kind, name)
        self._tell(kind, stored)
        copied: Object = _copy(stored)
        return copied

    async def replace_status(self, kind: Kind, body: Object) -> Object:
        """Replace the status of an object that has not changed since it was read."""
        meta = body["metadata"]
        self._begin("status", kind, meta["name"])
        stored = self._stored(kind, meta["namespace"], meta["name"])
        if stored["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise Conflict("the object has been modified; please apply your changes to the latest version")
        stored["status"] = _copy(body["status"])
        stored["metadata"]["resourceVersion"] = str(next(self._versions))
        self._end("status", kind, meta["name"])
        copied: Object = _copy(stored)
        return copied

    async def replace(self, kind: Kind, body: Object) -> Object:
        """Replace an object that has not changed since it was read."""
        meta = body["metadata"]
        self._begin("update", kind, meta["name"])
        stored = self._stored(kind, meta["namespace"], meta["name"])
        if stored["metadata"]["resourceVersion"] != meta["resourceVersion"]:
            raise Conflict("the object has been modified; please apply your changes to the latest version")
        replaced: Object = _copy(self.put(kind, _copy(body)))
        self._end("update", kind, meta["name"])
        return replaced

    async def delete(
        self, kind: Kind, namespace: str, name: str, grace_seconds: int | None = None, uid: str | None = None
    ) -> None:
        """Remove, with what it owns."""
        self._begin("delete", kind, name)
        if (kind.plural, namespace, name) in self.objects:
            if uid not in (None, self.objects[kind.plural, namespace, name]["metadata"]["uid"]):
                raise Conflict(f"the UID in the precondition ({uid}) is not that of {name}")
            self.remove(kind, namespace, name)
        self._end("delete", kind, name)
        for listener in self.listeners:
            listener.deleted(kind, namespace, name)

    def _tell(self, kind: Kind, body: Object) -> None:
        for listener in self.listeners:
            listener.wrote(kind, _copy(body))

    async def snapshot(
        self, kind: Kind, namespace: str | None, selector: str, keep: Callable[[Object], Object]
    ) -> tuple[Sequence[Object], str]:
        """Return what is to be kept of what `list` returns, and the version that it is of."""
        return [keep(o) for o in await self.list(kind, namespace, selector)], str(next(self._versions))

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """Break at once."""
        raise ClusterUnavailable("the stand-in has no watch")
        yield "", {}


def _copy(value: Any) -> Any:
    """Return it as it comes over the wire; faster than copy.deepcopy."""
    return json.loads(json.dumps(value))


def _merge(target: Object, change: Object) -> None:
    """JSON merge patch, RFC 7396."""
    for name, value in change.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = _copy(value)


def edit(cluster: StandIn, profile: Object, **spec: object) -> None:
    """Change fields of a profile's spec as a user does: its generation goes up."""
    stored = cluster.objects[PROFILES.plural, profile["metadata"]["namespace"], profile["metadata"]["name"]]
    stored["spec"] |= spec
    stored["metadata"]["generation"] += 1
    cluster.put(PROFILES, stored)
