"""What is gathered of a profile, stage by stage; nothing but an error that asks for another try leaves it."""

from __future__ import annotations

import json

import pytest
from tests.unit.cluster.objects import raw_profile
from tests.unit.cluster.world import KEY, World, finished_world, under_load

from modelprofiler.api.conditions import Reason
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CONFIG_MAPS, JOBS, PROFILES, Kind
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.world import Gone, Node, NotGathered, Unreadable
from modelprofiler.cluster.gather.world import World as Gathered
from modelprofiler.core.conditions import Finding
from modelprofiler.errors import ClusterUnavailable, Refused

OTHER = raw_profile("other", uid="other") | {"status": {"startTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}}


async def gathered(world: World) -> Gathered:
    """Gather once."""
    return await world.reconciler._gatherer.world(KEY)


async def test_a_profile_that_is_gone_is_nothing_more() -> None:
    """Whether it is not there or about to go."""
    world = World()
    world.raw()["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert Gone() == (await gathered(world)).profile
    world.cluster.remove(PROFILES, *KEY)
    assert (Gone(), {}) == ((await gathered(world)).profile, (await gathered(world)).raw)


async def test_of_a_profile_that_does_not_parse_only_its_children_are_gathered() -> None:
    """They are to be removed."""
    world = await under_load()
    world.raw()["spec"]["objectives"] = {"latency": {}}
    snapshot = await gathered(world)
    assert isinstance(snapshot.profile, Unreadable)
    assert ["deployments", "jobs"] == [child.plural for child in snapshot.owned]
    assert isinstance(snapshot.acceptance, NotGathered)


async def test_a_profile_that_waits_or_is_over_costs_no_request_but_its_own() -> None:
    """Its turn comes by itself."""
    waits = World(raw_profile(), OTHER)
    await waits.look()
    for world, ahead in ((waits, 1), (await finished_world(), 0)):
        world.restart()
        world.cluster.calls.clear()
        snapshot = await gathered(world)
        assert [("get", "modelprofiles", "digits")] == world.cluster.calls
        assert (ahead, NotGathered("not needed"), ()) == (snapshot.ahead, snapshot.acceptance, snapshot.owned)


async def test_of_a_run_everything_is_gathered() -> None:
    """Its children with what was measured, its node, and when its status was written."""
    world = await under_load()
    snapshot = await gathered(world)
    assert isinstance(snapshot.acceptance, Accepted)
    assert isinstance(snapshot.children, Observation)
    assert ([1], [1]) == ([s.incarnation for s in snapshot.children.servers], [j.trial for j in snapshot.children.jobs])
    assert snapshot.children.jobs[0].measured is not None
    assert {"node1": Node("node1", "host-node1", None, "6.1.0", "v1.35.4")} == snapshot.nodes
    assert {"node1": "host-node1"} == snapshot.children.hosts
    assert snapshot.written is not None
    assert [(c.name, c.deleting) for c in snapshot.owned] == [
        (o["metadata"]["name"], False)
        for k in ("deployments", "jobs")
        for (p, *_), o in world.cluster.objects.items()
        if p == k
    ]


async def test_a_restarted_operator_knows_the_node_of_the_reference_also_while_nothing_runs_on_it() -> None:
    """All trials stay on it."""
    world = await under_load(trial=2)
    for kind in ("deployments", "jobs"):
        for name in [n for (plural, _, n) in world.cluster.objects if plural == kind]:
            if (kind, "team", name) in world.cluster.objects:
                world.cluster.remove(Kind("", kind), "team", name)
    world.restart()
    snapshot = await gathered(world)
    assert isinstance(snapshot.children, Observation)
    assert ((), "host-node1") == (snapshot.children.servers, snapshot.children.hosts["node1"])


async def test_what_the_operator_may_not_read_is_a_finding() -> None:
    """Not an error that nobody sees."""
    world = World()

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if (verb, kind) == ("get", CONFIG_MAPS):
            raise Refused("configmaps is forbidden", 403)

    world.cluster.before = refuse
    snapshot = await gathered(world)
    assert isinstance(snapshot.acceptance, Finding)
    assert Reason.SOURCE_UNREADABLE is snapshot.acceptance.reason
    assert "configmaps is forbidden" in snapshot.acceptance.message


async def test_a_profile_that_may_not_be_read_is_looked_at_again() -> None:
    """Somebody may give the permission back."""
    world = World()

    def refuse(verb: str, kind: Kind, name: str) -> None:
        raise Refused("modelprofiles is forbidden", 403)

    world.cluster.before = refuse
    with pytest.raises(ClusterUnavailable, match="forbidden"):
        await gathered(world)


async def test_a_child_that_was_edited_beyond_recognition_is_removed_like_one_of_an_earlier_run() -> None:
    """The trial runs again; a look that failed each time would be stuck for ever."""
    world = await under_load()
    (job,) = world.cluster.of(JOBS)
    job["metadata"]["annotations"]["modelprofiler.io/cpu"] = "plenty"
    world.tell()
    snapshot = await gathered(world)
    assert isinstance(snapshot.children, Observation)
    assert (("jobs", job["metadata"]["name"]),) == snapshot.children.stale
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


@pytest.mark.parametrize("trial", ["1", "7"])
async def test_a_job_of_a_trial_that_has_one_or_has_not_begun_is_to_be_removed(trial: str) -> None:
    """Somebody has forged it, owner reference and all: it must not decide which samples are of the trial that runs."""
    world = await under_load()
    (job,) = world.cluster.of(JOBS)
    forged = json.loads(json.dumps(job))
    forged["metadata"] |= {"name": "forged", "uid": "forged"}
    forged["metadata"]["labels"][names.TRIAL] = trial
    world.cluster.put(JOBS, forged)
    world.restart()
    gathered_world = await gathered(world)
    assert isinstance(gathered_world.children, Observation)
    assert [1] == [job.trial for job in gathered_world.children.jobs]
    assert (("jobs", "forged"),) == gathered_world.children.stale
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
