"""A profile that names a workload is run as if its author had copied the pod template."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import Object, now, profile, raw_profile
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.world import World

from modelprofiler.api.trial import Purpose
from modelprofiler.cluster.adapter import DEPLOYMENTS, Kind
from modelprofiler.cluster.gather import workload
from modelprofiler.cluster.settings import Settings, WorkloadKind
from modelprofiler.core.conditions import Finding
from modelprofiler.errors import Refused

STATEFUL_SETS = Kind("/apis/apps/v1", "statefulsets")
REFERENCE = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop"}


def stateful_set(cpu: str = "800m", **pod: Any) -> Object:
    """Return a workload of three replicas."""
    resources = {"requests": {"cpu": cpu, "memory": "512Mi"}, "limits": {"cpu": cpu, "memory": "512Mi"}}
    container = {"name": "server", "image": "shop:1", "resources": resources}
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [container], **pod}}
    return {"metadata": {"name": "shop", "namespace": "team"}, "spec": {"replicas": 3, "template": template}}


def reference(**changes: str) -> Object:
    """Return the server of a profile that names a workload."""
    return {"workloadRef": {**REFERENCE, **changes}}


async def test_a_run_copies_the_pods_tries_todays_size_and_says_what_is_saved() -> None:
    """The workload itself is only read."""
    world = World(raw_profile(server=reference()))
    world.cluster.put(STATEFUL_SETS, stateful_set())
    labels: set[str] = set()

    def look() -> bool:
        for deployment in world.cluster.of(DEPLOYMENTS):
            labels.update(deployment["spec"]["template"]["metadata"]["labels"])
        return False

    await world.go(until=look)
    status = world.profile().status
    assert ("True", "Verified") == world.condition("Succeeded")
    assert "app" not in labels
    assert [Purpose.REFERENCE, Purpose.BASELINE] == [trial.purpose for trial in status.trials[:2]]
    assert "800m" == str(status.trials[1].limits.cpu)
    (recommendation,) = status.recommendations
    assert recommendation.current is not None
    assert (3, 2) == (recommendation.current.replicas, recommendation.current.trial)
    assert recommendation.savings is not None
    assert recommendation.savings.all_replicas is not None
    touched = {verb for verb, plural, _ in world.cluster.calls if plural == "statefulsets"}
    assert {"get"} == touched


async def test_a_run_goes_on_with_the_size_that_it_began_with_the_template_of() -> None:
    """Applying the recommendation to the workload is no reason to measure everything anew."""
    world = World(raw_profile(server=reference()))
    world.cluster.put(STATEFUL_SETS, stateful_set())
    await world.go(until=lambda: len(world.profile().status.trials) == 2)
    before = world.profile().status.run_hash
    world.cluster.put(STATEFUL_SETS, stateful_set("300m"))
    await world.go()
    assert before == world.profile().status.run_hash


async def refusal(server: Object, *bodies: tuple[Kind, Object], settings: Settings | None = None) -> str:
    """Return reason and message for a profile whose workload cannot be copied."""
    cluster = StandIn(lambda: now(0))
    for kind, body in bodies:
        cluster.put(kind, body)
    finding = await workload.resolve(cluster, profile(server=server), settings or Settings())
    assert isinstance(finding, Finding)
    return f"{finding.reason.value} {finding.message}"


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (
            "SourceNotFound spec.server.workloadRef: there is no StatefulSet 'gone' in namespace 'team'",
            {"name": "gone"},
        ),
        (
            "NotSupported spec.server.workloadRef: StatefulSet is read as apps/v1, not apps/v2",
            {"apiVersion": "apps/v2"},
        ),
        (
            (
                "NotSupported spec.server.workloadRef: Secret of v1 is not a kind that this installation reads; it "
                "reads Deployment, StatefulSet, ReplicaSet, DaemonSet (chart value workloadKinds)"
            ),
            {"apiVersion": "v1", "kind": "Secret"},
        ),
    ],
)
async def test_what_cannot_be_read_is_reported_with_what_can(expected: str, changes: dict[str, str]) -> None:
    """Only the kinds that the installer allows, and only in the profile's own namespace."""
    assert expected == await refusal(reference(**changes))


async def test_other_kinds_are_read_where_the_installer_allows_them() -> None:
    """By duck type: whatever has a pod template."""
    rollouts = Kind("/apis/argoproj.io/v1alpha1", "rollouts")
    kind = WorkloadKind(api_version="argoproj.io/v1alpha1", kind="Rollout", resource="rollouts")
    cluster = StandIn(lambda: now(0))
    cluster.put(rollouts, stateful_set())
    named = profile(server=reference(apiVersion="argoproj.io/v1alpha1", kind="Rollout"))
    resolved = await workload.resolve(cluster, named, Settings(workload_kinds=(kind,)))
    assert not isinstance(resolved, Finding)
    assert resolved[1] is not None
    assert ("Rollout shop", 3) == (resolved[1].name, resolved[1].replicas)


async def test_an_inference_service_is_profiled_through_its_deployment() -> None:
    """Where KServe has made one."""
    named = reference(apiVersion="serving.kserve.io/v1beta1", kind="InferenceService")
    assert "there is no Deployment 'shop-predictor'" in await refusal(named)
    cluster = StandIn(lambda: now(0))
    body = stateful_set()
    body["metadata"]["name"] = "shop-predictor"
    cluster.put(DEPLOYMENTS, body)
    assert not isinstance(await workload.resolve(cluster, profile(server=named), Settings()), Finding)


async def test_a_workload_that_may_not_be_read_is_reported_with_the_answer() -> None:
    """Of the API server."""
    cluster = StandIn(lambda: now(0))

    def refuse(verb: str, kind: Kind, name: str) -> None:
        raise Refused("statefulsets.apps is forbidden", 403)

    cluster.before = refuse
    finding = await workload.resolve(cluster, profile(server=reference()), Settings())
    assert isinstance(finding, Finding)
    assert "SourceUnreadable" == finding.reason.value
    assert "the operator may not read StatefulSet 'shop': statefulsets.apps is forbidden" in finding.message


async def test_what_is_wrong_with_its_pods_is_reported_of_the_workload() -> None:
    """Its author has never written a template into the profile."""
    world = World(raw_profile(server=reference()))
    world.cluster.put(STATEFUL_SETS, stateful_set(hostNetwork=True))
    await world.look()
    message = next(c.message for c in world.profile().status.conditions if c.type == "Accepted")
    assert message.startswith("spec.server.workloadRef: StatefulSet shop: spec.template.spec.hostNetwork: ")
