"""One profile never stops the queue: a turn is kept only by whoever can write what it does with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.cluster.objects import raw_profile
from tests.unit.cluster.world import KEY, World, under_load

from modelprofiler.cluster.adapter import DEPLOYMENTS, PROFILES, Kind
from modelprofiler.cluster.reconcile import LEASE_SECONDS, LEASE_TRIES, SET_BACK_SECONDS
from modelprofiler.errors import ClusterUnavailable, Conflict, Refused, Retryable

OTHER = ("team", "another")

ERRORS = [
    ClusterUnavailable("etcdserver: request is too large"),
    Conflict("changed"),
    Refused("denied by webhook", 403),
]


def _unwritable(world: World, error: Exception, name: str = "digits") -> None:
    """Let every write of the status of a profile fail."""

    def fail(verb: str, kind: Kind, which: str) -> None:
        if kind == PROFILES and which == name and verb not in ("get", "list", "watch"):
            raise error

    world.cluster.before = fail


async def _fail(world: World) -> None:
    with pytest.raises((Retryable, Refused)):
        await world.look()


async def _unwritten(error: Exception) -> World:
    """Return a world in which a run has something to write, and could not write it once."""
    world = await under_load()
    _unwritable(world, error)
    for _ in range(10):
        world.advance(5)
        try:
            await world.look()
        except (Retryable, Refused):
            return world
    raise AssertionError("nothing was to be written")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_turn_is_taken_only_once_the_first_status_is_written(error: Exception) -> None:
    """A profile just under the limit of etcd could otherwise never be written, and would hold the turn for ever."""
    world = World()
    _unwritable(world, error)
    await _fail(world)
    assert 0 == world.turns.position(OTHER)
    assert [] == world.cluster.of(DEPLOYMENTS)
    world.cluster.before = None
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_another_profile_takes_the_turn_that_one_could_not_use() -> None:
    """Also in an older namespace; the first one waits until nobody wants it, and then runs."""
    younger = raw_profile()
    younger["metadata"] |= {"name": "another", "uid": "uid-another", "creationTimestamp": "2027-01-01T00:00:00Z"}
    world = World(raw_profile(), younger)
    _unwritable(world, ERRORS[0])
    await _fail(world)
    assert OTHER == world.woken[-1]
    await world.look(OTHER)
    assert SET_BACK_SECONDS == await world.look(KEY)
    world.cluster.before = None
    await world.go(OTHER)
    assert ("True", "Verified") == world.condition("Succeeded", OTHER)
    await world.go(KEY)
    assert ("True", "Verified") == world.condition("Succeeded")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_run_that_cannot_be_written_gives_its_turn_back(error: Exception) -> None:
    """After several tries and a minute, not before; its children stay, and it goes on when it can be written again."""
    world = await _unwritten(error)
    for _ in range(LEASE_TRIES):
        assert 1 == world.turns.position(OTHER)
        await _fail(world)
    world.time += timedelta(seconds=LEASE_SECONDS)
    assert 1 == world.turns.position(OTHER)
    await _fail(world)
    assert 0 == world.turns.position(OTHER)
    world.turns.note(world.raw())  # an event: the status still says that it runs
    assert 0 == world.turns.position(OTHER)
    await _fail(world)  # nobody else wants the turn, so it tries, and gives it back at once
    assert 0 == world.turns.position(OTHER)
    world.cluster.before = None
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")


async def test_single_failures_cost_no_turn() -> None:
    """Only those in a row count."""
    world = await _unwritten(Conflict("changed"))
    for _ in range(LEASE_TRIES - 2):
        await _fail(world)
        world.time += timedelta(seconds=LEASE_SECONDS)
    world.cluster.before = None
    await world.look()
    _unwritable(world, Conflict("changed"))
    world.time += timedelta(seconds=LEASE_SECONDS)
    await _fail(world)
    assert 1 == world.turns.position(OTHER)
