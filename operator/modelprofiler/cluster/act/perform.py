"""Doing what was decided: each action is safe to repeat, since names follow from the run."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import Trial
from modelprofiler.cluster.adapter import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    SERVICES,
    STRATEGIC_PATCH,
    Cluster,
)
from modelprofiler.cluster.decide.trial import Action, CreateJob, CreateServer, DeleteJob, DeleteServer, Resize
from modelprofiler.cluster.manifests import config_maps, load, server
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.sources import INLINE_DATASET
from modelprofiler.errors import NotFound, Refused
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.trial_config import load_of_trial, longest_seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Act:
    """Carries out the actions of one run."""

    cluster: Cluster
    profile: ModelProfile
    run_hash: str
    settings: Settings
    dataset_key: str
    reference: Trial | None
    container: str
    hosts: dict[str, str]
    together: bool = False
    """Whether the load has to be on the server's node for its volume."""

    async def do(self, action: Action) -> None:
        """Carry out an action.

        Raises
        ------
        ClusterUnavailable, Conflict, Refused
            When the API server does not do it; the next reconcile decides anew.
        """
        namespace = self.profile.metadata.namespace
        match action:
            case CreateServer():
                await self._create_server(action)
            case DeleteServer(name):
                await self.cluster.delete(DEPLOYMENTS, namespace, name)
                await self.cluster.delete(SERVICES, namespace, name)
            case CreateJob():
                await self._create_job(action)
            case DeleteJob(name):
                await self.cluster.delete(JOBS, namespace, name)
            case Resize():
                await self._resize(action)

    async def _create_server(self, action: CreateServer) -> None:
        namespace = self.profile.metadata.namespace
        files = config_maps.inline_files(self.profile, self.run_hash)
        if files is not None:
            await self.cluster.create(CONFIG_MAPS, namespace, files)
        service = server.service(self.profile, self.run_hash, action.incarnation)
        await self.cluster.create(SERVICES, namespace, service)
        deployment = server.deployment(
            self.profile,
            self.run_hash,
            self.settings,
            incarnation=action.incarnation,
            limits=action.limits,
            host=action.host,
        )
        await self.cluster.create(DEPLOYMENTS, namespace, deployment)

    async def _resize(self, action: Resize) -> None:
        """Resize the pod; a cluster that cannot (older than 1.33, a policy) gets a fresh pod instead."""
        namespace = self.profile.metadata.namespace
        size = action.limits.to_size().to_dict()
        body = {"spec": {"containers": [{"name": self.container, "resources": {"requests": size, "limits": size}}]}}
        try:
            await self.cluster.patch(
                PODS, namespace, action.pod, body, subresource="resize", content_type=STRATEGIC_PATCH
            )
        except Refused as error:
            log.info("%s/%s: resize refused, starting a fresh pod: %s", namespace, action.pod, error)
            await self.do(DeleteServer(action.server))

    async def _create_job(self, action: CreateJob) -> None:
        namespace = self.profile.metadata.namespace
        try:
            service = await self.cluster.get(SERVICES, namespace, action.server.name)
        except NotFound:  # somebody deleted it; the Deployment does not miss it, the load would for ever
            made = server.service(self.profile, self.run_hash, action.server.incarnation)
            await self.cluster.create(SERVICES, namespace, made)
            service = await self.cluster.get(SERVICES, namespace, action.server.name)
        config = self.load_config(action, service["spec"]["clusterIP"])
        job = load.load_job(
            self.profile,
            self.run_hash,
            self.settings,
            config,
            trial=action.trial,
            purpose=action.purpose,
            limits=action.limits,
            window=action.window,
            incarnation=action.server.incarnation,
            server_pod=action.pod.uid,
            server_host=self.hosts.get(action.pod.node),
            together=self.together,
            deadline_seconds=self._deadline(config),
        )
        await self.cluster.create(JOBS, namespace, job)

    def load_config(self, action: CreateJob, address: str) -> LoadConfig:
        """Return what the load generator of a trial is told."""
        return load_of_trial(
            self.profile.spec,
            index=action.trial,
            purpose=action.purpose,
            decide=action.window == "Decide",
            reference=self.reference,
            host=address,
            dataset=f"{load.DATASET_DIR}/{self.dataset_key or INLINE_DATASET}",
            connect_timeout=self.settings.ready_timeout_seconds,
        )

    def _deadline(self, config: LoadConfig) -> int:
        """Return the longest a load may take, in seconds: the bound behind every other bound."""
        return int(self.settings.schedule_timeout_seconds + longest_seconds(config) + 60)
