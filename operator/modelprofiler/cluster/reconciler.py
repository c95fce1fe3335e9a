"""One look at one profile: read everything fresh, decide, act, write the status once.

Nothing is kept between two looks but caches: what a run is at follows from its status and its children.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import container_name
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus, Provenance
from modelprofiler.api.trial import Trial
from modelprofiler.cluster import names
from modelprofiler.cluster.act import events, full_report
from modelprofiler.cluster.act.perform import Act
from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, JOBS, NODES, PODS, PROFILES, SERVICES, Cluster
from modelprofiler.cluster.decide import glance, status
from modelprofiler.cluster.decide.trial import POLL_SECONDS, Decision, Run, decide
from modelprofiler.cluster.gather import inputs, observe
from modelprofiler.cluster.gather.accept import Accepted, accept
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.measure import Sources, measure
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.rooms import Rooms
from modelprofiler.cluster.prepare import Waiting, prepare
from modelprofiler.cluster.queue import Key
from modelprofiler.cluster.settings import Settings
from modelprofiler.cluster.turns import Turns
from modelprofiler.core.conditions import Finding, RunState
from modelprofiler.core.judge import reference_among, rejudge
from modelprofiler.core.search.step import next_step, step_at_deadline
from modelprofiler.core.status import is_finished
from modelprofiler.core.steps import RunTrial, Step
from modelprofiler.errors import InvalidInput, NotFound, Refused

log = logging.getLogger(__name__)

NOT_ACCEPTED_SECONDS = 30.0
"""What a profile names (a ConfigMap, a quota) is not watched: look again now and then."""

CLAIMS_AGAIN_SECONDS = 300.0
"""What is on a claim only a pod can see: not started twice a minute for somebody who has gone home."""

NOT_ACCEPTED_EACH_SECONDS = 0.5
"""And where many are not accepted, at one of them after the other, with so much time in between."""

TOGETHER_SECONDS = 5.0
"""A profile and the ConfigMaps it names are applied together, in whatever order: none of them is missing yet."""


@dataclass(frozen=True)
class _Plan:
    """A run as it stands before its children are looked at."""

    profile: ModelProfile
    """With the trials judged by the spec as it is now."""
    accepted: Accepted
    step: Step
    started: bool


class Reconciler:
    """Looks at profiles.

    Parameters
    ----------
    cluster, sources, settings
        The API server, where usage is read, what the installer decided.
    turns
        Whose turn it is.
    clock
        Returns the time, with a zone.
    """

    def __init__(
        self,
        cluster: Cluster,
        sources: Sources,
        settings: Settings,
        turns: Turns,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._sources = sources
        self._settings = settings
        self._turns = turns
        self._clock = clock
        self._rooms = Rooms(cluster, settings, clock)
        self._accepted: dict[str, tuple[object, Accepted]] = {}
        self._hosts: dict[str, str] = {}
        self._held: dict[Key, tuple[int, datetime]] = {}
        self._refused: set[Key] = set()
        self._own: dict[Key, str] = {}

    def wrote(self, raw: Object) -> bool:
        """Return whether an object is as this reconciler itself left it: then there is nothing new to look at."""
        meta = raw["metadata"]
        own = self._own.get((meta["namespace"], meta["name"]))
        return own is not None and own == str(meta["resourceVersion"])

    def forget(self, key: Key) -> None:
        """Forget a profile that is gone."""
        self._held.pop(key, None)
        self._own.pop(key, None)
        self._refused.discard(key)

    async def reconcile(self, key: Key) -> float | None:
        """Look at a profile once; return the seconds until it wants to be looked at again, or None."""
        namespace, name = key
        try:
            raw = await self._cluster.get(PROFILES, namespace, name)
        except NotFound:
            raw = {}
        if not raw or raw["metadata"].get("deletionTimestamp"):
            self._turns.forget(key)  # its children go with it, through their owner references
            self.forget(key)
            return None
        try:
            profile = ModelProfile.parse(raw)
        except InvalidInput as error:
            log.info("%s/%s: %s", namespace, name, error)
            await self._write(raw, status.unreadable(raw, error, self._clock()))
            await self._remove_all(namespace, raw["metadata"]["uid"])
            self._turns.note(raw, done=True)
            return None
        generation, until = self._held.get(key, (0, self._clock()))
        if generation == profile.metadata.generation and until > self._clock():
            return (until - self._clock()).total_seconds()
        return await self._reconcile(key, raw, profile)

    async def _reconcile(self, key: Key, raw: Object, profile: ModelProfile) -> float | None:
        if glance.is_over(raw):
            self._turns.note(raw)
            return None
        if glance.is_queued(raw) and (position := self._turns.position(key)):
            # It was checked when it came; what it names is looked up again when its turn comes.
            state = RunState(profile.metadata.generation, queue_position=position)
            await self._write(raw, status.still_waiting(profile, state, self._clock()))
            return None
        accepted = await self._accept(profile)
        if isinstance(accepted, Finding):
            return await self._refuse(key, raw, profile, accepted)
        self._refused.discard(key)
        if isinstance(accepted, Claims):
            return await self._prepare(key, raw, profile, accepted)
        plan = self._plan(profile, accepted)
        ended = not isinstance(plan.step, RunTrial)
        runs = not ended and not profile.spec.suspend
        position = self._turns.position(key) if runs and not plan.started else 0
        if runs and not position:
            self._turns.take(key)  # before anything is awaited, so that no two are given the same turn
        # One that nobody has looked at before has no children yet.
        seen = Observation() if position and not raw.get("status") else await self._observe(plan)
        if position and not seen.servers and not seen.jobs:
            await self._sweep(profile, seen)
            state = RunState(profile.metadata.generation, queue_position=position)
            await self._write(raw, status.waiting(plan.profile, accepted, state, self._clock()))
            return None
        if runs:
            self._turns.take(key)
        return await self._go_on(key, raw, plan, seen)

    async def _prepare(self, key: Key, raw: Object, profile: ModelProfile, claims: Claims) -> float | None:
        """Have the claims that a profile names looked at, in its turn: reading a large model would disturb a run."""
        now = self._clock()
        last = inputs.known(profile, claims)
        if (
            last is not None
            and last.reason
            and last.message
            and (now - last.time).total_seconds() < CLAIMS_AGAIN_SECONDS
        ):
            return await self._refuse(key, raw, profile, Finding(Reason(last.reason), last.message))
        position = 0 if profile.spec.suspend else self._turns.position(key)
        if profile.spec.suspend or position:
            if last is None:
                await self._write(raw, status.preparing(profile, "The claims have not been read yet.", position, now))
            return None
        self._turns.take(key)
        await self._remove_all(profile.metadata.namespace, profile.metadata.uid, but=claims.identity)
        found = await prepare(self._cluster, profile, self._settings, claims, now)
        if isinstance(found, Finding):
            return await self._refuse(key, raw, profile, found)
        if isinstance(found, Waiting):
            # What is looked at once more is refused until it turns out to be good.
            if last is None:
                await self._write(raw, status.preparing(profile, f"{found.message}.", 0, now))
            return POLL_SECONDS
        looked = profile.model_copy(update={"status": profile.status.model_copy(update={"claims": found})})
        if found.reason is not None and found.message is not None:
            return await self._refuse(key, raw, looked, Finding(Reason(found.reason), found.message))
        await self._write(raw, status.preparing(looked, "The claims have been read.", 0, now))
        return 0.0

    async def _accept(self, profile: ModelProfile) -> Accepted | Claims | Finding:
        """Check a profile, anew for every trial: what it names may have changed."""
        meta, recorded = profile.metadata, profile.status
        active = recorded.active_trial.index if recorded.active_trial else 0
        stamp = (meta.generation, tuple(meta.annotations.items()), recorded.trials_completed, active)
        cached = self._accepted.get(meta.uid)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        accepted = await accept(self._cluster, profile, self._settings, self._rooms)
        if isinstance(accepted, Accepted):
            self._accepted = {uid: entry for uid, entry in self._accepted.items() if uid != meta.uid}
            self._accepted[meta.uid] = (stamp, accepted)
            while len(self._accepted) > 64:  # only running profiles are looked at often
                self._accepted.pop(next(iter(self._accepted)))
        return accepted

    async def _refuse(self, key: Key, raw: Object, profile: ModelProfile, finding: Finding) -> float:
        """Say why a profile is not run, and remove what an earlier version of it may have started."""
        now = self._clock()
        age = now - datetime.fromisoformat(profile.metadata.creation_timestamp)
        if finding.reason is Reason.SOURCE_NOT_FOUND and age.total_seconds() < TOGETHER_SECONDS:
            return POLL_SECONDS
        changed = await self._write(raw, status.refused(profile, finding, now))
        if changed:
            await events.tell(self._cluster, profile, finding.reason.value, finding.message, now, warning=True)
        await self._remove_all(profile.metadata.namespace, profile.metadata.uid)
        self._turns.note(raw, done=True)
        self._refused.add(key)
        return max(NOT_ACCEPTED_SECONDS, NOT_ACCEPTED_EACH_SECONDS * len(self._refused))

    def _plan(self, profile: ModelProfile, accepted: Accepted) -> _Plan:
        recorded = profile.status
        same = recorded.run_hash == accepted.run_hash
        trials = rejudge(profile.spec, recorded.trials) if same else []
        container = container_name(profile.spec)
        step = next_step(profile.spec, accepted.resources, container, "Cluster", trials)
        started = recorded.start_time is not None and not is_finished(recorded)
        if started and isinstance(step, RunTrial) and recorded.start_time is not None and same:
            elapsed = (self._clock() - recorded.start_time).total_seconds()
            if elapsed > profile.spec.search.deadline.seconds:
                step = step_at_deadline(profile.spec, accepted.resources, container, "Cluster", trials)
        fields: dict[str, Any] = {"trials": trials, "run_hash": accepted.run_hash}
        if not same:
            fields |= {
                "active_trial": None,
                "provenance": None,
                "recommendations": [],
                "drift": None,
                "completion_time": None,
            }
            fields["start_time"] = self._clock() if started else None
        elif isinstance(step, RunTrial) and not started:
            # The recommendation was made for other objectives; one for these comes at the end.
            fields |= {"start_time": None, "completion_time": None, "recommendations": [], "drift": None}
        fresh = profile.model_copy(update={"status": recorded.model_copy(update=fields)})
        return _Plan(fresh, accepted, step, started)

    async def _observe(self, plan: _Plan) -> Observation:
        meta = plan.profile.metadata
        selector = names.children_selector(meta.uid)
        found = [await self._cluster.list(kind, meta.namespace, selector) for kind in (DEPLOYMENTS, JOBS, PODS)]
        container = container_name(plan.profile.spec)
        seen = observe.read(plan.accepted.run_hash, container, deployments=found[0], jobs=found[1], pods=found[2])
        for server in seen.servers:
            if server.pod and server.pod.node and server.pod.node not in self._hosts:
                await self._learn(server.pod.node)
        return replace(seen, hosts=dict(self._hosts))

    async def _learn(self, node: str) -> None:
        try:
            labels = (await self._cluster.get(NODES, None, node))["metadata"].get("labels") or {}
        except Refused:  # it is gone, or nodes may not be read: its name is most often its host name
            labels = {}
        self._hosts[node] = labels.get("kubernetes.io/hostname") or node

    async def _go_on(self, key: Key, raw: Object, plan: _Plan, seen: Observation) -> float | None:
        profile = plan.profile
        now = self._clock()
        source = self._sources.named(profile.spec.metrics.source)
        container = container_name(profile.spec)
        seen = await measure(source, profile.metadata.namespace, container, seen, profile.status.trials, now)
        run = Run(
            profile=profile,
            run_hash=plan.accepted.run_hash,
            settings=plan.accepted.settings,
            trials=profile.status.trials,
            step=plan.step,
            active=profile.status.active_trial,
            now=now,
            hold=profile.spec.suspend,
            node=profile.status.provenance.node if profile.status.provenance else None,
            host=plan.accepted.inputs.host,
        )
        decision = decide(run, seen)
        if decision.record or decision.amend:
            await self._record(raw, plan, decision, seen, now)
            return 0.0
        await self._sweep(profile, seen)
        over = decision.idle and not isinstance(plan.step, RunTrial)
        paused = decision.idle and profile.spec.suspend and not over
        written = status.running(plan.profile, plan.accepted, plan.step, decision, seen, now, paused=paused)
        if decision.active is not None or not decision.idle:
            # What is about to be started is written down first, so that the trial's start time survives.
            raw = await self._write(raw, written) or raw
        act = Act(
            cluster=self._cluster,
            profile=profile,
            run_hash=plan.accepted.run_hash,
            settings=plan.accepted.settings,
            dataset_key=plan.accepted.inputs.dataset_key,
            together=plan.accepted.inputs.together,
            reference=reference_among(profile.status.trials),
            container=container,
            hosts=self._hosts,
        )
        try:
            for action in decision.actions:
                await act.do(action)
        except NotFound:
            raise  # somebody was quicker, or it was deleted: look again
        except Refused as error:
            # What was admitted when the run was accepted no longer is: say so, instead of trying for ever in silence.
            said = f"the API server refuses what the run needs: {error}"
            wait = await self._refuse(key, raw, profile, Finding(Reason.ADMISSION_REFUSED, said))
            # A dry run may admit it all the same: without a pause the two would answer each other as fast as they can.
            self._accepted.pop(profile.metadata.uid, None)
            self._held[key] = (profile.metadata.generation, now + timedelta(seconds=wait))
            return wait
        if not (over or paused):
            return decision.wake
        await self._end(key, raw, plan, written, now)
        return None

    async def _end(self, key: Key, raw: Object, plan: _Plan, written: ModelProfileStatus, now: datetime) -> None:
        """Write the end of a run, or of the part of it before it was suspended, and give up the turn."""
        await self._remove_all(plan.profile.metadata.namespace, plan.profile.metadata.uid)
        changed = await self._write(raw, written)
        self._turns.release(key)
        if changed and written.completion_time is not None:
            succeeded = next(c for c in written.conditions if c.type == "Succeeded")
            await events.tell(
                self._cluster,
                plan.profile,
                succeeded.reason,
                succeeded.message,
                now,
                warning=succeeded.status != "True",
            )

    async def _record(self, raw: Object, plan: _Plan, decision: Decision, seen: Observation, now: datetime) -> None:
        """Record a finished trial or its late usage: first the report, then the status; nothing is deleted before."""
        profile = plan.profile
        trials = list(profile.status.trials)
        row = decision.record or decision.amend
        assert row is not None
        if decision.record is not None:
            trials.append(row)
        else:
            trials[row.index - 1] = row
        job = seen.job(row.index)
        measured = job.measured if job is not None else None
        await full_report.write(self._cluster, profile, plan.accepted.run_hash, row, decision.record_result, measured)
        provenance = await self._provenance(plan, seen, row)
        written = status.recorded(profile, plan.accepted, trials, provenance, seen, now)
        await self._write(raw, written)
        if decision.record is not None:
            summary = f"Trial {row.index} ({row.purpose}) at {_size(row)}: {row.outcome}. {row.message}"
            await events.tell(self._cluster, profile, "TrialFinished", summary, now)

    async def _provenance(self, plan: _Plan, seen: Observation, row: Trial) -> Provenance:
        known = status.origin(plan.profile, plan.accepted)
        server = seen.servers[-1] if seen.servers else None
        pod = server.pod if server else None
        if known.node is not None or pod is None or not pod.node or row.load is None:
            return known
        try:
            node = await self._cluster.get(NODES, None, pod.node)
        except Refused:
            node = {"metadata": {"name": pod.node}}
        job = seen.job(row.index)
        return status.on_node(known, node, pod.image, job.result if job and job.node == pod.node else None)

    async def _sweep(self, profile: ModelProfile, seen: Observation) -> None:
        """Remove what an earlier run left."""
        kinds = {"deployments": DEPLOYMENTS, "jobs": JOBS}
        for plural, name in seen.stale:
            await self._cluster.delete(kinds[plural], profile.metadata.namespace, name)
            if plural == "deployments":
                await self._cluster.delete(SERVICES, profile.metadata.namespace, name)

    async def _remove_all(self, namespace: str, uid: str, but: str = "") -> None:
        """Remove every child of a profile but the report, and but those of one run."""
        selector = names.children_selector(uid)
        for kind in (JOBS, DEPLOYMENTS, SERVICES, CONFIG_MAPS):
            for child in await self._cluster.list(kind, namespace, selector):
                meta = child["metadata"]
                kept = meta["labels"].get(names.COMPONENT) == names.REPORT or meta["labels"].get(names.RUN) == but
                if not kept and "deletionTimestamp" not in meta:
                    await self._cluster.delete(kind, namespace, meta["name"])

    async def _write(self, raw: Object, new: ModelProfileStatus | Object) -> Object | None:
        """Write the status if it has changed; return the object as it is then, or None when nothing changed."""
        body = new if isinstance(new, dict) else new.to_dict()
        if body == (raw.get("status") or {}):
            return None
        written = await self._cluster.replace_status(PROFILES, {**raw, "status": body})
        self._turns.note(written)
        meta = written["metadata"]
        self._own[meta["namespace"], meta["name"]] = meta["resourceVersion"]
        return written


def _size(row: Trial) -> str:
    return f"{row.limits.cpu} CPU and {row.limits.memory}"
