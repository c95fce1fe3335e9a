"""Runs in a namespace of a cluster, as ModelProfile objects."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import GROUP, ModelProfile
from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.profiling.cluster_client import call
from modelprofiler.azureml.profiling.details import CANCELLED, FINAL_STATES, Snapshot
from modelprofiler.azureml.profiling.manifest import kubernetes_name
from modelprofiler.cluster.adapter import PROFILES, Cluster

CANCELLED_ANNOTATION = f"{GROUP}/cancelled"


class ClusterRuns:
    """The runs in a namespace."""

    def __init__(self, namespace: str, context: str | None) -> None:
        self._namespace = namespace
        self._context = context

    def read(self, name: str) -> Snapshot:
        """Return the present state of a run.

        Raises
        ------
        WebserviceException
            When there is no run of that name.
        """

        async def get(cluster: Cluster) -> Object:
            return await cluster.get(PROFILES, self._namespace, kubernetes_name(name))

        try:
            document = call(self._context, get)
        except WebserviceException as error:
            if error.status_code != 404:
                raise
            raise WebserviceException(
                f"Model profiling result with name {name} not found in namespace {self._namespace}: {error}", 404
            ) from error
        profile = ModelProfile.parse(document)
        if CANCELLED_ANNOTATION in profile.metadata.annotations:
            return Snapshot(profile, CANCELLED, "it was cancelled")
        return Snapshot(profile)

    def cancel(self, name: str) -> None:
        """Suspend a run that has not ended; its finished trials are kept."""
        if self.read(name).state in FINAL_STATES:
            return
        body = {"metadata": {"annotations": {CANCELLED_ANNOTATION: "true"}}, "spec": {"suspend": True}}

        async def patch(cluster: Cluster) -> None:
            await cluster.patch(PROFILES, self._namespace, kubernetes_name(name), body)

        call(self._context, patch)
