"""What is read of nodes, and how often."""

from __future__ import annotations

from tests.unit.cluster.objects import node, now
from tests.unit.cluster.standin import StandIn

from modelprofiler.cluster.adapter import NODES
from modelprofiler.cluster.gather.nodes import KEPT_SECONDS, Nodes
from modelprofiler.cluster.gather.world import Node


async def test_a_node_is_read_once_and_again_after_a_while() -> None:
    """It may have been started anew with another kernel."""
    time = 0.0
    cluster = StandIn(lambda: now(0))
    cluster.put(NODES, node())
    nodes = Nodes(cluster, lambda: now(time))
    expected = {"node1": Node("node1", "host-node1", None, "6.1.0", "v1.35.4")}
    assert [expected] * 2 == [await nodes.read(["node1", "node1"]), await nodes.read(["node1"])]
    assert 1 == cluster.count("get", NODES).total()
    time = KEPT_SECONDS
    await nodes.read(["node1"])
    assert 2 == cluster.count("get", NODES).total()


async def test_a_node_that_is_gone_or_may_not_be_read_has_its_name_and_is_not_asked_for_at_every_look() -> None:
    """An installation for one namespace may read no nodes."""
    cluster = StandIn(lambda: now(0))
    nodes = Nodes(cluster, lambda: now(0))
    for _ in range(2):
        assert {"node9": Node("node9", "node9")} == await nodes.read(["node9"])
    assert 1 == cluster.count("get", NODES).total()


async def test_a_node_that_was_not_ready_is_read_at_every_look() -> None:
    """It may have come back; what it was must not spoil the trial that starts there now."""
    cluster = StandIn(lambda: now(0))
    away = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
    cluster.put(NODES, node() | {"status": {"conditions": [away]}})
    nodes = Nodes(cluster, lambda: now(0))
    assert "Kubelet stopped posting node status." == (await nodes.read(["node1"]))["node1"].not_ready
    cluster.put(NODES, node())
    assert "" == (await nodes.read(["node1"]))["node1"].not_ready
