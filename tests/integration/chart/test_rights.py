"""The operator has every right that it needs, and no other: a run without one of them does not come to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cluster.gather import test_prepare
from tests.unit.cluster.objects import raw_profile
from tests.unit.cluster.standin import KINDS as KINDS_BY_NAME
from tests.unit.cluster.test_strangers import INLINE, made_in_a_run, taken
from tests.unit.cluster.world import World

from modelprofiler.cluster.adapter import NAMESPACES
from modelprofiler.cluster.gather.cache import KINDS
from modelprofiler.cluster.gather.kubelets import Kubelets
from modelprofiler.cluster.settings import Settings

Object = dict[str, Any]
Right = tuple[str, str]
"""(resource, verb)"""

AS_RIGHTS = {
    ("status", "modelprofiles"): ("modelprofiles/status", "update"),
    ("patch resize", "pods"): ("pods/resize", "patch"),
    ("dry-run", "pods"): ("pods", "create"),
    ("create", "serviceaccounts"): ("serviceaccounts/token", "create"),
}
"""Calls whose right has another name."""

OF_KOPF = {("modelprofiles", "list"), ("modelprofiles", "watch")}
"""What kopf does: the end-to-end tests would not see a profile without them."""
OF_KOPF_EVERYWHERE = {("customresourcedefinitions", "list"), ("customresourcedefinitions", "watch")}
OF_ELECTION = {("leases", "create"), ("leases", "get"), ("leases", "update")}
"""Of the Lease that elects who serves."""
OF_EVERYBODY = {("api", "get")}
"""Discovery: Kubernetes lets every account read it, by the ClusterRole system:discovery."""
OF_WATCHES = {(kind.plural, verb) for kind in KINDS for verb in ("list", "watch")}
"""What keeps the children in memory, from `Children.fill` on."""


def right(verb: str, plural: str) -> Right:
    """Return the right that a call needs."""
    return AS_RIGHTS.get((verb, plural), (plural, "create" if verb == "dry-run" else verb))


@pytest.fixture
def granted(render: Callable[..., list[Object]]) -> set[Right]:
    """Return the rights that the chart grants to the operator's account."""
    objects = render('--set-json=namespaceSelector={"a":"b"}')
    roles = {o["metadata"]["name"]: o["rules"] for o in objects if o["kind"] in ("Role", "ClusterRole")}
    bound = [o["roleRef"]["name"] for o in objects for s in o.get("subjects", ()) if s["name"] == "mp-modelprofiler"]
    return {
        (resource, verb)
        for name in bound
        for rule in roles[name]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


async def _used() -> set[Right]:
    """Return the rights that runs of several kinds use."""
    worlds = [
        World(raw_profile(dataset=INLINE)),
        test_prepare.world_of(),
        World(raw_profile(dataset=INLINE), settings=Settings(namespace_labels=("a=b",))),
    ]
    worlds[2].cluster.put(NAMESPACES, {"metadata": {"name": "team", "labels": {"a": "b"}}})
    created = await made_in_a_run()
    for (plural, _), body in zip(created, taken(created.values()), strict=True):
        worlds[2].cluster.put(KINDS_BY_NAME[plural], body)
    worlds[2].restart()
    used: set[Right] = set()
    for world in worlds:
        await world.go()
        used |= {right(verb, plural) for verb, plural, _ in world.cluster.calls}
    for kind in ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"):
        reference = {"workloadRef": {"apiVersion": "apps/v1", "kind": kind, "name": "shop"}}
        world = World(raw_profile(dataset=INLINE, server=reference))
        await world.look()
        used |= {right(verb, plural) for verb, plural, _ in world.cluster.calls}
    await Kubelets(worlds[0].cluster, "tools/mp-kubelet", lambda: 0.0).token()
    return used | {right(*call[:2]) for call in worlds[0].cluster.calls}


async def test_every_right_is_used_and_everything_used_is_granted(granted: set[Right]) -> None:
    """One that nothing uses is taken away; one that is missing would be noticed in the middle of a run."""
    used = await _used()
    assert OF_EVERYBODY <= used
    assert granted == used - OF_EVERYBODY | OF_KOPF | OF_KOPF_EVERYWHERE | OF_ELECTION | OF_WATCHES
