"""Runs in clusters that cannot resize pods: every server is a fresh one from the start, and the status says why."""

from __future__ import annotations

import pytest
from tests.unit.cluster.objects import node, raw_profile
from tests.unit.cluster.world import World

from modelprofiler.cluster.adapter import DEPLOYMENTS, DISCOVERY, NODES, PODS

NO_SUBRESOURCE = (
    "every trial starts a new pod, because pods cannot be resized in place here: the API server has no pods/resize, "
    "which came with Kubernetes 1.33"
)
OLD_KUBELET = (
    "every trial starts a new pod, because pods cannot be resized in place here: the kubelet has version v1.32.9, and "
    "kubelets resize pods from 1.33 on"
)


def accepted_message(world: World) -> str:
    """Return the message of the condition Accepted."""
    return next(c.message for c in world.profile().status.conditions if c.type == "Accepted")


@pytest.mark.parametrize("choice", ["Auto", "InPlace"])
async def test_where_there_is_no_subresource_no_resize_is_tried_and_the_status_says_so_at_once(choice: str) -> None:
    """The first look says it, and no trial waits for what cannot be."""
    world = World(raw_profile(search={"resize": choice}))
    world.cluster.has_resize = False
    await world.look()
    assert [NO_SUBRESOURCE] == world.profile().status.notes
    assert f"{NO_SUBRESOURCE[0].upper()}{NO_SUBRESOURCE[1:]}." in accepted_message(world)

    await world.go()
    trials = world.profile().status.trials
    assert ("True", "Verified") == world.condition("Succeeded")
    assert {True} == {trial.fresh for trial in trials}
    assert 0 == world.cluster.count("patch resize", PODS).total()
    assert len(trials) == world.cluster.count("create", DEPLOYMENTS).total()
    assert [NO_SUBRESOURCE] == world.profile().status.notes


async def test_an_older_kubelet_is_known_once_a_trial_was_measured_on_its_node() -> None:
    """An API server may be up to three versions ahead of it."""
    world = World()
    old = node()
    old["status"]["nodeInfo"]["kubeletVersion"] = "v1.32.9"
    world.cluster.put(NODES, old)
    world.resizes = False
    await world.look()
    assert None is world.profile().status.notes
    await world.go()
    assert [OLD_KUBELET] == world.profile().status.notes
    assert 0 == world.cluster.count("patch resize", PODS).total()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_where_there_is_one_it_is_used_without_a_note() -> None:
    """The discovery is read once, however many trials there are."""
    world = World()
    await world.go()
    assert world.cluster.count("patch resize", PODS).total() > 0
    assert None is world.profile().status.notes
    assert 1 == world.cluster.count("get", DISCOVERY).total()


async def test_a_run_whose_api_server_is_upgraded_goes_on_with_resizes() -> None:
    """What has been measured stays, and the note goes."""
    world = World()
    world.cluster.has_resize = False
    await world.go(until=lambda: len(world.profile().status.trials) == 1)
    world.cluster.has_resize = True
    world.restart()
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert world.cluster.count("patch resize", PODS).total() > 0
    assert None is world.profile().status.notes
