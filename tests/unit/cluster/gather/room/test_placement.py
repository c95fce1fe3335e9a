"""Which nodes take a pod, and the message where none does."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import Object, node

from modelprofiler.cluster.gather.room.placement import ANYWHERE, Placement, Site, nobody_takes, obstacles


def site(name: str = "a", labels: Object | None = None, **spec: Any) -> Site:
    """Return a node with labels, taints or a cordon."""
    body = node(name, **spec)
    body["metadata"]["labels"] |= labels or {}
    return Site.of(body)


def affinity(*terms: Object) -> Object:
    """Return a pod with a required node affinity."""
    required = {"nodeSelectorTerms": [*terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def expression(operator: str, *values: str, key: str = "pool") -> Object:
    """Return a term of one expression."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}


GPU = site(labels={"pool": "gpu", "cores": "16"})
TAINT = {"key": "dedicated", "value": "ml", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("sentence", "expected", "pod"),
    [
        ("one that asks for nothing", "", {}),
        ("its selector matches", "", {"nodeSelector": {"pool": "gpu"}}),
        (
            "its selector does not",
            "without the label pool=cpu, disk=ssd, which nodeSelector asks for",
            {"nodeSelector": {"pool": "cpu", "disk": "ssd"}},
        ),
        ("the node by its name", "", {"nodeName": "a"}),
        ("another node by its name", "not the node b, which nodeName asks for", {"nodeName": "b"}),
        ("a value among several", "", affinity(expression("In", "cpu", "gpu"))),
        ("one of two terms", "", affinity(expression("In", "cpu"), expression("Exists"))),
        ("no term", "outside the required node affinity", affinity()),
        ("a term that is empty", "outside the required node affinity", affinity({})),
        ("a value that is excluded", "outside the required node affinity", affinity(expression("NotIn", "gpu"))),
        ("a label that must not be there", "outside the required node affinity", affinity(expression("DoesNotExist"))),
        ("a number that is large enough", "", affinity(expression("Gt", "8", key="cores"))),
        (
            "a number that is too large",
            "outside the required node affinity",
            affinity(expression("Lt", "8", key="cores")),
        ),
        ("a number that is none", "outside the required node affinity", affinity(expression("Gt", "8"))),
        (
            "the node's name as a field",
            "",
            affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}),
        ),
        ("a preference", "", {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}}),
    ],
)
def test_labels_decide_as_the_scheduler_does(sentence: str, expected: str, pod: Object) -> None:
    """https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/."""
    assert (sentence, expected) == (sentence, Placement.of(pod).obstacle(GPU))


@pytest.mark.parametrize(
    ("sentence", "expected", "spec", "tolerations"),
    [
        ("a cordon", "cordoned", {"unschedulable": True}, []),
        (
            "a cordon with its taint",
            "cordoned",
            {"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]},
            [],
        ),
        (
            "a cordon that is tolerated",
            "",
            {"unschedulable": True},
            [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}],
        ),
        ("a taint", "tainted with dedicated=ml:NoSchedule, which the pod does not tolerate", {"taints": [TAINT]}, []),
        ("one that only prefers", "", {"taints": [{**TAINT, "effect": "PreferNoSchedule"}]}, []),
        ("one that is tolerated", "", {"taints": [TAINT]}, [{"key": "dedicated", "value": "ml"}]),
        (
            "one of which any value is",
            "",
            {"taints": [TAINT]},
            [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        ),
        ("everything is tolerated", "", {"taints": [TAINT]}, [{"operator": "Exists"}]),
        (
            "another value is tolerated",
            "tainted with dedicated=ml:NoSchedule, which the pod does not tolerate",
            {"taints": [TAINT]},
            [{"key": "dedicated", "value": "x"}],
        ),
        (
            "another effect is tolerated",
            "tainted with dedicated=ml:NoSchedule, which the pod does not tolerate",
            {"taints": [TAINT]},
            [{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}],
        ),
        (
            "a node that is down",
            "not reachable",
            {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]},
            [],
        ),
    ],
)
def test_taints_and_cordons_keep_pods_off_that_do_not_tolerate_them(
    sentence: str, expected: str, spec: Object, tolerations: list[Object]
) -> None:
    """https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/."""
    pod = {"tolerations": tolerations}
    assert (sentence, expected) == (sentence, Placement.of(pod).obstacle(site(**spec)))


def test_the_message_says_that_every_node_is_cordoned() -> None:
    """As the cause, and not that they cannot be read."""
    cordoned = [site(name, unschedulable=True) for name in "dcba"]
    assert (
        "every node is cordoned (a, b, c and 1 more); the profile is checked again until one of them is uncordoned"
        == nobody_takes(ANYWHERE, cordoned)
    )
    assert "the cluster has no node that says what CPU and memory it has" == nobody_takes(ANYWHERE, [])


def test_nodes_are_named_by_what_keeps_the_pod_off() -> None:
    """Those with the same reason together."""
    sites = [site("a"), site("b"), site("c", {"pool": "gpu"}, unschedulable=True), GPU]
    placement = Placement.of({"nodeSelector": {"pool": "gpu"}})
    expected = "a, b (without the label pool=gpu, which nodeSelector asks for); c (cordoned)"
    assert expected == obstacles(placement, sites)
    assert f"no node takes the server's pod: {expected}" == nobody_takes(placement, sites[:3])


def test_nodes_of_one_kind_are_alike() -> None:
    """The instance type says so, or else the number of CPUs."""
    typed = {"node.kubernetes.io/instance-type": "m6i.large", "kubernetes.io/arch": "amd64"}
    assert "m6i.large" == site(labels=typed).kind
    body = node()
    body["metadata"]["labels"]["kubernetes.io/arch"] = "arm64"
    body["status"]["capacity"] = {"cpu": "4"}
    assert "arm64 4" == Site.of(body).kind
