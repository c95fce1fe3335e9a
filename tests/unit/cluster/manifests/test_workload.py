"""The pod template of a running workload, made into that of a profile's server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.cluster.objects import Object

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Size
from modelprofiler.cluster.manifests.workload import Copied, copied

SIZE = {"requests": {"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": "1"}, "limits": {"cpu": "2", "nvidia.com/gpu": "1"}}


def workload(
    kind: str = "Deployment", annotations: Object | None = None, spec: Object | None = None, **pod: Any
) -> Object:
    """Return a workload of three replicas; `pod` replaces fields of its pods' spec."""
    containers = [{"name": "proxy", "image": "envoy"}, {"name": "server", "image": "shop:1", "resources": SIZE}]
    template = {
        "metadata": {"labels": {"app": "shop"}, "annotations": annotations or {}},
        "spec": {"serviceAccountName": "shop", "containers": containers, **pod},
    }
    return {"kind": kind, "metadata": {"name": "shop"}, "spec": {"replicas": 3, "template": template, **(spec or {})}}


def copy_of(body: Object, container: str | None = "server", **labels: str) -> Copied:
    """Return the copy of a workload that can be copied."""
    copy = copied(body, container, labels)
    assert isinstance(copy, Copied), copy
    return copy


def refusal(body: Object, container: str | None = "server") -> str:
    """Return why a workload cannot be copied."""
    problems = copied(body, container, {})
    assert not isinstance(problems, Copied)
    return "; ".join(map(str, problems))


def test_the_pods_are_copied_without_their_labels_and_the_size_is_known() -> None:
    """Everything else stays, and the workload itself is not changed."""
    body = workload(annotations={"note": "a"})
    before = json.dumps(body)
    copy = copy_of(body)
    assert before == json.dumps(body)
    assert {"annotations": {"note": "a"}} == copy.template["metadata"]
    assert "shop" == copy.template["spec"]["serviceAccountName"]
    server = copy.template["spec"]["containers"][1]
    assert {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}} == server["resources"]
    size = Size(cpu=Quantity("1"), memory=Quantity("2Gi")), Size(cpu=Quantity("2"))
    today = copy.workload
    assert ("Deployment shop", *size, 3, ()) == (
        today.name,
        today.requests,
        today.limits,
        today.replicas,
        today.notes,
    )


@pytest.mark.parametrize(
    ("expected", "annotations"),
    [
        ("proxy", {}),
        ("server", {"kubectl.kubernetes.io/default-container": "server"}),
        ("proxy", {"kubectl.kubernetes.io/default-container": "gone"}),
    ],
)
def test_the_container_is_the_one_that_kubectl_takes_or_the_first(expected: str, annotations: Object) -> None:
    """Where the profile names none."""
    assert expected == copy_of(workload(annotations=annotations), None).container


def test_what_ties_the_replicas_to_one_another_is_left_out_and_reported() -> None:
    """A copy is no replica, and might find no node next to them."""
    anti = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]}
    node: Object = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    ports = [{"containerPort": 80, "hostPort": 80}]
    copy = copy_of(
        workload(
            affinity={"podAntiAffinity": anti, "nodeAffinity": node},
            topologySpreadConstraints=[{"maxSkew": 1}],
            containers=[{"name": "server", "image": "i", "ports": ports}],
        )
    )
    pod = copy.template["spec"]
    assert ({"nodeAffinity": node}, [{"containerPort": 80}]) == (pod["affinity"], pod["containers"][0]["ports"])
    assert "topologySpreadConstraints" not in pod
    assert [
        "rules that spread the workload's replicas are left out of trial pods, which are none of them",
        "host ports are left out of trial pods, because the workload's own pods have them",
    ] == list(copy.workload.notes)


def test_a_copy_of_a_stateful_pod_has_volumes_of_its_own() -> None:
    """Never those of a replica."""
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    copy = copy_of(workload("StatefulSet", spec={"volumeClaimTemplates": [claim]}))
    (volume,) = copy.template["spec"]["volumes"]
    assert {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim["spec"]}}} == volume
    assert "volume data of a trial pod is new and empty" in copy.workload.notes[0]


def test_a_daemon_set_has_as_many_replicas_as_nodes() -> None:
    """And a revision of Knative does not say how many."""
    daemons = workload("DaemonSet") | {"status": {"desiredNumberScheduled": 7}}
    del daemons["spec"]["replicas"]
    assert 7 == copy_of(daemons).workload.replicas
    knative = workload("Service", containers=[{"image": "i", "ports": [{"containerPort": 80}]}], containerConcurrency=1)
    del knative["spec"]["replicas"]
    copy = copy_of(knative, None)
    assert ("user-container", None) == (copy.container, copy.workload.replicas)
    assert "containerConcurrency" not in copy.template["spec"]


@pytest.mark.parametrize(
    ("expected", "body", "container"),
    [
        (
            "spec.server.workloadRef: Rollout shop takes its pods from Deployment shop-app: name that one",
            {
                "kind": "Rollout",
                "metadata": {"name": "shop"},
                "spec": {"workloadRef": {"kind": "Deployment", "name": "shop-app"}},
            },
            None,
        ),
        (
            "spec.server.workloadRef: CronJob shop has no spec.template with containers, so there are no pods to copy",
            {"kind": "CronJob", "metadata": {"name": "shop"}, "spec": {"jobTemplate": {}}},
            None,
        ),
        (
            "spec.server.workloadRef: Thing shop has no spec.template with containers, so there are no pods to copy",
            {"kind": "Thing", "metadata": {"name": "shop"}, "spec": "x"},
            None,
        ),
        (
            "spec.server.containerName: Deployment shop has no container 'sever'; it has proxy, server",
            workload(),
            "sever",
        ),
        (
            "spec.server.workloadRef: Thing shop: spec.containers: must be a list, not {'a': 1}",
            workload("Thing", containers={"a": 1}),
            None,
        ),
    ],
)
def test_what_has_no_pods_to_copy_is_refused_with_the_reason(
    expected: str, body: Object, container: str | None
) -> None:
    """A custom resource may have anything in its spec."""
    assert expected == refusal(body, container)


def test_the_model_that_kserve_adds_to_a_pod_is_asked_for_by_its_label() -> None:
    """Its webhook looks at pods with this label, which trial pods have only where the profile gives it to them."""
    annotations = {"internal.serving.kserve.io/storage-initializer-sourceuri": "gs://models/shop"}
    body = workload(annotations=annotations)
    assert "write this label, with the name of the InferenceService, into spec.podMetadata.labels" in refusal(body)
    assert copy_of(body, "server", **{"serving.kserve.io/inferenceservice": "shop"})
