"""Whether the API server would take what a run creates: asked by dry run, before anything is started."""

from __future__ import annotations

import re

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, PODS, Cluster
from modelprofiler.cluster.manifests import load, server, template
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.conditions import Finding
from modelprofiler.errors import Refused

QUOTA = "exceeded quota"
"""What the API server says when a ResourceQuota has too little left."""

_SUBJECT = re.compile(
    r'^(?:[A-Za-z.]+ "[^"]*" is (?:invalid|forbidden)|'
    r'[A-Za-z]+ in version "[^"]*" cannot be handled as an? [A-Za-z]+): '
)


async def refusal(
    cluster: Cluster, profile: ModelProfile, settings: Settings, resources: EffectiveResources, identity: str
) -> Finding | None:
    """Return why the API server refuses what a run would create, or None when it takes everything.

    Raises
    ------
    ClusterUnavailable, Conflict
        When the API server does not say.
    """
    found = await _Admission(cluster, profile, settings, identity).refusal(resources)
    return Finding(Reason.ADMISSION_REFUSED, found) if found else None


class _Admission:
    """Asks for one run."""

    def __init__(self, cluster: Cluster, profile: ModelProfile, settings: Settings, identity: str) -> None:
        self._cluster, self._profile, self._settings, self._identity = cluster, profile, settings, identity

    async def refusal(self, resources: EffectiveResources) -> str:
        """Ask for the server's pod at both ends of the range, the load pod, both together, and the Deployment.

        Pods, because a Deployment is admitted whatever its pods ask for; and a Deployment, because it refuses
        templates that are good enough for a pod. Where both together are admitted, each of them is: nothing that
        counts or looks at containers has less to say against two than against one.
        """
        largest = Limits.ceiling(resources)
        smallest = Limits(cpu_axis(resources.cpu).first, memory_axis(resources.memory).first)
        server_pod = self._server_pod(largest)
        load_pod = load.load_pod(self._profile, self._identity, self._settings, None)
        together = await self._refused(_beside(server_pod, load_pod))
        at_most = together and await self._refused(server_pod)
        at_least = await self._refused(self._server_pod(smallest)) if smallest != largest else at_most
        if at_most and at_most == at_least:
            return f"{self._server_path}: the API server refuses the pod: {at_most}"
        if at_most or at_least:
            size, words = (f"largest size, {largest}", at_most) if at_most else (f"smallest size, {smallest}", at_least)
            return f"spec.resources: the API server refuses the pod at its {size}: {words}"
        if together and (words := await self._refused({"spec": load_pod})):
            return f"the API server refuses the load pod: {words}{_advice(words)}"
        if QUOTA in together:
            return (
                f"spec.resources: the server at its largest size, {largest}, leaves no room for the load pod: "
                f"{together}"
            )
        if words := await self._refused_deployment(largest):
            return f"{self._server_path}: the API server refuses the Deployment: {words}"
        return ""

    @property
    def _server_path(self) -> str:
        return "spec.server.template" if self._profile.spec.server.template else "spec.server.entryScript"

    def _server_pod(self, limits: Limits) -> Object:
        return template.pod_template(
            self._profile.spec,
            self._settings,
            limits=limits,
            files=Files.of(self._profile, self._identity),
            labels=names.labels(self._profile, self._identity, names.SERVER),
            host=None,
        )

    async def _refused(self, pod: Object) -> str:
        """Return what the API server says against a pod; empty when nothing.

        The name is always the same: a generated one would make every refusal a new sentence, and every look at the
        profile a change of its status.
        """
        namespace = self._profile.metadata.namespace
        meta = (pod.get("metadata") or {}) | {"name": f"{names.base(self._profile, self._identity)}-check"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]}
        try:
            await self._cluster.create(PODS, namespace, body, dry_run=True)
        except Refused as error:
            words = _SUBJECT.sub("", str(error))
            return "" if QUOTA in words and await self._others_run() else words
        return ""

    async def _refused_deployment(self, limits: Limits) -> str:
        namespace = self._profile.metadata.namespace
        body = server.deployment(self._profile, self._identity, self._settings, incarnation=0, limits=limits, host=None)
        try:
            await self._cluster.create(DEPLOYMENTS, namespace, body, dry_run=True)
        except Refused as error:
            return _SUBJECT.sub("", str(error))
        return ""

    async def _others_run(self) -> bool:
        """Whether pods of a run are in the namespace: what they take of a quota is free again when their turn is over.

        A run that turns out not to fit then says so in the outcome of its first trial.
        """
        selector = f"{names.MANAGED_BY}={names.MANAGER},{names.PROFILE_UID}"
        return bool(await self._cluster.list(PODS, self._profile.metadata.namespace, selector))


def _advice(words: str) -> str:
    """Return what the installer can do about a load pod that was refused for want of a CPU limit, which it has not."""
    # A ResourceQuota on limits.cpu, and a LimitRange with a largest CPU and no default.
    wanted = "limits.cpu" in words or "cpu usage per Container" in words
    return "; the chart value trials.load.cpuLimit gives it a CPU limit" if wanted else ""


def _beside(server: Object, load: Object) -> Object:
    """Return one pod that asks for as much as the server's and the load pod together, which is what a quota counts."""
    extra = [{k: v for k, v in c.items() if k != "volumeMounts"} for c in load["containers"]]
    together = [*server["spec"]["containers"], *({**c, "name": f"modelprofiler-{c['name']}"} for c in extra)]
    return {**server, "spec": {**server["spec"], "containers": together}}
