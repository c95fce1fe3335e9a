"""What the API server does not admit is said before anything is started, and which part of a run it is about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.cluster.objects import MI, Object, now, pod, profile
from tests.unit.cluster.standin import StandIn

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, PODS, Kind
from modelprofiler.cluster.gather import admission
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import QuotaExceeded, Refused

Rule = Callable[[Kind, Object], None]
"""What an admission plugin does with an object: it raises what it has against it."""

RANGE = EffectiveResources.model_validate(
    {
        "cpu": {"min": "100m", "max": "1", "step": "50m"},
        "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
    }
)
REFUSED = "spec.resources: the API server refuses the pod at its"
NO_ROOM = "spec.resources: the server at its largest size, 1 CPU and 1Gi memory, leaves no room for the load pod"
POD_OF_ANOTHER_RUN = pod(labels={names.MANAGED_BY: names.MANAGER, names.PROFILE_UID: "other"})


class Admitting(StandIn):
    """An API server with an admission plugin, of which only dry runs are made."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(lambda: now(0))
        self.rule = rule

    async def create(self, kind: Kind, namespace: str, body: Object, *, dry_run: bool = False) -> None:
        """Ask the rule."""
        assert dry_run, "nothing is created"
        self.rule(kind, body)


async def refusal(rule: Rule, *pods: Object) -> str:
    """Return why a run is refused, in a namespace with pods."""
    cluster = Admitting(rule)
    for other in pods:
        cluster.put(PODS, other)
    finding = await admission.refusal(cluster, profile(), Settings(), RANGE, "abc")
    return finding.message if finding else ""


def limits_of(body: Object) -> list[dict[str, str]]:
    """Return the limits of a pod's containers."""
    return [container["resources"]["limits"] for container in body["spec"]["containers"]]


def everything(kind: Kind, body: Object) -> None:
    """Admit."""


def memory_quota(mebibytes: int) -> Rule:
    """Return a quota on memory limits."""

    def rule(kind: Kind, body: Object) -> None:
        requested = sum(Quantity(limits["memory"]).bytes // MI for limits in limits_of(body)) if kind is PODS else 0
        if requested > mebibytes:
            raise QuotaExceeded(f'pods "x" is forbidden: exceeded quota: q, requested: {requested}Mi')

    return rule


def no_pod(kind: Kind, body: Object) -> None:
    """Refuse every pod."""
    if kind is PODS:
        raise Refused('pods "x" is forbidden: violates PodSecurity', 403)


def no_small_container(kind: Kind, body: Object) -> None:
    """Refuse containers of less than 200m."""
    if kind is PODS and any(Quantity(limits.get("cpu", "1")).millicores < 200 for limits in limits_of(body)):
        raise Refused("must have 200m of CPU", 403)


def no_deployment(kind: Kind, body: Object) -> None:
    """Refuse Deployments, however good their pods are."""
    if kind is DEPLOYMENTS:
        raise Refused('Deployment.apps "x" is invalid: spec.template: not like this', 422)


@pytest.mark.parametrize(
    ("expected", "rule"),
    [
        ("", everything),
        ("spec.server.entryScript: the API server refuses the pod: violates PodSecurity", no_pod),
        (f"{REFUSED} largest size, 1 CPU and 1Gi memory: exceeded quota: q, requested: 1024Mi", memory_quota(1000)),
        (f"{REFUSED} smallest size, 100m CPU and 128Mi memory: must have 200m of CPU", no_small_container),
        (f"{NO_ROOM}: exceeded quota: q, requested: 1280Mi", memory_quota(1100)),
        ("spec.server.entryScript: the API server refuses the Deployment: spec.template: not like this", no_deployment),
    ],
)
async def test_a_refusal_names_the_part_of_the_run_that_it_is_about(expected: str, rule: Rule) -> None:
    """In the words of the API server, without the name of an object that nobody has seen."""
    assert expected == await refusal(rule)


async def test_a_quota_that_another_run_takes_of_is_no_reason_to_refuse() -> None:
    """It is free again when the turn of that run is over; what is not about a quota stays refused."""
    assert "" == await refusal(memory_quota(1000), POD_OF_ANOTHER_RUN)
    assert "violates PodSecurity" in await refusal(no_pod, POD_OF_ANOTHER_RUN)


@pytest.mark.parametrize(
    ("advice", "is_refused"),
    [
        ("; the chart value trials.load.cpuLimit gives it a CPU limit", lambda limits: "cpu" not in limits),
        ("", lambda limits: limits["memory"] == "256Mi"),
    ],
)
async def test_a_load_pod_that_must_have_a_cpu_limit_can_be_given_one(
    advice: str, is_refused: Callable[[dict[str, str]], bool]
) -> None:
    """By the installer. Whether that is what it lacks is not read from the answer but tried."""

    def rule(kind: Kind, body: Object) -> None:
        if kind is PODS and any(map(is_refused, limits_of(body))):
            raise Refused("not like this", 403)

    assert f"the API server refuses the load pod: not like this{advice}" == await refusal(rule)
