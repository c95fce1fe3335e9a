"""Carries out what was decided: each action is safe to repeat, since names follow from the run."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime

from modelprofiler.api.conditions import LONGEST_MESSAGE, Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import container_name
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import INCONCLUSIVE, Trial
from modelprofiler.cluster import names
from modelprofiler.cluster.act import events, full_report
from modelprofiler.cluster.adapter import CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, STRATEGIC_PATCH, Cluster, Kind
from modelprofiler.cluster.decide.actions import (
    Action,
    CreateJob,
    CreateOtherLoads,
    CreateReader,
    CreateServer,
    DeleteFiles,
    DeleteJob,
    DeleteServer,
    Resize,
    StartPreparing,
    WriteReport,
)
from modelprofiler.cluster.decide.decision import Decision
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.objects import is_owned_by
from modelprofiler.cluster.gather.observation import LoadJob
from modelprofiler.cluster.gather.world import World
from modelprofiler.cluster.manifests import config_maps, load, server
from modelprofiler.cluster.manifests.prepare import prepare_job
from modelprofiler.cluster.manifests.reader import reader_job
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.conditions import Finding
from modelprofiler.core.judge import reference_among
from modelprofiler.core.text import head
from modelprofiler.errors import AlreadyExists, NameTaken, NotFound, Refused
from modelprofiler.load.config import LONGEST_PROBLEM, LoadConfig, NodeReaderConfig, RendezvousConfig
from modelprofiler.load.node.serve import PORT as READER_PORT
from modelprofiler.load.trial_config import load_of_trial, longest_seconds

log = logging.getLogger(__name__)

RENDEZVOUS_PORT = 8078
"""The port on which the first load generator awaits the others; any above 1,023 that its pod does not use otherwise."""
KEY_LENGTH = 32
"""Characters of what the others say to it: 128 bits, which nobody guesses."""


@dataclass(frozen=True)
class RunFacts:
    """What the objects of a run are made from."""

    profile: ModelProfile
    run_hash: str
    settings: Settings
    dataset_key: str
    reference: Trial | None
    """The trial at the largest size, once it is recorded."""
    container: str
    hosts: dict[str, str]
    together: bool = False
    """Whether the load has to be on the server's node for its volume."""

    @classmethod
    def of(cls, world: World, decision: Decision) -> RunFacts | None:
        """Return those of an accepted profile, as it is once a decision has been written; None of any other."""
        profile, accepted = world.profile, world.acceptance
        if not isinstance(profile, ModelProfile) or not isinstance(accepted, Accepted):
            return None
        if isinstance(decision.status, ModelProfileStatus):
            profile = profile.model_copy(update={"status": decision.status})
        return cls(
            profile=profile,
            run_hash=accepted.run_hash,
            settings=accepted.settings,
            dataset_key=accepted.inputs.dataset_key,
            reference=reference_among(profile.status.trials),
            container=container_name(profile.spec),
            hosts={name: node.host for name, node in world.nodes.items()},
            together=accepted.inputs.together,
        )


@dataclass(frozen=True)
class Act:
    """Carries out the actions of one decision."""

    cluster: Cluster
    settings: Settings
    namespace: str
    uid: str
    """Of the profile."""
    profile: ModelProfile | None
    """None where the profile does not parse: then nothing is done but to remove what it has."""
    run: RunFacts | None
    """None where the profile is not accepted."""
    uids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Of the profile's Deployments and Jobs, by plural and name: what is deleted is what was seen."""
    now: datetime | None = None
    """Time of the look; None: no event is written."""
    files: MutableMapping[str, str] = field(default_factory=dict)
    """Name of the ConfigMap with what the profile carries inline, by run hash, from one look to the next."""

    @classmethod
    def of(
        cls,
        cluster: Cluster,
        settings: Settings,
        world: World,
        decision: Decision,
        files: MutableMapping[str, str],
    ) -> Act:
        """Return what carries out a decision about a world."""
        meta = world.raw["metadata"]
        profile = world.profile if isinstance(world.profile, ModelProfile) else None
        uids = {(child.plural, child.name): child.uid for child in world.owned}
        run = RunFacts.of(world, decision)
        return cls(cluster, settings, meta["namespace"], meta["uid"], profile, run, uids, world.now, files)

    async def do(self, action: Action) -> None:
        """Carry out an action.

        Raises
        ------
        ClusterUnavailable, Conflict, Refused
            When the API server does not do it; the next look decides anew.
        """
        match action:
            case DeleteServer(name):
                await self._delete(DEPLOYMENTS, name)
            case DeleteJob(name):
                await self._delete(JOBS, name)
            case DeleteFiles():
                await self._delete_files()
            case StartPreparing(claims):
                await self._start_preparing(claims)
            case CreateServer():
                await self._create_server(self._facts, action)
            case CreateReader():
                await self._create_reader(self._facts, action)
            case CreateJob() | CreateOtherLoads():
                await self._create_load(self._facts, action)
            case Resize():
                await self._resize(self._facts, action)
            case WriteReport():
                await self._write_report(self._facts, action)

    async def _write_report(self, run: RunFacts, action: WriteReport) -> None:
        made = await full_report.write(
            self.cluster, run.profile, run.run_hash, action.trial, action.result, action.measured
        )
        if made is not None:
            await self._tell_name(CONFIG_MAPS, names.report(run.profile.metadata.name), made)

    @property
    def _facts(self) -> RunFacts:
        assert self.run is not None, "only an accepted profile has a run"
        return self.run

    async def _delete(self, kind: Kind, name: str) -> None:
        """Delete a child, and nothing else that has its name."""
        uid = self.uids.get((kind.plural, name))
        if uid is None:
            try:
                body = await self.cluster.get(kind, self.namespace, name)
            except NotFound:
                return
            if not is_owned_by(body, self.uid):
                return
            uid = body["metadata"]["uid"]
        await self.cluster.delete(kind, self.namespace, name, uid=uid)

    async def _create(self, kind: Kind, body: Object) -> str:
        """Create a child under the first name that nobody else has, and return this name."""
        usual = body["metadata"]["name"]
        for name in names.alternatives(usual):
            meta = {**body["metadata"], "name": name}
            try:
                made = await self.cluster.create(kind, self.namespace, {**body, "metadata": meta})
            except NameTaken as error:
                log.warning("%s/%s: %s; trying another name", self.namespace, usual, error)
                continue
            # What is in a ConfigMap of ours that was there before may be somebody else's work.
            if made is not None and made.get("data") == body.get("data"):
                await self._tell_name(kind, usual, name)
                return name
        raise NameTaken(f"all names that {kind.plural} {usual!r} may have are taken by objects of others; delete them")

    async def _tell_name(self, kind: Kind, usual: str, name: str) -> None:
        if name == usual or self.profile is None or self.now is None:
            return
        message = f"{kind.plural} {usual!r} exists and does not belong to this profile; {name!r} is used instead"
        await events.tell(self.cluster, self.profile, "NameTaken", message, self.now, warning=True)

    async def _delete_files(self) -> None:
        self.files.clear()
        for body in await self.cluster.list(CONFIG_MAPS, self.namespace, names.children_selector(self.uid)):
            meta = body["metadata"]
            if meta["labels"].get(names.COMPONENT) == names.FILES and is_owned_by(body, self.uid):
                await self.cluster.delete(CONFIG_MAPS, self.namespace, meta["name"], uid=meta["uid"])

    async def _inline_files(self, run: RunFacts) -> str | None:
        """Create the ConfigMap with what the profile carries inline, and return its name; None where there is none."""
        files = config_maps.inline_files(run.profile, run.run_hash)
        if files is None:
            return None
        name = await self._create(CONFIG_MAPS, files)
        self.files[run.run_hash] = name
        return name

    def _known_files(self, run: RunFacts) -> str | None:
        """Return the name of that ConfigMap as it was created before; None after a trial that went wrong.

        Somebody may have deleted it, so it is created again then, and with each server.
        """
        trials = run.profile.status.trials
        went_wrong = bool(trials) and trials[-1].outcome in INCONCLUSIVE
        return None if went_wrong else self.files.get(run.run_hash)

    async def _start_preparing(self, claims: Claims) -> None:
        assert self.profile is not None
        job = prepare_job(self.profile, self.settings, identity=claims.identity, host=claims.host)
        pod = job["spec"]["template"]
        meta = {**pod["metadata"], "name": job["metadata"]["name"]}
        # A Job is admitted whatever its pods ask for, and then says nowhere but in its events why it creates none.
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]}
        with contextlib.suppress(AlreadyExists):  # somebody has the name; that is found out after admission
            await self.cluster.create(PODS, self.namespace, body, dry_run=True)
        await self._create(JOBS, job)

    async def _create_server(self, run: RunFacts, action: CreateServer) -> None:
        inline = await self._inline_files(run)
        deployment = server.deployment(
            run.profile,
            run.run_hash,
            run.settings,
            incarnation=action.incarnation,
            limits=action.limits,
            host=action.host,
            inline=inline,
        )
        await self._create(DEPLOYMENTS, deployment)

    async def _create_reader(self, run: RunFacts, action: CreateReader) -> None:
        """Start the node reader; nothing depends on it, so that a quota or a policy that refuses it stops nothing."""
        job = reader_job(run.profile, run.run_hash, run.settings, trial=action.trial, host=action.host)
        try:
            await self._create(JOBS, job)
        except Refused as error:
            log.info("%s/%s: there is no node reader: %s", self.namespace, run.profile.metadata.name, error)

    async def _resize(self, run: RunFacts, action: Resize) -> None:
        """Resize the pod; where that is refused (by a policy, say) it gets a fresh pod instead."""
        size = action.limits.to_size().to_dict()
        body = {"spec": {"containers": [{"name": run.container, "resources": {"requests": size, "limits": size}}]}}
        try:
            await self.cluster.patch(
                PODS, self.namespace, action.pod, body, subresource="resize", content_type=STRATEGIC_PATCH
            )
        except Refused as error:
            log.info("%s/%s: resize refused, starting a fresh pod: %s", self.namespace, action.pod, error)
            await self.do(DeleteServer(action.server))

    async def _create_load(self, run: RunFacts, action: CreateJob | CreateOtherLoads) -> None:
        if isinstance(action, CreateJob):
            trial: CreateJob | LoadJob = action
            config, incarnation, server_pod = load_config(run, action), action.server.incarnation, action.pod.uid
            node = action.pod.node
        else:
            trial = action.job
            config, incarnation, server_pod = others_config(trial), trial.incarnation, trial.server_pod
            node = action.server_node
        inline = self._known_files(run) or await self._inline_files(run)
        job = load.load_job(
            run.profile,
            run.run_hash,
            run.settings,
            config,
            trial=trial.trial,
            purpose=trial.purpose,
            limits=trial.limits,
            window=trial.window,
            incarnation=incarnation,
            server_pod=server_pod,
            server_host=run.hosts.get(node),
            together=run.together,
            deadline_seconds=load_deadline(run.settings, config),
            inline=inline,
        )
        await self._create(JOBS, job)


def load_config(run: RunFacts, action: CreateJob) -> LoadConfig:
    """Return the configuration of a trial's load generator.

    The load goes to the pod's own address: a Service would leave it out while a health route waits behind a running
    score, and would be two more objects to write for every server.
    """
    config = load_of_trial(
        run.profile.spec,
        index=action.trial,
        purpose=action.purpose,
        decide=action.window == "Decide",
        reference=run.reference,
        host=action.pod.ip,
        dataset=load.dataset_path(run.profile, run.dataset_key),
        ready_timeout=run.settings.ready_timeout_seconds,
        seconds=action.seconds,
    )
    known = run.profile.status.dataset
    if run.profile.spec.dataset.source.uri is not None and known is not None:
        # Every trial downloads the rows again: they must be those that were checked.
        config = config.model_copy(update={"dataset": config.dataset.model_copy(update={"digest": known.digest})})
    if config.load.parallelism > 1:
        config = config.model_copy(update={"rendezvous": _rendezvous(run, action.trial)})
    if not (action.reader or action.no_reader):
        return config
    problem = head(action.no_reader, LONGEST_PROBLEM)
    reader = NodeReaderConfig(host=action.reader, port=READER_PORT, problem="" if action.reader else problem)
    return config.model_copy(update={"node_reader": reader})


def _rendezvous(run: RunFacts, trial: int) -> RendezvousConfig:
    """Return where the load generators of a trial meet; who can read the Jobs of the namespace knows the key."""
    key = hashlib.sha256(f"{run.profile.metadata.uid}/{run.run_hash}/{trial}".encode()).hexdigest()[:KEY_LENGTH]
    patience = run.settings.placement_seconds + run.settings.image_pull_timeout_seconds
    return RendezvousConfig(port=RENDEZVOUS_PORT, key=key, patience=patience)


def others_config(job: LoadJob) -> LoadConfig:
    """Return the configuration of all load generators but the first, from that of the first and its address.

    They send the same load to the same server. The first one alone asks the node reader.
    """
    first = job.config
    assert first is not None, "the others are started where there is one"
    assert first.rendezvous is not None, "the first waits for them"
    rendezvous = first.rendezvous.model_copy(update={"host": job.address})
    return first.model_copy(update={"index": 1, "rendezvous": rendezvous, "node_reader": None})


def load_deadline(settings: Settings, config: LoadConfig) -> int:
    """Return the longest a load may take, in seconds: the bound behind every other bound."""
    return int(settings.placement_seconds + longest_seconds(config) + 60)


def refusal_of(action: Action, error: Refused) -> Finding:
    """Return the finding that an action was refused: what was admitted when the run began may be refused later."""
    if isinstance(error, NameTaken):
        return Finding(Reason.ADMISSION_REFUSED, head(str(error), LONGEST_MESSAGE))
    what = action.claims.pod if isinstance(action, StartPreparing) else "what the run needs"
    return Finding(Reason.ADMISSION_REFUSED, head(f"the API server refuses {what}: {error}", LONGEST_MESSAGE))
