"""What the nodes have left, and the problem when it is too little."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import MI, Object, node

from modelprofiler.api.ranges import Resources
from modelprofiler.api.status import EffectiveResources
from modelprofiler.cluster.gather.room.capacity import Offer, Room, effective, every_room, offers, pod_requests, rooms
from modelprofiler.cluster.gather.room.placement import ANYWHERE, Placement
from modelprofiler.core.axis import Limits

GI = 1024 * MI
RANGE = {
    "cpu": {"min": "100m", "max": "2", "step": "100m"},
    "memory": {"min": "128Mi", "max": "2Gi", "step": "128Mi"},
}


def container(cpu: str = "", memory: str = "", **fields: Any) -> Object:
    """Return a container with requests."""
    requests = {k: v for k, v in (("cpu", cpu), ("memory", memory)) if v}
    return {"resources": {"requests": requests} if requests else None, **fields}


def a_pod(cpu: str = "1", memory: str = "1Gi", node_name: str | None = "node1", **fields: Any) -> Object:
    """Return a pod on a node."""
    return {
        "metadata": {"labels": fields.pop("labels", None)},
        "spec": {"nodeName": node_name, "containers": [container(cpu, memory)]},
        **fields,
    }


@pytest.mark.parametrize(
    ("sentence", "expected", "spec"),
    [
        ("containers run together", (300, 30), {"containers": [container("100m", "10"), container("0.2", "20")]}),
        (
            "the largest init container counts when it is larger",
            (500, 30),
            {"containers": [container("100m", "30")], "initContainers": [container("500m", "10"), container("200m")]},
        ),
        (
            "a sidecar runs with the others",
            (300, 0),
            {"containers": [container("100m")], "initContainers": [container("200m", restartPolicy="Always")]},
        ),
        (
            "overhead comes on top",
            (150, 7),
            {"containers": [container("100m")], "overhead": {"cpu": "50m", "memory": "7"}},
        ),
        ("a pod that requests nothing", (0, 0), {"containers": [{}]}),
        ("a pod that is nearly empty", (0, 0), {}),
    ],
)
def test_a_pod_asks_for_what_the_scheduler_counts(sentence: str, expected: tuple[int, int], spec: Object) -> None:
    """In millicores and bytes."""
    assert (sentence, expected) == (sentence, pod_requests({"spec": spec}))


def test_a_node_has_left_what_no_other_pod_asks_for() -> None:
    """Finished pods, those without a node and those elsewhere ask for nothing; labels say nothing."""
    pods = [
        a_pod(),
        a_pod(status={"phase": "Succeeded"}),
        a_pod(status={"phase": "Failed"}),
        a_pod(node_name=None),
        a_pod(node_name="node2"),
        a_pod(labels={"app.kubernetes.io/managed-by": "modelprofiler"}),
    ]
    assert [Room("node1", 2000, 6 * GI)] == rooms([node()], pods)
    assert [Room("node1", 4000, 8 * GI)] == rooms([node()], None)


def test_a_node_without_its_pods_has_all_that_it_can_give() -> None:
    """Whatever has been set aside of it stays so."""
    (room,) = rooms([node()], [a_pod(), a_pod("500m")])
    assert Room("node1", 2500, 6 * GI) == room
    assert Room("node1", 3900, 8 * GI) == room.without((100, 0)).emptied()


def test_the_node_with_the_most_cpu_comes_first() -> None:
    """Then the one with the most memory."""
    nodes = [node("a", "2", "8Gi"), node("b", "4", "4Gi"), node("c", "4", "8Gi")]
    assert ["c", "b", "a"] == [room.node for room in rooms(nodes, [])]


@pytest.mark.parametrize(
    "spec",
    [
        {"unschedulable": True},
        {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]},
        {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]},
    ],
)
def test_a_node_that_takes_no_pods_has_no_room(spec: Object) -> None:
    """A taint that only prefers is none."""
    assert [] == rooms([node(**spec)], [])
    assert 1 == len(rooms([node(taints=[{"effect": "PreferNoSchedule"}])], []))


def test_a_node_that_does_not_say_what_it_has_has_no_room() -> None:
    """As one that has just joined."""
    bare: Object = {"metadata": {"name": "new"}, "spec": {}, "status": {}}
    assert ["node1"] == [room.node for room in rooms([bare, {"metadata": {"name": "newer"}}, node()], [])]


def test_without_a_range_everything_that_the_load_leaves_is_searched() -> None:
    """From a floor, in steps that end within the room; those of memory grow with it."""
    searched = effective(Resources(), [Offer(Room("n", 1999, 3 * GI + 5), (500, 256 * MI))])
    assert isinstance(searched, EffectiveResources)
    assert {"min": "100m", "max": "1450m", "step": "50m"} == searched.to_dict()["cpu"]
    memory = searched.to_dict()["memory"]["values"]
    assert (["128Mi", "160Mi"], ["2560Mi", "2816Mi"]) == (memory[:2], memory[-2:])


def test_a_range_that_fits_some_node_is_searched_unchanged() -> None:
    """Where only CPU or memory is given, the other is filled in."""
    small, large = Offer(Room("a", 1000, 8 * GI), (500, 0)), Offer(Room("b", 3000, 4 * GI), (500, 0))
    both = Resources.model_validate(RANGE)
    assert EffectiveResources.model_validate(RANGE) == effective(both, [large, small])
    half = effective(Resources.model_validate({"cpu": RANGE["cpu"]}), [large, small])
    assert isinstance(half, EffectiveResources)
    assert Limits(2000, 4 * GI) == Limits.ceiling(half)


def test_where_nodes_cannot_be_read_a_range_is_required_and_taken_unchanged() -> None:
    """Nothing is checked then."""
    assert EffectiveResources.model_validate(RANGE) == effective(Resources.model_validate(RANGE), None)
    (problem,) = effective(Resources(), None)
    assert "spec.resources: the nodes cannot be read, so cpu and memory must be given here" == str(problem)


@pytest.mark.parametrize(
    ("left", "reserved", "expected"),
    [
        (
            [Room("n", 1500, 8 * GI)],
            (500, 256 * MI),
            [
                (
                    "spec.resources.cpu: 2 is more than any node can give: node n has 1500m CPU and 8Gi of memory "
                    "left, of which the load and the other containers of the server's pod need 500m CPU; at most 1 is "
                    "possible"
                )
            ],
        ),
        (
            [Room("n", 4000, GI)],
            (0, 0),
            [
                (
                    "spec.resources.memory: 2Gi is more than any node can give: node n has 4 CPU and 1Gi of memory "
                    "left; at most 1Gi is possible"
                )
            ],
        ),
        (
            [Room("a", 4000, GI), Room("b", 1000, 8 * GI)],
            (0, 0),
            ["spec.resources: no node has both the CPU and the memory; node a has 4 CPU and 1Gi of memory left"],
        ),
    ],
)
def test_a_range_that_fits_no_node_is_reported_with_the_node_that_has_most(
    left: list[Room], reserved: tuple[int, int], expected: list[str]
) -> None:
    """The message says how much of it would fit."""
    problems = effective(Resources.model_validate(RANGE), [Offer(room, reserved) for room in left])
    assert isinstance(problems, list)
    assert expected == [str(p) for p in problems]


@pytest.mark.parametrize("room", [Room("n", 90, 8 * GI), Room("n", 4000, 100 * MI), Room("n", -100, -5)])
def test_a_full_node_has_no_room_for_a_server(room: Room) -> None:
    """It may even be overcommitted."""
    (problem,) = effective(Resources(), [Offer(room, (0, 0))])
    assert "no node has room for a server; node n has" in str(problem)


def test_what_the_load_needs_counts_only_where_no_other_node_has_room_for_it() -> None:
    """A node that is full, cordoned or tainted is no other node."""
    load = (500, 256 * MI)
    two = every_room([node("a"), node("b", "2")], [])
    assert [("a", (0, 0)), ("b", (0, 0))] == _shown(offers(two, ANYWHERE, (0, 0), load, ANYWHERE))
    for other in (node("b", "100m"), node("b", unschedulable=True)):
        every = every_room([node("a"), other], [])
        assert ("a", load) == _shown(offers(every, ANYWHERE, (0, 0), load, ANYWHERE))[0]


def test_of_several_load_pods_those_count_for_which_the_other_nodes_have_no_room() -> None:
    """Another node with 1.2 CPU takes two of half a CPU; the third one is on the server's node."""
    load = (500, 256 * MI)
    every = every_room([node("a"), node("b", "1200m")], [])
    room = {pods: dict(_shown(offers(every, ANYWHERE, (0, 0), load, ANYWHERE, pods)))["a"] for pods in (1, 2, 3, 5)}
    assert {1: (0, 0), 2: (0, 0), 3: load, 5: (1500, 768 * MI)} == room


def test_only_nodes_that_take_the_pod_are_offered() -> None:
    """The others are named where the range is too large for those that do."""
    every = every_room([node("small", "1"), node("large", "64")], [])
    named = Placement(selector={"kubernetes.io/hostname": "host-small"})
    (offer,) = offers(every, named, (0, 0), (500, 0), ANYWHERE)
    assert ("small", (0, 0)) == (offer.room.node, offer.reserved)
    problems = effective(Resources.model_validate(RANGE), [offer], "large (cordoned)")
    assert isinstance(problems, list)
    assert [
        (
            "spec.resources.cpu: 2 is more than any node that takes the server can give: node small has 1 CPU and 8Gi "
            "of memory left; at most 1 is possible; not counted: large (cordoned)"
        )
    ] == [str(p) for p in problems]


def _shown(offered: list[Offer]) -> list[tuple[str, tuple[int, int]]]:
    return [(offer.room.node, offer.reserved) for offer in offered]
