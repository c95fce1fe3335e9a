"""The operator dies, or the API server breaks off, between any two calls: the run is the same."""

import itertools
from collections.abc import Callable

import pytest
from tests.unit.cluster.objects import raw_profile
from tests.unit.cluster.standin import Fault
from tests.unit.cluster.world import World

from modelprofiler.cluster.adapter import CONFIG_MAPS, JOBS, PROFILES, Kind
from modelprofiler.errors import ClusterUnavailable

Row = tuple[int, str, str, str, bool, str]

SHORT = {"cpu": {"values": ["250m", "500m", "1"]}, "memory": {"values": ["512Mi", "1Gi"]}}
"""A range whose run takes four trials: a reference, a resized one, and two on fresh pods."""


def rows(world: World) -> list[Row]:
    """Return the finished trials, times aside."""
    return [
        (t.index, t.purpose, str(t.limits.cpu), str(t.limits.memory), t.fresh, t.outcome)
        for t in world.profile().status.trials
    ]


async def finished(world: World) -> list[Row]:
    """Return the finished trials of a whole run that leaves nothing behind."""
    await world.go()
    assert ("True", "Verified") == world.condition("Succeeded")
    assert [] == world.children
    loads = world.cluster.count("create", JOBS)
    assert {f"t{i}" for i in range(1, len(loads) + 1)} == {name.rpartition("-")[2] for name in loads}
    return rows(world)


def break_when(due: Callable[[int], bool]) -> Fault:
    """Return what breaks the writes whose number is due."""
    counter = itertools.count(1)

    def fault(verb: str, kind: Kind, name: str) -> None:
        if verb not in ("get", "list", "dry-run") and due(next(counter)):
            raise ClusterUnavailable("broken off")

    return fault


async def test_an_undisturbed_run_records_each_trial_once_and_leaves_nothing() -> None:
    """What the others are compared with; all its usage is there, and it takes no more than 10 writes a trial."""
    world = World()
    rows = await finished(world)
    assert (list(range(1, len(rows) + 1)), "Reference", "Confirm") == (
        [r[0] for r in rows],
        rows[0][1],
        rows[-1][1],
    )
    assert all(t.usage is not None for t in world.profile().status.trials)
    assert world.cluster.writes <= 10 * len(rows)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_restart_at_a_write_changes_nothing(when: str) -> None:
    """Whether the write had its effect or not: no trial is lost, none runs twice."""
    world = World(raw_profile(resources=SHORT))
    undisturbed = await finished(world)
    assert 3 == len(undisturbed)
    for number in range(1, world.cluster.writes + 1, 5):
        world = World(raw_profile(resources=SHORT))
        setattr(world.cluster, when, break_when(lambda n, number=number: n == number))  # type: ignore[misc]
        assert (number, undisturbed) == (number, await finished(world))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_restart_at_every_write_changes_nothing(when: str) -> None:
    """Each write is broken off when it is made first: every step is begun by one operator and taken up by another."""
    world, undisturbed = World(), await finished(World())
    broken = set()

    def fault(verb: str, kind: Kind, name: str) -> None:
        rows = world.raw().get("status") or {}
        step = (verb, kind.plural, name, rows.get("trialsCompleted"), str(rows.get("activeTrial")))
        if verb not in ("get", "list", "dry-run") and step not in broken:
            broken.add(step)
            raise ClusterUnavailable("broken off")

    setattr(world.cluster, when, fault)
    assert undisturbed == await finished(world)
    assert len(broken) > 5 * len(undisturbed)


async def test_a_restart_at_every_look_changes_nothing() -> None:
    """Nothing that matters is kept in memory."""
    world, undisturbed = World(), await finished(World())
    while await world.look() is not None:
        world.advance(2)
        world.restart()
    assert undisturbed == rows(world)


async def test_a_look_more_than_asked_for_changes_nothing() -> None:
    """Events wake it at any time."""
    world, undisturbed = World(), await finished(World())
    while await world.look() is not None:
        await world.look()
        world.advance(1)
    assert undisturbed == rows(world)


async def test_dying_between_report_and_status_records_the_trial_once_in_both() -> None:
    """The report is written first; its entry is replaced."""
    world = World()
    died = False

    def die(verb: str, kind: Kind, name: str) -> None:
        nonlocal died
        reported = world.cluster.count("create", CONFIG_MAPS)["digits-report"] > 0
        if verb == "status" and reported and not died:
            died = True
            raise ClusterUnavailable("the operator was killed")

    world.cluster.before = die
    await finished(world)
    report = world.cluster.objects["configmaps", "team", "digits-report"]["data"]
    assert died
    assert len(world.profile().status.trials) == len(report)


async def test_a_conflict_on_the_status_loses_nothing() -> None:
    """Somebody labels the profile at every moment a status is about to be written; the second attempt gets through."""
    undisturbed, world = await finished(World()), World()
    attempts = 0

    def touch(verb: str, kind: Kind, name: str) -> None:
        nonlocal attempts
        if verb == "status":
            attempts += 1
            if attempts % 2:
                world.cluster.put(PROFILES, world.raw())

    world.cluster.before = touch
    assert undisturbed == await finished(world)
    assert attempts > 2 * len(undisturbed)


async def test_while_the_api_server_is_gone_the_load_goes_on_and_its_result_is_found_afterwards() -> None:
    """Half a minute without an answer in the middle of a load."""
    undisturbed, world = await finished(World()), World()
    await world.go(until=lambda: len(world.cluster.count("create", JOBS)) == 2)

    def gone(verb: str, kind: Kind, name: str) -> None:
        raise ClusterUnavailable("no answer")

    world.cluster.before = gone
    for _ in range(30):
        with pytest.raises(ClusterUnavailable):
            await world.look()
        world.advance(1)
    world.cluster.before = None
    assert undisturbed == await finished(world)
