"""What a glance reads from an object before it is parsed agrees with what a look at it finds."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import Object, raw_profile
from tests.unit.cluster.world import World, finished_world

from modelprofiler.cluster.gather import glance
from modelprofiler.cluster.queue import State

OTHER = raw_profile("other", uid="other") | {"status": {"startTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}}


async def waiting() -> World:
    """Return a world in which a profile waits for another one."""
    world = World(raw_profile(), OTHER)
    assert await world.look() is None
    return world


def changed(raw: Object, **change: Any) -> Object:
    """Return an object with another generation, or a status that lacks or has something."""
    meta = raw["metadata"] | {k: change.pop(k) for k in ("generation", "annotations") if k in change}
    return {**raw, "metadata": meta, "spec": raw["spec"] | change.pop("spec", {}), "status": raw["status"] | change}


async def test_one_that_waits_is_queued_at_the_place_in_its_status() -> None:
    """It has no children, and wants no look before its turn."""
    world = await waiting()
    raw = world.raw()
    assert (True, False, 1, State.WAITING) == (
        glance.is_queued(raw),
        glance.is_over(raw),
        glance.published_place(raw),
        glance.state_of(raw),
    )
    assert [] == world.children


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"spec": {"suspend": True}},
        {"conditions": []},
        {"startTime": "2026-01-01T00:00:00Z"},
        {"provenance": {"rerun": "1"}},
    ],
    ids=["edited", "suspended", "a status without conditions", "started", "to run again"],
)
async def test_one_that_something_has_happened_to_is_not_just_queued(change: dict[str, Any]) -> None:
    """It wants a look."""
    assert not glance.is_queued(changed((await waiting()).raw(), **change))


async def test_one_that_was_refused_is_not_queued() -> None:
    """It gets no place in the queue either."""
    world = World(raw_profile(dataset={"source": {"configMap": {"name": "gone"}}}), OTHER)
    world.advance(10)
    await world.look()
    assert (False, False, None) == (
        glance.is_queued(world.raw()),
        glance.is_over(world.raw()),
        glance.published_place(world.raw()),
    )


async def test_one_whose_run_has_ended_is_over() -> None:
    """As long as nobody edits it or asks for another run."""
    raw = (await finished_world()).raw()
    assert (True, False, State.DONE) == (glance.is_over(raw), glance.is_queued(raw), glance.state_of(raw))
    again = {"annotations": {"modelprofiler.io/rerun": "1"}}
    trial = {"activeTrial": {"index": 9}}
    assert [False] * 3 == [glance.is_over(changed(raw, **c)) for c in ({"generation": 2}, again, trial)]


@pytest.mark.parametrize("status", [None, {}, {"conditions": [{}]}, {"conditions": None}])
def test_one_that_nobody_has_seen_waits(status: Object | None) -> None:
    """It needs a look."""
    raw = raw_profile() | ({} if status is None else {"status": status})
    assert (State.WAITING, False, False, None) == (
        glance.state_of(raw),
        glance.is_queued(raw),
        glance.is_over(raw),
        glance.published_place(raw),
    )
