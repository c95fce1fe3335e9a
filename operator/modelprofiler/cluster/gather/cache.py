"""The children of profiles, kept in memory by the watches: a look at a profile lists nothing.

A copy of what an API server has is always a little old. So what the operator itself writes is taken in from the answer,
before any event comes: nothing is decided on a world that is older than the operator's own last action. Where that
cannot be known (a watch broke, an answer was lost, somebody else was quicker) the objects are listed once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from modelprofiler.api.names import OBJECT_PATTERN
from modelprofiler.api.objects import Object, controller_of
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, JOBS, PODS, Cluster, Kind
from modelprofiler.cluster.gather.objects import PodsByOwner, deployment_of, is_pod_of_job, slim
from modelprofiler.cluster.queue import Key

log = logging.getLogger(__name__)

_NAME = re.compile(OBJECT_PATTERN)

KINDS = (DEPLOYMENTS, JOBS, PODS)
SELECTOR = f"{names.MANAGED_BY}={names.MANAGER},{names.PROFILE_UID}"
POD_CONTROLLERS = (("batch", "Job"), ("apps", "ReplicaSet"))
"""Groups and kinds that control the pods of a run. Where the API server does not know a group, the garbage collector
never finds out that such an owner does not exist."""
NOTED_STRANGERS = 1000
"""Objects of others that are remembered, so that each is logged once."""
ENDED = ("Complete", "Failed")
"""Conditions of a Job that has ended."""


@dataclass(frozen=True)
class ChildObjects:
    """The objects of one profile, as the API server has them."""

    deployments: tuple[Object, ...] = ()
    jobs: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()


class Children:
    """Keeps the Deployments, Jobs and pods of all profiles.

    Parameters
    ----------
    cluster
        The API server; its writes of these kinds are taken in from here on.
    namespaces
        Those that are served; none: all.
    """

    def __init__(self, cluster: Cluster, namespaces: tuple[str, ...] = ()) -> None:
        self._cluster = cluster
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._objects: dict[Kind, dict[str, Object]] = {kind: {} for kind in KINDS}
        """By uid."""
        self._deployments: dict[tuple[str, str], str] = {}
        """The uid of each Deployment, by namespace and name."""
        self._deleting: set[str] = set()
        """Uids of what this operator has deleted, until the watch says that it is gone."""
        self._versions: dict[tuple[Kind, str | None], str] = {}
        """Where each watch goes on; one that is missing has to list first."""
        self._doubted: set[str] = set()
        """Uids of profiles whose children are to be listed before the next decision."""
        self._strangers: dict[str, None] = {}
        """Uids of objects that have the labels of a child and are none."""
        self._listed: dict[tuple[Kind, str], str] = {}
        """Of profiles whose children were listed, the version: what the watch tells of gone ones is older."""
        cluster.listeners.append(self)

    def doubt(self, uid: str) -> None:
        """List a profile's children before the next decision about it: what the last action did is not known."""
        self._doubted.add(uid)

    async def fill(self) -> None:
        """List everything, before anybody is looked at.

        Raises
        ------
        ClusterUnavailable, Refused
            When the API server does not do it.
        """
        for namespace in self._namespaces:
            for kind in KINDS:
                self.replace(kind, namespace, *await self._cluster.snapshot(kind, namespace, SELECTOR, slim))

    async def of(self, namespace: str, uid: str) -> ChildObjects:
        """Return the children of a profile, no older than the operator's own last action on them.

        Raises
        ------
        ClusterUnavailable, Conflict, Refused
            When they have to be listed and the API server does not do it.
        """
        where = None if None in self._namespaces else namespace
        if uid in self._doubted or any((kind, where) not in self._versions for kind in KINDS):
            await self._list(namespace, uid, KINDS)
            self._doubted.discard(uid)
        children = self._known(namespace, uid)
        if _has_result_to_come(children):
            # The watches of Jobs and of pods are not in step: a Job's end may be seen before that of its pod.
            await self._list(namespace, uid, (PODS,))
            children = self._known(namespace, uid)
        return children

    def profile_of(self, pod: Object) -> Key | None:
        """Return the profile whose Job or Deployment controls a pod, whatever the pod's labels say; None without."""
        if not (pod["metadata"].get("labels") or {}).get(names.PROFILE_UID):
            return None  # most pods
        namespace, owner = pod["metadata"]["namespace"], controller_of(pod)
        job = self._objects[JOBS].get(str(owner.get("uid")))
        if job is not None and job["metadata"]["namespace"] == namespace and is_pod_of_job(pod, job):
            return _key_of(job)
        uid = self._deployments.get((namespace, deployment_of(pod)))
        return _key_of(self._objects[DEPLOYMENTS][uid]) if uid is not None else None

    async def follow(self, kind: Kind, namespace: str | None) -> AsyncIterator[Key | None]:
        """Keep the objects of a kind, and yield whose child has changed, until the server ends the watch.

        The first time, and after a watch that broke, everything is listed; else the watch goes on where it ended.
        """
        where = kind, namespace
        try:
            if where not in self._versions:
                for key in self.replace(
                    kind, namespace, *await self._cluster.snapshot(kind, namespace, SELECTOR, slim)
                ):
                    yield key
            async for change, body in self._cluster.watch(kind, namespace, SELECTOR, self._versions[where]):
                self._versions[where] = str(body["metadata"]["resourceVersion"])
                if change != "BOOKMARK":
                    self.take(kind, change, body)
                    yield _key_of(body) if _is_child(kind, body) else None
        except BaseException:
            self._versions.pop(where, None)
            raise

    def replace(self, kind: Kind, namespace: str | None, objects: Sequence[Object], version: str) -> list[Key | None]:
        """Take in all objects of a kind, listed at a version; return whose children have changed.

        What the operator has written since then is newer, and stays.
        """
        kept = self._objects[kind]
        listed = {o["metadata"]["uid"]: o for o in objects}
        changed = []
        for uid, known in list(kept.items()):
            elsewhere = namespace is not None and known["metadata"]["namespace"] != namespace
            if uid not in listed and not elsewhere and not _is_newer(known, version):
                self._remove(kind, uid)
                changed.append(_key_of(known))
        changed += [_key_of(body) for body in objects if self._put(kind, body)]
        self._versions[kind, namespace] = version
        return changed

    def take(self, kind: Kind, change: str, body: Object) -> None:
        """Take in an event of a watch."""
        if change == "DELETED":
            self._remove(kind, body["metadata"]["uid"])
        elif body["metadata"]["uid"] in self._objects[kind] or _is_newer(
            body, self._listed.get((kind, _owner(body)), "0")
        ):
            self._put(kind, body)

    def forget(self, uid: str) -> None:
        """Forget what is known of a profile that is gone; its children go by the watches."""
        self._doubted.discard(uid)
        for kind in KINDS:
            self._listed.pop((kind, uid), None)

    def follows(self, kind: Kind) -> bool:
        """Return whether objects of a kind are kept."""
        return kind in self._objects

    def wrote(self, kind: Kind, body: Object) -> None:
        """Take in what the API server answered to an own write."""
        if kind in self._objects:
            self._put(kind, body)

    def deleted(self, kind: Kind, namespace: str, name: str) -> None:
        """Take in that an object was deleted: it is being deleted until the watch says that it is gone."""
        for uid, known in self._objects.get(kind, {}).items():
            if (known["metadata"]["namespace"], known["metadata"]["name"]) == (namespace, name):
                self._deleting.add(uid)

    def _known(self, namespace: str, profile_uid: str) -> ChildObjects:
        """Return what is known of a profile's children; objects in another namespace can belong to no profile here."""

        def kept(kind: Kind) -> tuple[Object, ...]:
            return tuple(
                self._as_deleted(o)
                for o in self._objects[kind].values()
                if _owner(o) == profile_uid and o["metadata"]["namespace"] == namespace
            )

        return ChildObjects(kept(DEPLOYMENTS), kept(JOBS), kept(PODS))

    def _as_deleted(self, body: Object) -> Object:
        meta = body["metadata"]
        if meta["uid"] not in self._deleting or "deletionTimestamp" in meta:
            return body
        return {**body, "metadata": {**meta, "deletionTimestamp": meta["creationTimestamp"]}}

    async def _list(self, namespace: str, uid: str, kinds: tuple[Kind, ...]) -> None:
        for kind in kinds:
            objects, version = await self._cluster.snapshot(kind, namespace, names.children_selector(uid), slim)
            listed = {o["metadata"]["uid"] for o in objects}
            mine = [(u, o) for u, o in self._objects[kind].items() if _owner(o) == uid]
            for gone in [u for u, o in mine if u not in listed and not _is_newer(o, version)]:
                self._remove(kind, gone)
            for body in objects:
                self._put(kind, body)
            self._listed[kind, uid] = version

    def _put(self, kind: Kind, body: Object) -> bool:
        """Keep a child unless a newer one is kept; return whether anything has changed."""
        uid = body["metadata"]["uid"]
        if not _is_child(kind, body):
            self._ignore(kind, body)
            return False
        known = self._objects[kind].get(uid)
        version = body["metadata"]["resourceVersion"]
        if known is not None and _is_newer(known, version):
            return False
        self._objects[kind][uid] = slim(body)
        if kind == DEPLOYMENTS:
            self._deployments[body["metadata"]["namespace"], body["metadata"]["name"]] = uid
        return known is None or known["metadata"]["resourceVersion"] != version

    def _remove(self, kind: Kind, uid: str) -> None:
        self._drop(kind, uid)
        self._deleting.discard(uid)
        self._strangers.pop(uid, None)

    def _drop(self, kind: Kind, uid: str) -> None:
        removed = self._objects[kind].pop(uid, None)
        if removed is not None and kind == DEPLOYMENTS:
            where = removed["metadata"]["namespace"], removed["metadata"]["name"]
            if self._deployments.get(where) == uid:
                del self._deployments[where]

    def _ignore(self, kind: Kind, body: Object) -> None:
        """Say once of an object that it is not a child, whatever its labels say."""
        meta = body["metadata"]
        self._drop(kind, meta["uid"])  # somebody has taken its owner away
        if meta["uid"] in self._strangers:
            return
        if len(self._strangers) >= NOTED_STRANGERS:
            self._strangers.pop(next(iter(self._strangers)))
        self._strangers[meta["uid"]] = None
        log.warning(
            "%s %s/%s has the labels of a ModelProfile's child and is ignored: no ModelProfile controls it",
            kind.plural,
            meta["namespace"],
            meta["name"],
        )


def _is_newer(body: Object, version: str) -> bool:
    """Return whether an object is newer than a version. Versions of one API server are numbers that grow."""
    mine = str(body["metadata"]["resourceVersion"])
    return mine.isdecimal() and version.isdecimal() and int(mine) > int(version)


def _is_child(kind: Kind, body: Object) -> bool:
    """Return whether an object is controlled by a profile, or a pod by a Job or a ReplicaSet.

    Labels alone prove nothing: whoever may create an object chooses them. Which Job or Deployment a pod belongs to is
    seen where their pods are read.
    """
    if not (body["metadata"].get("labels") or {}).get(names.PROFILE_UID):
        return False
    if kind == PODS:
        owner = controller_of(body)
        return (str(owner.get("apiVersion") or "").partition("/")[0], owner.get("kind")) in POD_CONTROLLERS
    return bool(names.profile_owner_of(body))


def _owner(body: Object) -> str:
    """Return the uid of the profile to which a child belongs; of a pod the one that its labels say."""
    uid = names.profile_owner_of(body).get("uid") or (body["metadata"].get("labels") or {}).get(names.PROFILE_UID)
    return str(uid)


def _key_of(body: Object) -> Key | None:
    meta = body["metadata"]
    name = names.profile_owner_of(body).get("name") or (meta.get("annotations") or {}).get(names.PROFILE_NAME)
    return (meta["namespace"], name) if name and _NAME.fullmatch(name) else None


def _has_result_to_come(children: ChildObjects) -> bool:
    """Return whether a Job has ended whose pod has not, as far as is known: then its result is missing."""
    owned = PodsByOwner(children.pods)
    for job in children.jobs:
        conditions = (job.get("status") or {}).get("conditions") or []
        if "deletionTimestamp" in job["metadata"] or not any(
            c["type"] in ENDED and c["status"] == "True" for c in conditions
        ):
            continue
        if not any(_has_ended(pod) for pod in owned.of_job(job)):
            return True
    return False


def _has_ended(pod: Object) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any("terminated" in (s.get("state") or {}) for s in statuses)
