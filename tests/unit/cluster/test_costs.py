"""What a run costs the API server, and that a look is one pass: at most one write of the status, and no list."""

from __future__ import annotations

from tests.unit.cluster.objects import raw_profile
from tests.unit.cluster.test_turns_taken import A1, A2, B3, Crowd, created
from tests.unit.cluster.world import World, finished_world

from modelprofiler.cluster.adapter import DEPLOYMENTS, JOBS, PODS

MOST_STATUS_UPDATES, MOST_WRITES = 4, 10
"""A trial."""
MOST_LISTS = 4
"""A whole run."""


async def test_a_trial_costs_few_writes_and_hardly_any_list() -> None:
    """Nodes, pods and quotas are listed once, when the profile is accepted; the files once, at the end."""
    world = World()
    await world.go()
    trials = len(world.profile().status.trials)
    assert world.cluster.count("status").total() <= MOST_STATUS_UPDATES * trials
    assert world.cluster.writes <= MOST_WRITES * trials
    assert world.cluster.count("list").total() <= MOST_LISTS
    assert [0, 0, 1] == [world.cluster.count("list", kind).total() for kind in (DEPLOYMENTS, JOBS, PODS)]


async def test_a_look_writes_the_status_once_at_most() -> None:
    """Also the one that records a trial and begins the next one."""
    world = World()
    wait: float | None = 0.0
    largest = 0
    while wait is not None:
        before = world.cluster.count("status").total()
        wait = await world.look()
        largest = max(largest, world.cluster.count("status").total() - before)
        world.advance(min(wait or 0, 5.0))
    assert 1 == largest


async def test_who_watches_sees_every_trial_begin_and_end_and_what_takes_long() -> None:
    """As kubectl get --watch shows it: the end of each trial with the beginning of the next, and the load between."""
    world = World()
    stages: list[tuple[int, int, str]] = []
    wait: float | None = 0.0
    while wait is not None:
        wait = await world.look()
        status = world.profile().status
        active = status.active_trial
        stages.append((status.trials_completed, active.index if active else 0, active.stage.value if active else ""))
        world.advance(min(wait or 0, 1.0))
    trials = range(1, len(world.profile().status.trials) + 1)
    assert {(number - 1, number) for number in trials} <= {(completed, index) for completed, index, _ in stages}
    assert set(trials) == {index for _, index, stage in stages if stage == "Loading"}


async def test_after_a_restart_a_queue_costs_nothing_but_a_look_at_who_runs() -> None:
    """Those that wait are not even read: what the watches list is all."""
    crowd = Crowd(created(A1, 0), created(A2, 1), created(B3, 2))
    for _ in range(8):
        await crowd.step()
    crowd.world.restart()
    crowd.world.cluster.calls.clear()
    assert [None, None] == [await crowd.world.look(key) for key in (A2, B3)]
    assert [("get", "modelprofiles", "two"), ("get", "modelprofiles", "three")] == crowd.world.cluster.calls


async def test_a_finished_profile_costs_one_read() -> None:
    """However often it is looked at."""
    world = await finished_world()
    await world.look()
    assert [("get", "modelprofiles", "digits")] == world.cluster.calls


async def test_a_profile_that_is_not_accepted_lists_and_deletes_nothing_when_it_has_nothing() -> None:
    """There may be thousands, checked twice a minute."""
    world = World(raw_profile(dataset={"source": {"path": "rows.txt"}}))
    await world.look()
    world.cluster.calls.clear()
    world.advance(30)
    await world.look()
    assert [("get", "modelprofiles", "digits")] == world.cluster.calls
