"""Several profiles: each takes its turn, and no two run at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.unit.cluster.objects import Object, node, raw_profile
from tests.unit.cluster.standin import edit
from tests.unit.cluster.world import World

from modelprofiler.cluster.adapter import DEPLOYMENTS, NODES, PROFILES
from modelprofiler.cluster.queue import Key

SHORT = {"cpu": {"values": ["250m", "1"]}, "memory": {"values": ["1Gi"]}}
A1, A2, B3 = ("a", "one"), ("a", "two"), ("b", "three")


def created(key: Key, second: int, **spec: Any) -> Object:
    """Return a profile that was created at some second."""
    document = raw_profile(key[1], key[0], uid=f"uid-{key[1]}", resources=SHORT, **spec)
    document["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{second:02}Z"
    return document


class Crowd:
    """Looks at several profiles, each when it asks for it or is woken, as the controller does."""

    def __init__(self, *profiles: Object) -> None:
        self.world = World(*profiles)
        self.due: dict[Key, datetime] = {}
        self.finished: list[Key] = []
        self.most = 0
        """How many had a server at once."""
        for profile in profiles:
            self.due[profile["metadata"]["namespace"], profile["metadata"]["name"]] = self.world.time

    async def step(self) -> None:
        """Look at the profiles that are due; then let two seconds pass."""
        world = self.world
        for key in sorted(k for k, when in self.due.items() if when <= world.time):
            wait = await world.look(key)
            self.due.pop(key, None)
            if wait is not None:
                self.due[key] = world.time + timedelta(seconds=wait)
            elif key not in self.finished and self._is_finished(key):
                self.finished.append(key)
        owners = [o["metadata"]["ownerReferences"][0]["uid"] for o in world.cluster.of(DEPLOYMENTS)]
        self.most = max(self.most, len(set(owners)))
        self.due |= dict.fromkeys(world.woken, world.time)
        world.woken.clear()
        world.advance(2)

    def _is_finished(self, key: Key) -> bool:
        exists = (PROFILES.plural, *key) in self.world.cluster.objects
        return exists and self.world.condition("Finished", key)[0] == "True"

    async def until_idle(self, maximum: int = 500) -> None:
        """Go on until nobody wants to be looked at any more."""
        for _ in range(maximum):
            await self.step()
            if not self.due:
                return
        raise AssertionError(f"no end after {maximum} steps: {self.due}")


async def test_profiles_run_one_after_the_other_in_a_fair_order() -> None:
    """Namespaces take turns; within one the oldest is first."""
    crowd = Crowd(created(A1, 0), created(A2, 1), created(B3, 2))
    await crowd.step()
    assert ["Queued", "Queued"] == [crowd.world.condition("Finished", k)[1] for k in (A2, B3)]
    await crowd.until_idle()
    assert (1, [A1, B3, A2]) == (crowd.most, crowd.finished)
    assert {("True", "Verified")} == {crowd.world.condition("Succeeded", k) for k in (A1, A2, B3)}


async def test_after_a_restart_the_one_that_runs_goes_on_and_the_others_wait() -> None:
    """Everything follows from the objects."""
    crowd = Crowd(created(A1, 5), created(B3, 2))
    for _ in range(10):
        await crowd.step()
    crowd.world.restart()
    await crowd.until_idle()
    assert (1, [B3, A1]) == (crowd.most, crowd.finished)


async def test_two_nodes_take_two_profiles() -> None:
    """As many as there are nodes."""
    crowd = Crowd(created(A1, 0), created(A2, 1), created(B3, 2))
    crowd.world.cluster.put(NODES, node("node2"))
    crowd.world.turns.places.ordinary = frozenset({"node1", "node2"})
    await crowd.until_idle()
    assert (2, 3) == (crowd.most, len(crowd.finished))


async def test_a_suspended_profile_holds_nobody_up_and_takes_its_turn_later() -> None:
    """Though it is the oldest."""
    crowd = Crowd(created(A1, 0, suspend=True), created(B3, 2))
    await crowd.until_idle()
    assert ([B3], ("False", "Suspended")) == (crowd.finished, crowd.world.condition("Finished", A1))
    edit(crowd.world.cluster, crowd.world.raw(A1), suspend=False)
    crowd.due[A1] = crowd.world.time
    await crowd.until_idle()
    assert [B3, A1] == crowd.finished


async def test_one_that_is_suspended_in_the_middle_lets_the_next_go_on() -> None:
    """When its load has ended; it goes on when that one is done."""
    crowd = Crowd(created(A1, 0), created(B3, 2))
    for _ in range(6):
        await crowd.step()
    edit(crowd.world.cluster, crowd.world.raw(A1), suspend=True)
    await crowd.until_idle()
    assert (1, [B3]) == (crowd.most, crowd.finished)
    edit(crowd.world.cluster, crowd.world.raw(A1), suspend=False)
    crowd.due[A1] = crowd.world.time
    await crowd.until_idle()
    assert (1, [B3, A1]) == (crowd.most, crowd.finished)


async def test_one_that_is_deleted_or_refused_in_the_middle_lets_the_next_go_on() -> None:
    """Its turn is over."""
    crowd = Crowd(created(A1, 0), created(A2, 1), created(B3, 2))
    for _ in range(6):
        await crowd.step()
    crowd.world.cluster.remove(PROFILES, *A1)
    crowd.due[A1] = crowd.world.time
    for _ in range(6):
        await crowd.step()
    edit(crowd.world.cluster, crowd.world.raw(B3), dataset={"source": {"path": "rows.txt"}})
    crowd.due[B3] = crowd.world.time
    for _ in range(100):
        await crowd.step()
    assert (1, [A2]) == (crowd.most, crowd.finished)
    assert ("False", "NotSupported") == crowd.world.condition("Accepted", B3)


async def test_a_finished_one_that_wants_more_trials_waits_its_turn() -> None:
    """Another objective may need some; one that needs none ends at once."""
    crowd = Crowd(created(A1, 0), created(B3, 50))
    for _ in range(200):
        await crowd.step()
        if crowd.finished:
            break
    await crowd.step()
    edit(crowd.world.cluster, crowd.world.raw(A1), objectives={"latency": {"p95": "100ms"}})
    crowd.due[A1] = crowd.world.time
    await crowd.until_idle()
    assert 1 == crowd.most
    assert {("True", "Verified")} == {crowd.world.condition("Succeeded", k) for k in (A1, B3)}
