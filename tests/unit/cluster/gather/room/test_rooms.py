"""What the nodes have left, as it is read from the cluster."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.unit.cluster.objects import Object, node, now
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.world import KEY, under_load

from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import NODES, PODS, Kind
from modelprofiler.cluster.gather.room.capacity import Room
from modelprofiler.cluster.gather.room.placement import ANYWHERE, Placement
from modelprofiler.cluster.gather.room.rooms import KEPT_SECONDS, Rooms
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import Refused


def pod(name: str, cpu: str = "1") -> Object:
    """Return a pod on the node, with an init container that asks for as much as its container."""
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}
    sidecar = {**container, "restartPolicy": "Always"}
    return {
        "metadata": {"name": name, "namespace": "team"},
        "spec": {"nodeName": "node1", "containers": [container], "initContainers": [sidecar]},
        "status": {"phase": "Running"},
    }


def cluster() -> StandIn:
    """Return a cluster of a node with 4 CPUs and 8 GiB, and one pod that asks for half of it."""
    stand_in = StandIn(lambda: now(0))
    stand_in.put(NODES, node())
    stand_in.put(PODS, pod("p"))
    return stand_in


async def read(rooms: Rooms) -> list[Room]:
    """Return what the nodes have left, where they may be read."""
    content = await rooms.read()
    assert content is not None
    return content


async def test_what_pods_ask_for_is_taken_off() -> None:
    """Sidecars too."""
    (room,) = await read(Rooms(cluster(), Settings()))
    assert ("node1", 2000, 6 * 2**30) == (room.node, room.cpu, room.memory)


async def test_a_load_may_leave_the_servers_node_only_for_one_that_takes_it() -> None:
    """A tainted node takes those that tolerate it, and a cordoned one nobody."""
    stand_in = cluster()
    taint = {"key": "dedicated", "effect": "NoSchedule"}
    stand_in.put(NODES, node("tainted", taints=[taint]))
    stand_in.put(NODES, node("cordoned", unschedulable=True))
    rooms = Rooms(stand_in, Settings())
    tolerant = Placement.of({"tolerations": [{"key": "dedicated", "operator": "Exists"}]})
    assert not await rooms.has_another(ANYWHERE, {"node1"})
    assert await rooms.has_another(tolerant, {"node1"})
    assert await rooms.has_another(ANYWHERE, {"tainted"})
    assert not await rooms.has_another(tolerant, {"node1", "tainted"})


async def test_a_pod_that_is_nearly_gone_asks_for_nothing_and_one_with_a_long_grace_period_does() -> None:
    """A new run would wait for its room in vain."""
    for grace, cpu in ((5, 4000), (600, 2000)):
        stand_in = cluster()
        ends = now(grace).strftime("%Y-%m-%dT%H:%M:%SZ")
        stand_in.put(PODS, pod("p") | {"metadata": {"name": "p", "namespace": "team", "deletionTimestamp": ends}})
        (room,) = await read(Rooms(stand_in, Settings(), lambda: now(0)))
        assert (grace, cpu) == (grace, room.cpu)


async def test_many_who_ask_at_once_read_it_once() -> None:
    """A moment later it is read again."""
    stand_in, time = cluster(), now(0)
    rooms = Rooms(stand_in, Settings(), lambda: time)
    answers = await asyncio.gather(*(read(rooms) for _ in range(20)))
    assert [2000] * 20 == [room.cpu for (room,) in answers]
    assert 1 == stand_in.count("list", PODS).total()
    stand_in.put(PODS, pod("q", "500m"))
    time += timedelta(seconds=KEPT_SECONDS)
    (room,) = await read(rooms)
    assert 1000 == room.cpu


async def test_where_nodes_may_not_be_read_there_is_nothing() -> None:
    """Where pods may not be, nodes count as empty."""

    def refusing(*kinds: Kind) -> Rooms:
        stand_in = cluster()

        def refuse(verb: str, kind: Kind, name: str) -> None:
            if kind in kinds:
                raise Refused("forbidden", 403)

        stand_in.before = refuse
        return Rooms(stand_in, Settings())

    assert await refusing(NODES).read() is None
    assert [4000] == [room.cpu for room in await read(refusing(PODS))]


async def test_labels_hide_no_pod_but_those_of_a_run_that_has_its_turn_do_not_count() -> None:
    """Anybody who may create a pod chooses its labels, also those of our children."""
    world = await under_load()
    server = next(p for p in world.cluster.of(PODS) if "pod-template-hash" in p["metadata"]["labels"])
    load = next(p for p in world.cluster.of(PODS) if names.TRIAL in p["metadata"]["labels"])
    is_of_run = world.reconciler._gatherer._is_of_run
    assert [True, True] == [is_of_run(server), is_of_run(load)]
    forged = {**server, "metadata": {**server["metadata"], "ownerReferences": []}}
    foreign = {"kind": "ReplicaSet", "name": "another-5d5f", "uid": "u", "controller": True}
    strange = {**server, "metadata": {**server["metadata"], "ownerReferences": [foreign]}}
    elsewhere = {**server, "metadata": {**server["metadata"], "namespace": "tenant-b"}}
    assert [False] * 3 == [is_of_run(pod) for pod in (forged, strange, elsewhere)]
    world.turns.release(KEY)
    assert not is_of_run(server)
    stand_in = cluster()
    labels = {names.MANAGED_BY: names.MANAGER, names.PROFILE_UID: "u"}
    hidden = pod("q", "500m")
    hidden["metadata"]["labels"] = labels
    stand_in.put(PODS, hidden)
    (room,) = await read(Rooms(stand_in, Settings(), is_of_run=is_of_run))
    assert 1000 == room.cpu
