"""Gathers the world of one look at a profile, in stages: each only when the profile needs it.

The place in the queue is read last, when nothing more is awaited: the decision follows at once, and a turn that it
takes cannot have been given to another profile in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import container_name
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import PROFILES, Cluster
from modelprofiler.cluster.gather import glance, observe, workload
from modelprofiler.cluster.gather import prepare as preparation
from modelprofiler.cluster.gather.accept import Accepted, accept, nodes_for
from modelprofiler.cluster.gather.cache import ChildObjects, Children
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.measure import Sources, measure
from modelprofiler.cluster.gather.nodes import Nodes
from modelprofiler.cluster.gather.objects import is_deleting, is_pod_of_job, labels_of
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.remembered import Remembered
from modelprofiler.cluster.gather.resizing import Resizing
from modelprofiler.cluster.gather.room.placement import Placement
from modelprofiler.cluster.gather.room.rooms import Rooms
from modelprofiler.cluster.gather.world import Child, Gone, Node, NotStarted, Preparation, World
from modelprofiler.cluster.gather.world import Unreadable as UnreadableProfile
from modelprofiler.cluster.manifests.load import load_placement
from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.core.status import seconds_used
from modelprofiler.errors import (
    ClusterUnavailable,
    InvalidInput,
    ModelProfilerError,
    NotFound,
    Refused,
    Retryable,
    Unreadable,
)

log = logging.getLogger(__name__)

LONGEST_ERROR = 200
"""Characters of an unexpected error in a message: it may quote what somebody else has written."""

READ_TRIES = 5
"""How many times in a row what belongs to a profile is read before the profile gives its turn back: with the pauses of
the controller, half a minute, in which whatever passes has passed."""

LATE_START_SECONDS = 40.0
"""How long a server may take to be ready before its node is looked at: that is how long a dead one counts as ready."""

KEPT_VERDICTS = 64
"""Accepted profiles that are remembered: only running ones are looked at often."""


class Places(Protocol):
    """The queue, as far as it is read here; `modelprofiler.cluster.turns.Turns` is one."""

    def position(self, key: Key) -> int:
        """Return how many profiles must finish before this one may run; 0: it runs, or may run now."""

    def restrict(self, key: Key, nodes: Iterable[str] | None, *, placed: bool) -> None:
        """Note the nodes on which a profile may run (None: any), and whether it is on its node already."""

    def is_running(self, key: Key) -> bool:
        """Return whether a profile has its turn."""


class Gatherer:
    """Reads everything that a decision about a profile depends on.

    Parameters
    ----------
    cluster, sources, settings
        The API server, where usage is read, what the installer decided.
    turns, children, remembered
        Whose turn it is, what the watches know, what the operator remembers.
    clock
        Returns the time, with a zone.
    """

    def __init__(
        self,
        cluster: Cluster,
        sources: Sources,
        settings: Settings,
        turns: Places,
        children: Children,
        remembered: Remembered,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster, self._sources, self._settings = cluster, sources, settings
        self._turns, self._children, self._remembered = turns, children, remembered
        self._clock = clock
        self._rooms = Rooms(cluster, settings, clock, self._is_of_run)
        self._nodes = Nodes(cluster, clock)
        self._resizing = Resizing(cluster, clock)
        self._accepted: dict[str, tuple[object, ModelProfileSpec, Accepted]] = {}

    def _is_of_run(self, pod: Object) -> bool:
        """Return whether a pod is of a run that has its turn."""
        key = self._children.profile_of(pod)
        return key is not None and self._turns.is_running(key)

    async def world(self, key: Key) -> World:
        """Return the world of a profile.

        Raises
        ------
        ClusterUnavailable, Conflict
            When the API server does not answer: the look is to be tried again.
        """
        try:
            raw = await self._cluster.get(PROFILES, *key)
        except NotFound:
            return self._world_now(key, {}, profile=Gone())
        except Refused as error:
            raise ClusterUnavailable(f"the profile cannot be read: {error}") from error
        try:
            world = await self._world(key, raw)
        except Exception as error:
            return await self._unread(key, raw, error)
        self._remembered.was_read(key)
        return world

    async def _unread(self, key: Key, raw: Object, error: Exception) -> World:
        """Return the world of a profile of which something cannot be read, once that has been tried often enough.

        A tenant may have written what is read here, so that any error may come of it. It concerns this profile alone:
        others must not wait for its turn.

        Raises
        ------
        ClusterUnavailable, Conflict, Unreadable
            When it is to be tried again.
        """
        tries = self._remembered.unread(key)
        is_expected = isinstance(error, ModelProfilerError)
        if not is_expected and tries == 1:
            log.error("%s/%s: what belongs to the profile cannot be read", *key, exc_info=error)
        why = str(error) if is_expected else f"{type(error).__name__}: {str(error)[:LONGEST_ERROR]}"
        passes = isinstance(error, Retryable) and not _is_past_deadline(raw, self._clock())
        if tries < READ_TRIES or passes:
            if isinstance(error, Retryable):
                raise error
            raise Unreadable(f"what belongs to the profile cannot be read: {why}") from error
        try:
            profile = ModelProfile.parse(raw)
        except InvalidInput as invalid:
            return self._world_now(key, raw, profile=UnreadableProfile(str(invalid)))
        self._accepted.pop(raw["metadata"]["uid"], None)
        finding = Finding(Reason.SOURCE_UNREADABLE, f"what belongs to the profile cannot be read: {why}")
        try:
            owned = _owned(await self._children.of(key[0], profile.metadata.uid))
        except Exception:  # it was read in vain already: what is known is that nothing is
            owned = ()
        return self._world_now(key, raw, profile=profile, acceptance=finding, owned=owned)

    async def _world(self, key: Key, raw: Object) -> World:
        if raw["metadata"].get("deletionTimestamp"):
            return self._world_now(key, raw, profile=Gone())
        uid = raw["metadata"]["uid"]
        try:
            profile = ModelProfile.parse(raw)
        except InvalidInput as error:
            owned = _owned(await self._children.of(key[0], uid))
            return self._world_now(key, raw, profile=UnreadableProfile(str(error)), owned=owned)
        refused = self._remembered.refusal(key, profile.metadata.generation, self._clock())
        if refused is not None:
            self._accepted.pop(uid, None)  # what was admitted then no longer is
            owned = _owned(await self._children.of(key[0], uid))
            return self._world_now(key, raw, profile=profile, acceptance=refused, owned=owned)
        if glance.is_over(raw) or (glance.is_queued(raw) and self._turns.position(key)):
            return self._world_now(key, raw, profile=profile)
        return await self._checked(key, raw, profile)

    def _world_now(self, key: Key, raw: Object, **stages: Any) -> World:
        """Return a world of the stages that were gathered; nothing is awaited from here until the decision."""
        return World(
            key=key,
            raw=raw,
            now=self._clock(),
            ahead=self._turns.position(key),
            written=self._remembered.written(key),
            not_accepted=self._remembered.not_accepted,
            **stages,
        )

    async def _checked(self, key: Key, raw: Object, profile: ModelProfile) -> World:
        """Gather what a profile needs that may run: whether it can, and its children."""
        profile, acceptance = await self._acceptance(profile)
        self._remembered.accepted(key, accepted=not isinstance(acceptance, Finding))
        # A profile without a status was never looked at, so it has no children.
        has_status = bool(raw.get("status"))
        objects = await self._children.of(key[0], profile.metadata.uid) if has_status else ChildObjects()
        stages: dict[str, Any] = {"profile": profile, "acceptance": acceptance, "owned": _owned(objects)}
        if isinstance(acceptance, Claims):
            stages["preparation"] = self._prepared(profile, acceptance, objects)
        elif isinstance(acceptance, Accepted) and has_status:
            stages |= await self._run(profile, acceptance, objects)
        if not isinstance(acceptance, Finding):
            await self._note_nodes(key, profile, acceptance, stages.get("nodes") or {})
        return self._world_now(key, raw, **stages)

    async def _note_nodes(
        self, key: Key, profile: ModelProfile, acceptance: Accepted | Claims, on: Mapping[str, Node]
    ) -> None:
        """Tell the queue on which nodes a profile may run, or on which it does."""
        if on:
            self._turns.restrict(key, on, placed=True)
        elif isinstance(acceptance, Accepted):
            self._turns.restrict(key, acceptance.nodes, placed=False)
        else:
            nodes = await nodes_for(profile, self._settings, self._rooms, acceptance.host)
            self._turns.restrict(key, nodes, placed=False)

    async def _acceptance(self, profile: ModelProfile) -> tuple[ModelProfile, Accepted | Claims | Finding]:
        """Check a profile, anew for every trial: what it names may have changed.

        Returns
        -------
        tuple[ModelProfile, Accepted | Claims | Finding]
            The profile, with the template of the workload if it names one, and what was found.
        """
        meta, recorded = profile.metadata, profile.status
        active = recorded.active_trial.index if recorded.active_trial else 0
        stamp = (meta.generation, tuple(meta.annotations.items()), recorded.trials_completed, active)
        kept = self._accepted.get(meta.uid)
        if kept is not None and kept[0] == stamp:
            return profile.model_copy(update={"spec": kept[1]}), kept[2]
        try:
            resolved = await workload.resolve(self._cluster, profile, self._settings)
            if isinstance(resolved, Finding):
                return profile, resolved
            profile, copied = resolved
            acceptance = await accept(self._cluster, profile, self._settings, self._rooms)
        except Refused as error:
            message = f"the operator may not read what the profile names: {error}"
            return profile, Finding(Reason.SOURCE_UNREADABLE, message)
        if isinstance(acceptance, Finding) and copied is not None:
            return profile, workload.by_its_name(acceptance, copied)
        if isinstance(acceptance, Accepted):
            acceptance = replace(acceptance, workload=copied, resizes=await self._resizing.is_served())
            self._accepted.pop(meta.uid, None)
            self._accepted[meta.uid] = (stamp, profile.spec, acceptance)
            while len(self._accepted) > KEPT_VERDICTS:
                self._accepted.pop(next(iter(self._accepted)))
        return profile, acceptance

    async def _run(self, profile: ModelProfile, accepted: Accepted, objects: ChildObjects) -> dict[str, Any]:
        """Return the children of a run with the usage measured of them, and the nodes that it is on."""
        recorded = profile.status
        container = container_name(profile.spec)
        trials = recorded.trials if recorded.run_hash == accepted.run_hash else []
        children = _legible(accepted.run_hash, container, objects, len(trials) + 1)
        running = {server.pod.node for server in children.servers if server.pod and server.pod.node}
        reference = {recorded.provenance.node} if recorded.provenance and recorded.provenance.node else set()
        in_doubt = _is_in_doubt(children, len(recorded.trials), self._clock())
        nodes = await self._nodes.read(sorted(running | reference), in_doubt=in_doubt)
        source = self._sources.named(profile.spec.metrics.source)
        namespace = profile.metadata.namespace
        children = await measure(source, namespace, container, children, trials, self._clock())
        hosts = {name: node.host for name, node in nodes.items()}
        not_ready = {name: node.not_ready for name, node in nodes.items() if node.not_ready}
        load = Placement.of(load_placement(profile.spec))
        may_leave = self._settings.node_reader == "Auto" and await self._rooms.has_another(load, running)
        children = replace(children, hosts=hosts, not_ready=not_ready, load_may_leave=may_leave)
        return {"children": children, "nodes": nodes}

    def _prepared(self, profile: ModelProfile, claims: Claims, objects: ChildObjects) -> Preparation:
        """Return the result of the Job that reads the files, or how far it is."""
        labels = names.labels(profile, claims.identity, names.PREPARE)
        jobs = [job for job in objects.jobs if labels.items() <= labels_of(job).items() and not is_deleting(job)]
        if not jobs:
            return NotStarted()
        pods = [pod for pod in objects.pods if is_pod_of_job(pod, jobs[0])]
        return preparation.read(jobs[0], pods, claims, self._settings, self._clock())


def _is_in_doubt(children: Observation, recorded: int, now: datetime) -> bool:
    """Return whether a load has ended, or a server is late: either may be because its node has died."""
    ended = any(job.finished_at is not None and job.trial > recorded for job in children.jobs)
    return ended or any(
        server.pod is not None
        and server.pod.ready_at is None
        and (now - server.pod.created).total_seconds() > LATE_START_SECONDS
        for server in children.servers
    )


def _is_past_deadline(raw: Object, now: datetime) -> bool:
    """Return whether a run has taken longer than its deadline allows."""
    try:
        profile = ModelProfile.parse(raw)
    except InvalidInput:
        return True
    begun, used = profile.status.start_time, seconds_used(profile.status, now)
    return begun is not None and used is not None and used > profile.spec.search.deadline.seconds


def _owned(objects: ChildObjects) -> tuple[Child, ...]:
    return tuple(
        Child(
            plural,
            body["metadata"]["name"],
            labels_of(body).get(names.RUN, ""),
            is_deleting(body),
            body["metadata"]["uid"],
        )
        for plural, bodies in (("deployments", objects.deployments), ("jobs", objects.jobs))
        for body in bodies
    )


def _legible(run_hash: str, container: str, objects: ChildObjects, newest_trial: int) -> Observation:
    """Return what the children of a run show; one that somebody has edited beyond recognition is to be removed.

    So is the Job of a trial that has not begun, and a second one where a trial has one: somebody else has made it, or
    taken the status away.
    """
    deployments, broken_deployments = _split_by_legibility(run_hash, container, "deployments", objects.deployments)
    jobs, broken_jobs = _split_by_legibility(run_hash, container, "jobs", objects.jobs)
    own = _own_jobs(jobs, newest_trial)
    kept = {job["metadata"]["uid"] for job in own}
    broken_jobs += [job["metadata"]["name"] for job in jobs if job["metadata"]["uid"] not in kept]
    jobs = own
    observation = observe.read(run_hash, container, deployments=deployments, jobs=jobs, pods=objects.pods)
    broken = [("deployments", name) for name in broken_deployments] + [("jobs", name) for name in broken_jobs]
    return replace(observation, stale=(*observation.stale, *broken))


def _own_jobs(jobs: Sequence[Object], newest_trial: int) -> list[Object]:
    """Return the Jobs that the operator may have made: of each trial the oldest, and that of further generators."""
    own: dict[tuple[object, ...], Object] = {}
    for job in sorted(jobs, key=lambda job: (is_deleting(job), job["metadata"]["creationTimestamp"])):
        trial = _trial_of(job)
        index = (job["metadata"].get("annotations") or {}).get(names.FIRST_GENERATOR)
        if trial <= newest_trial:
            own.setdefault((trial, index) if trial else (job["metadata"]["uid"],), job)
    return list(own.values())


def _trial_of(job: Object) -> int:
    """Return the trial of a Job that can be read; 0 of one that is for none, or of another run."""
    text = labels_of(job).get(names.TRIAL) or ""
    return int(text) if text.isdecimal() else 0


def _split_by_legibility(
    run_hash: str, container: str, plural: str, bodies: Sequence[Object]
) -> tuple[list[Object], list[str]]:
    """Return the objects that can be read, and the names of the others."""
    legible, broken = [], []
    for body in bodies:
        objects: dict[str, Sequence[Object]] = {"deployments": (), "jobs": (), "pods": (), plural: (body,)}
        try:
            observe.read(run_hash, container, **objects)
        except (KeyError, ValueError, TypeError, AttributeError):
            broken.append(body["metadata"]["name"])
        else:
            legible.append(body)
    return legible, broken
