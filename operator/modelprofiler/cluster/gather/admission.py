"""Whether the API server admits what a run will create: asked by dry run, before anything is started."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, PODS, Cluster, Kind
from modelprofiler.cluster.manifests.load import load_pod
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.cluster.manifests.template import pod_template
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.conditions import Finding
from modelprofiler.errors import AlreadyExists, QuotaExceeded, Refused

_SUBJECT = re.compile(
    r'^(?:[A-Za-z.]+ "[^"]*" is (?:invalid|forbidden)|'
    r'[A-Za-z]+ in version "[^"]*" cannot be handled as an? [A-Za-z]+): '
)
"""How the API server begins a refusal: with the name of the object, which a user has never seen."""


async def refusal(
    cluster: Cluster, profile: ModelProfile, settings: Settings, resources: EffectiveResources, identity: str
) -> Finding | None:
    """Return why the API server refuses what a run will create, or None when it admits everything.

    Raises
    ------
    ClusterUnavailable, Conflict
        When the API server does not say.
    """
    message = await _Admission(cluster, profile, settings, identity).refusal(resources)
    return Finding(Reason.ADMISSION_REFUSED, message) if message else None


@dataclass(frozen=True)
class _Refusal:
    """Why the API server does not admit an object."""

    message: str
    over_quota: bool = False


class _Admission:
    """Asks for one run."""

    def __init__(self, cluster: Cluster, profile: ModelProfile, settings: Settings, identity: str) -> None:
        self._cluster, self._profile, self._settings, self._identity = cluster, profile, settings, identity

    async def refusal(self, resources: EffectiveResources) -> str:
        """Return why something is refused, empty when everything is admitted.

        The server's pod is tried at both ends of the range, then the load pod, both together, and the Deployment.

        Pods are tried because a Deployment is admitted whatever its pods ask for, and the Deployment because it refuses
        templates that are good enough for a pod. Where both pods together are admitted, each of them is: no policy that
        counts resources or looks at containers objects to one container but not to two.
        """
        largest = Limits.ceiling(resources)
        smallest = Limits(cpu_axis(resources.cpu).first, memory_axis(resources.memory).first)
        both = await self._pod_refusal(_combined(self._server_pod(largest), self._load_pod()))
        at_largest = await self._pod_refusal(self._server_pod(largest)) if both else None
        at_smallest = await self._pod_refusal(self._server_pod(smallest)) if smallest != largest else at_largest
        return (
            self._server_sentence(largest, at_largest, smallest, at_smallest)
            or (both and await self._load_sentence(largest, both))
            or await self._deployment_sentence(largest)
        )

    def _server_sentence(
        self, largest: Limits, at_largest: _Refusal | None, smallest: Limits, at_smallest: _Refusal | None
    ) -> str:
        if at_largest is not None and at_largest == at_smallest:
            return f"{self._server_path}: the API server refuses the pod: {at_largest.message}"
        for size, refused in ((f"largest size, {largest}", at_largest), (f"smallest size, {smallest}", at_smallest)):
            if refused is not None:
                return f"spec.resources: the API server refuses the pod at its {size}: {refused.message}"
        return ""

    async def _load_sentence(self, largest: Limits, both: _Refusal) -> str:
        """Return why the load pod is refused, alone or since the server's pod leaves it nothing of a quota."""
        if refused := await self._pod_refusal(self._load_pod()):
            advice = ""
            if not self._settings.load_cpu_limit and not await self._pod_refusal(self._load_pod(cpu_limit=True)):
                # A quota on limits.cpu, or a LimitRange with a largest CPU and no default, wants every pod to have one.
                advice = "; the chart value trials.load.cpuLimit gives it a CPU limit"
            return f"the API server refuses the load pod: {refused.message}{advice}"
        if both.over_quota:
            return (
                f"spec.resources: the server at its largest size, {largest}, leaves no room for the load pod: "
                f"{both.message}"
            )
        return ""

    async def _deployment_sentence(self, largest: Limits) -> str:
        body = deployment(self._profile, self._identity, self._settings, incarnation=0, limits=largest, host=None)
        refused = await self._refusal_of(DEPLOYMENTS, body)
        return f"{self._server_path}: the API server refuses the Deployment: {refused.message}" if refused else ""

    @property
    def _server_path(self) -> str:
        return "spec.server.template" if self._profile.spec.server.template else "spec.server.entryScript"

    def _server_pod(self, limits: Limits) -> Object:
        return pod_template(
            self._profile.spec,
            self._settings,
            limits=limits,
            files=Files.of(self._profile, self._identity, self._settings),
            labels=names.labels(self._profile, self._identity, names.SERVER),
            host=None,
        )

    def _load_pod(self, *, cpu_limit: bool = False) -> Object:
        settings = self._settings
        if cpu_limit:
            settings = settings.model_copy(update={"load_cpu_limit": settings.load_cpu})
        return {"spec": load_pod(self._profile, self._identity, settings, None)}

    async def _pod_refusal(self, pod: Object) -> _Refusal | None:
        """Return why a pod is refused.

        Its name is always the same: a generated one would make every refusal a new sentence, and every look at the
        profile a change of its status.
        """
        name = f"{names.base(self._profile, self._identity)}-check"
        meta = {**(pod.get("metadata") or {}), "name": name}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]}
        refused = await self._refusal_of(PODS, body)
        # What the pods of another run take of a quota is free again when its turn is over. A run that turns out not to
        # fit says so in the outcome of its first trial.
        return None if refused and refused.over_quota and await self._another_run_has_pods() else refused

    async def _refusal_of(self, kind: Kind, body: Object) -> _Refusal | None:
        try:
            await self._cluster.create(kind, self._profile.metadata.namespace, body, dry_run=True)
        except AlreadyExists:
            return None  # somebody has the name; that is found out after admission
        except Refused as error:
            return _Refusal(_SUBJECT.sub("", str(error)), isinstance(error, QuotaExceeded))
        return None

    async def _another_run_has_pods(self) -> bool:
        selector = f"{names.MANAGED_BY}={names.MANAGER},{names.PROFILE_UID}"
        return bool(await self._cluster.list(PODS, self._profile.metadata.namespace, selector))


def _combined(server: Object, load: Object) -> Object:
    """Return one pod that asks for as much as the server's and the load pod together, which is what a quota counts."""
    load_containers = [
        {**{k: v for k, v in c.items() if k != "volumeMounts"}, "name": f"modelprofiler-{c['name']}"}
        for c in load["spec"]["containers"]
    ]
    containers = [*server["spec"]["containers"], *load_containers]
    return {**server, "spec": {**server["spec"], "containers": containers}}
