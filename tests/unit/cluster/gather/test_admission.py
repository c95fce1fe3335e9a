"""What the API server does not admit is reported before anything is started, with the part of a run it concerns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.cluster.objects import MI, Object, now, pod, profile
from tests.unit.cluster.standin import StandIn

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import DEPLOYMENTS, PODS, QUOTAS, Kind
from modelprofiler.cluster.gather import admission
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import QuotaExceeded, Refused, WebhookFailed

Rule = Callable[[Kind, Object], None]
"""What an admission plugin does with an object: it raises what it has against it."""

RANGE = EffectiveResources.model_validate(
    {
        "cpu": {"min": "100m", "max": "1", "step": "50m"},
        "memory": {"min": "128Mi", "max": "1Gi", "step": "32Mi"},
    }
)
REFUSED = "spec.resources: the API server refuses the pod at its"
AT_MOST = "; at most 1000Mi of memory is admitted for the container"
NO_ROOM = "spec.resources: the server at its largest size, 1 CPU and 1Gi memory, leaves no room for the load pod"
POD_OF_ANOTHER_RUN = pod(labels={names.MANAGED_BY: names.MANAGER, names.PROFILE_UID: "other"})


class Admitting(StandIn):
    """An API server with an admission plugin, which gets only dry runs."""

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


async def test_a_webhook_that_does_not_answer_is_asked_once() -> None:
    """Each question takes its whole timeout; a look that asked all of them would never end with a sentence."""
    asked = 0

    def silent(kind: Kind, body: Object) -> None:
        nonlocal asked
        asked += 1
        raise WebhookFailed('failed calling webhook "w.x": context deadline exceeded')

    expected = (
        'the API server admits nothing of what the run needs: failed calling webhook "w.x": context deadline exceeded'
    )
    assert (expected, 1) == (await refusal(silent), asked)


@pytest.mark.parametrize(
    ("expected", "rule"),
    [
        ("", everything),
        ("spec.server.entryScript: the API server refuses the pod: violates PodSecurity", no_pod),
        (
            f"{REFUSED} largest size, 1 CPU and 1Gi memory: exceeded quota: q, requested: 1024Mi{AT_MOST}",
            memory_quota(1000),
        ),
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


def pod_limit(millicores: int) -> Rule:
    """Return a LimitRange of type Pod: the CPU limits of the containers of a pod are added up."""

    def rule(kind: Kind, body: Object) -> None:
        total = sum(Quantity(limits.get("cpu", "500m")).millicores for limits in limits_of(body)) if kind is PODS else 0
        if total > millicores:
            raise Refused(
                f'pods "x" is forbidden: maximum cpu usage per Pod is {millicores}m, but limit is {total}m', 403
            )

    return rule


def sidecar(**resources: Object) -> Object:
    """Return a template with a container in addition to the profiled one."""
    server = {"name": "server", "image": "i"}
    return {"template": {"spec": {"containers": [server, {"name": "proxy", "image": "i", "resources": resources}]}}}


async def test_what_a_pod_may_have_in_addition_to_its_sidecars_is_reported_up_front() -> None:
    """With the sum: what the other containers take, and what is left of the range."""
    cluster = Admitting(pod_limit(1200))
    size = {"cpu": "300m", "memory": "256Mi"}
    spec = profile(server=sidecar(requests=size, limits=size))
    finding = await admission.refusal(cluster, spec, Settings(), RANGE, "abc")
    assert finding is not None
    assert finding.message == (
        f"{REFUSED} largest size, 1 CPU and 1Gi memory: maximum cpu usage per Pod is 1200m, but limit is 1300m; the "
        "other containers of the pod take 300m CPU and 256Mi of memory by their limits: at most 900m CPU is admitted "
        "for the container"
    )


async def test_labels_that_a_policy_wants_are_asked_for_where_they_can_be_given() -> None:
    """The template has them; trial pods do not, since they would be behind the workload's Services."""

    def wants_team(kind: Kind, body: Object) -> None:
        if kind is PODS and "team" not in body["metadata"]["labels"]:
            raise Refused("every pod needs the label team", 422)

    server = {
        "template": {"metadata": {"labels": {"team": "ml"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    }
    cluster = Admitting(wants_team)
    finding = await admission.refusal(cluster, profile(server=server), Settings(), RANGE, "abc")
    assert finding is not None
    assert "every pod needs the label team; the labels of the template are not copied" in finding.message
    assert "spec.podMetadata.labels" in finding.message
    spec = profile(server=server, podMetadata={"labels": {"team": "ml"}})
    assert await admission.refusal(cluster, spec, Settings(), RANGE, "abc") is None
    everywhere = Settings(pod_labels={"team": "ml"})
    assert await admission.refusal(cluster, profile(server=server), everywhere, RANGE, "abc") is None


AT_ONCE = "spec: a run has {} at once, and the ResourceQuota q"


def quota(used: Object, **hard: str) -> Object:
    """Return a ResourceQuota."""
    return {"metadata": {"name": "q", "namespace": "team"}, "spec": {"hard": hard}, "status": {"used": used}}


async def test_every_load_pod_counts() -> None:
    """In a quota on numbers, and in one on resources: a dry run of one pod asks for all of them."""
    several = profile(load={"openLoop": {"rate": "40"}, "parallelism": 3})
    cluster = Admitting(everything)
    cluster.put(QUOTAS, quota({"pods": "0"}, pods="3", **{"count/jobs.batch": "1"}))
    finding = await admission.refusal(cluster, several, Settings(), RANGE, "abc")
    assert finding is not None
    assert "4 pods (the server and 3 of the load) at once" in finding.message
    assert "2 Jobs (the first load generator and the others) at once" in finding.message

    asked: list[int] = []

    def count(kind: Kind, body: Object) -> None:
        if kind is PODS:
            asked.append(sum(c["name"].startswith("modelprofiler-load") for c in body["spec"]["containers"]))

    await admission.refusal(Admitting(count), several, Settings(), RANGE, "abc")
    assert 3 == max(asked)


@pytest.mark.parametrize(
    ("expected", "body"),
    [
        ("", quota({"pods": "1"}, pods="3")),
        (
            f"{AT_ONCE.format('2 pods (the server and the load)')} allows 2 pods, of which 1 are in use",
            quota({"pods": "1"}, pods="2"),
        ),
        (
            f"{AT_ONCE.format('1 Job (the load)')} allows 0 count/jobs.batch, of which 0 are in use",
            quota({}, **{"count/jobs.batch": "0"}),
        ),
        ("", quota({"pods": "2"}, pods="2") | {"spec": {"hard": {"pods": "2"}, "scopes": ["BestEffort"]}}),
        ("", quota({"secrets": "2"}, secrets="2")),
    ],
)
async def test_quotas_on_numbers_of_objects_are_added_up(expected: str, body: Object) -> None:
    """A dry run asks for one object at a time."""
    cluster = Admitting(everything)
    cluster.put(QUOTAS, body)
    finding = await admission.refusal(cluster, profile(), Settings(), RANGE, "abc")
    assert expected == (finding.message if finding else "")
    cluster.put(PODS, POD_OF_ANOTHER_RUN)
    assert await admission.refusal(cluster, profile(), Settings(), RANGE, "abc") is None
