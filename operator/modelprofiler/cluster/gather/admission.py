"""Whether the API server admits what a run will create: asked by dry run, before anything is started."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelprofiler.api.conditions import Reason
from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import container_name
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, PODS, Cluster, Kind
from modelprofiler.cluster.gather import quotas
from modelprofiler.cluster.gather.room.capacity import pod_requests
from modelprofiler.cluster.manifests.load import load_pod
from modelprofiler.cluster.manifests.pods import TRIAL_ANNOTATIONS, pod_metadata
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.cluster.manifests.template import pod_template
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.conditions import Finding
from modelprofiler.core.sizes import whole_mebibytes
from modelprofiler.errors import AlreadyExists, QuotaExceeded, Refused, WebhookFailed

_SUBJECT = re.compile(
    r'^(?:[A-Za-z.]+ "[^"]*" is (?:invalid|forbidden)|'
    r'[A-Za-z]+ in version "[^"]*" cannot be handled as an? [A-Za-z]+): '
)
"""How the API server begins a refusal: with the name of the object, which a user has never seen."""


LABELS_ADVICE = (
    "; the labels of the template are not copied to trial pods, because they would put them behind the workload's "
    "Services: write those that the policy wants into spec.podMetadata.labels, which every pod of the run gets (the "
    "chart value trials.podLabels gives them to the pods of all profiles)"
)

CPU_UNIT = 10
"""Millicores: the smallest step of a range."""
MEMORY_UNIT = 2**20
"""Bytes: people write sizes of memory in mebibytes."""


async def refusal(
    cluster: Cluster, profile: ModelProfile, settings: Settings, resources: EffectiveResources, identity: str
) -> Finding | None:
    """Return why the API server refuses what a run will create, or None when it admits everything.

    Raises
    ------
    ClusterUnavailable, Conflict
        When the API server does not say.
    """
    try:
        message = await _Admission(cluster, profile, settings, identity).refusal(resources)
    except WebhookFailed as error:  # which is asked no further questions, as each takes its whole timeout
        message = f"the API server admits nothing of what the run needs: {error}"
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
        both = await self._pod_refusal(
            _combined(self._server_pod(largest), [self._load_pod()] * self._profile.spec.load.parallelism)
        )
        at_largest = await self._pod_refusal(self._server_pod(largest)) if both else None
        at_smallest = await self._pod_refusal(self._server_pod(smallest)) if smallest != largest else at_largest
        return (
            await self._server_sentence(largest, at_largest, smallest, at_smallest)
            or (both and await self._load_sentence(largest, both))
            or await self._deployment_sentence(largest)
            or await quotas.refusal(self._cluster, self._profile)
        )

    async def _server_sentence(
        self, largest: Limits, at_largest: _Refusal | None, smallest: Limits, at_smallest: _Refusal | None
    ) -> str:
        if at_largest is not None and at_largest == at_smallest:
            advice = LABELS_ADVICE if self._drops_labels and await self._admits_labels(largest) else ""
            return f"{self._server_path}: the API server refuses the pod: {at_largest.message}{advice}"
        at_its = "spec.resources: the API server refuses the pod at its"
        if at_largest is not None:
            admitted = await self._sum(largest, smallest) if at_smallest is None else ""
            return f"{at_its} largest size, {largest}: {at_largest.message}{admitted}"
        if at_smallest is not None:
            return f"{at_its} smallest size, {smallest}: {at_smallest.message}"
        return ""

    @property
    def _drops_labels(self) -> bool:
        template = self._profile.spec.server.template or {}
        return bool((template.get("metadata") or {}).get("labels"))

    async def _admits_labels(self, size: Limits) -> bool:
        """Return whether the pod would be admitted with the labels of its template, which the operator leaves out."""
        pod = self._server_pod(size)
        own = ((self._profile.spec.server.template or {}).get("metadata") or {}).get("labels") or {}
        labels = {**own, **pod["metadata"]["labels"]}
        return await self._pod_refusal({**pod, "metadata": {**pod["metadata"], "labels": labels}}) is None

    async def _sum(self, largest: Limits, smallest: Limits) -> str:
        """Return how much of the range would be admitted beside the other containers of the pod.

        The sizes between the smallest, which is admitted, and the largest, which is not, are bisected: whatever the
        rule is that refuses, a LimitRange or a policy.
        """
        parts = []
        if await self._pod_refusal(self._server_pod(Limits(largest.cpu, smallest.memory))):
            most = await self._most(
                smallest.cpu // CPU_UNIT, largest.cpu // CPU_UNIT, lambda n: Limits(n * CPU_UNIT, smallest.memory)
            )
            parts.append(f"at most {Quantity.cpu(max(most * CPU_UNIT, smallest.cpu))} CPU is admitted")
        if await self._pod_refusal(self._server_pod(Limits(smallest.cpu, largest.memory))):
            most = await self._most(
                smallest.memory // MEMORY_UNIT,
                largest.memory // MEMORY_UNIT,
                lambda n: Limits(smallest.cpu, n * MEMORY_UNIT),
            )
            parts.append(f"at most {Quantity.memory(max(most * MEMORY_UNIT, smallest.memory))} of memory is admitted")
        if not parts:
            return ""
        others = await self._others(smallest)
        return f"; {others}{' and '.join(parts)} for the container"

    async def _most(self, low: int, high: int, size: Callable[[int], Limits]) -> int:
        """Return the largest admitted number of units between one that is admitted and one that is not."""
        while high - low > 1:
            middle = (low + high) // 2
            if await self._pod_refusal(self._server_pod(size(middle))):
                high = middle
            else:
                low = middle
        return low

    async def _others(self, size: Limits) -> str:
        """Return what the other containers take, as the API server fills it in; empty where there are none."""
        pod = self._server_pod(size)
        name = container_name(self._profile.spec)
        try:
            body = self._as_pod(pod)
            made = await self._cluster.create(PODS, self._profile.metadata.namespace, body, dry_run=True)
        except WebhookFailed:
            raise
        except (AlreadyExists, Refused):
            made = None
        spec = (made or pod).get("spec") or {}
        others = [c for c in spec.get("containers") or [] if c.get("name") != name]
        if not others:
            return ""
        limits = [{**c, "resources": {"requests": (c.get("resources") or {}).get("limits")}} for c in others]
        cpu, memory = pod_requests({"spec": {**spec, "containers": limits, "initContainers": []}})
        return (
            f"the other containers of the pod take {Quantity.cpu(cpu)} CPU and {whole_mebibytes(memory)} of memory by "
            "their limits: "
        )

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
        labels = names.labels(self._profile, self._identity, names.LOAD)
        metadata = pod_metadata(self._profile.spec, settings, labels, TRIAL_ANNOTATIONS)
        return {"metadata": metadata, "spec": load_pod(self._profile, self._identity, settings, None)}

    async def _pod_refusal(self, pod: Object) -> _Refusal | None:
        """Return why a pod is refused.

        Its name is always the same: a generated one would make every refusal a new sentence, and every look at the
        profile a change of its status.
        """
        refused = await self._refusal_of(PODS, self._as_pod(pod))
        # What the pods of another run take of a quota is free again when its turn is over. A run that turns out not to
        # fit says so in the outcome of its first trial.
        return None if refused and refused.over_quota and await self._another_run_has_pods() else refused

    def _as_pod(self, pod: Object) -> Object:
        name = f"{names.base(self._profile, self._identity)}-check"
        meta = {**(pod.get("metadata") or {}), "name": name}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]}

    async def _refusal_of(self, kind: Kind, body: Object) -> _Refusal | None:
        try:
            await self._cluster.create(kind, self._profile.metadata.namespace, body, dry_run=True)
        except AlreadyExists:
            return None  # somebody has the name; that is found out after admission
        except WebhookFailed:
            raise
        except Refused as error:
            return _Refusal(_SUBJECT.sub("", str(error)), isinstance(error, QuotaExceeded))
        return None

    async def _another_run_has_pods(self) -> bool:
        selector = f"{names.MANAGED_BY}={names.MANAGER},{names.PROFILE_UID}"
        return bool(await self._cluster.list(PODS, self._profile.metadata.namespace, selector))


def _combined(server: Object, loads: Sequence[Object]) -> Object:
    """Return one pod that asks for as much as the server's and the load pods together, which is what a quota counts."""
    load_containers = [
        {**{k: v for k, v in c.items() if k != "volumeMounts"}, "name": f"modelprofiler-{c['name']}{number or ''}"}
        for number, load in enumerate(loads)
        for c in load["spec"]["containers"]
    ]
    containers = [*server["spec"]["containers"], *load_containers]
    return {**server, "spec": {**server["spec"], "containers": containers}}
