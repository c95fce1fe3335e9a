"""The parts of the operator together: started, notified of changes, stopped."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.cluster.objects import Object, at, files, node, now, raw_profile
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.world import finished_world

from modelprofiler.cluster import leader
from modelprofiler.cluster import serving as module
from modelprofiler.cluster.adapter import CONFIG_MAPS, NODES, PROFILES, Kind
from modelprofiler.cluster.operator import Operator
from modelprofiler.cluster.serving import Serving
from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import ClusterUnavailable, Refused

RUNNING = {"startTime": at(0), "observedGeneration": 1}


class Closable(StandIn):
    """One whose watches last and that can be closed."""

    closed = False

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


async def started(*profiles: Object, settings: Settings | None = None) -> tuple[Operator, Closable]:
    """Return an operator that serves these."""
    cluster = Closable(lambda: now(0))
    cluster.put(NODES, node())
    cluster.put(CONFIG_MAPS, files())
    for profile in profiles:
        cluster.put(PROFILES, profile)
    operator = Operator(settings or Settings(liveness_port=0))
    operator._cluster = cluster
    await operator.start()
    while operator.serving is None or not operator.serving.begun:  # noqa: ASYNC110 - nobody says so
        await asyncio.sleep(0)
    return operator, cluster


def serving(operator: Operator) -> Serving:
    """Return what serves; the operator leads."""
    assert operator.serving is not None
    return operator.serving


def workers(operator: Operator) -> int:
    """Return how many profiles are being looked at."""
    return operator.serving.controller.busy if operator.serving else 0


async def settled(operator: Operator, cluster: Closable) -> None:
    """Wait until a look that has begun has written its status."""
    while not cluster.count("status"):  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)


async def test_a_profile_that_is_created_is_looked_at() -> None:
    """And everything ends with the operator."""
    operator, cluster = await started()
    profile = cluster.put(PROFILES, raw_profile())
    operator.changed("ADDED", profile)
    await settled(operator, cluster)
    assert 1 == workers(operator)
    await operator.stop()
    assert (0, True, {asyncio.current_task()}) == (workers(operator), cluster.closed, asyncio.all_tasks())


async def test_who_runs_already_is_known_before_anyone_is_given_a_turn() -> None:
    """The event of the other may come first."""
    busy = raw_profile("busy", uid="busy") | {"status": RUNNING}
    operator, cluster = await started(busy, raw_profile())
    operator.changed(None, cluster.objects["modelprofiles", "team", "digits"])
    await settled(operator, cluster)
    conditions = cluster.objects["modelprofiles", "team", "digits"]["status"]["conditions"]
    assert "Queued" in [c["reason"] for c in conditions]
    await operator.stop()


async def test_a_profile_that_is_deleted_gives_up_its_turn() -> None:
    """Whether or not it is looked at."""
    busy = raw_profile("busy", uid="busy") | {"status": RUNNING}
    operator, _ = await started(busy, raw_profile())
    assert 1 == serving(operator).turns.position(("team", "digits"))
    operator.changed("DELETED", busy)
    assert 0 == serving(operator).turns.position(("team", "digits"))
    await operator.stop()


async def test_where_nodes_may_not_be_counted_one_profile_runs_at_a_time() -> None:
    """As many as there are nodes that take ordinary pods otherwise."""
    operator, cluster = await started()
    cluster.put(NODES, node("node2"))
    cluster.put(NODES, node("cordoned", unschedulable=True))
    counted = await serving(operator)._ordinary_nodes()

    def refuse(verb: str, kind: Kind, name: str) -> None:
        raise Refused("nodes is forbidden", 403)

    cluster.before = refuse
    assert (frozenset({"node1", "node2"}), frozenset()) == (counted, await serving(operator)._ordinary_nodes())
    serving(operator).turns.places.ordinary = frozenset()
    assert 1 == serving(operator).turns.slots
    await operator.stop()


async def test_what_the_operator_wrote_itself_is_no_news() -> None:
    """Its own status would wake it once more for each write."""
    operator, cluster = await started()
    profile = cluster.put(PROFILES, raw_profile())
    operator.changed("ADDED", profile)
    await settled(operator, cluster)
    while serving(operator).reconciler._remembered.written(("team", "digits")) is None:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    stored = cluster.objects["modelprofiles", "team", "digits"]
    touched = {**stored, "metadata": {**stored["metadata"], "resourceVersion": "999999"}}
    assert [True, False] == [serving(operator).reconciler.is_own_write(o) for o in (stored, touched)]
    await operator.stop()


async def test_a_restart_costs_no_request_for_those_that_wait_or_are_done() -> None:
    """However many there are: their turn comes by itself."""
    busy = raw_profile("busy", uid="busy") | {"status": RUNNING}
    operator, cluster = await started(busy, raw_profile())
    operator.changed(None, cluster.objects["modelprofiles", "team", "digits"])
    await settled(operator, cluster)
    await operator.stop()
    over = (await finished_world()).raw()
    over["metadata"] |= {"name": "over", "uid": "over"}

    waits = cluster.objects["modelprofiles", "team", "digits"]
    operator, cluster = await started(busy, waits, over)
    cluster.calls.clear()
    for raw in (waits, over):
        operator.changed(None, raw)
    for _ in range(20):
        await asyncio.sleep(0)
    assert {"busy"} == {name for _, plural, name in cluster.calls if plural == PROFILES.plural}

    cluster.remove(PROFILES, "team", "busy")
    operator.changed("DELETED", busy)
    async with asyncio.timeout(5):
        while not cluster.count("get", PROFILES)["digits"]:  # noqa: ASYNC110 - nobody says so
            await asyncio.sleep(0)
    assert not cluster.count("get", PROFILES)["over"]
    await operator.stop()


async def test_a_place_in_the_queue_that_has_changed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything else being read or written for it."""
    monkeypatch.setattr(module, "QUEUE_SECONDS", 0.001)
    busy = raw_profile("busy", uid="busy") | {"status": RUNNING}
    older, younger = raw_profile("older", uid="older"), raw_profile("younger", uid="younger")
    younger["metadata"]["creationTimestamp"] = at(9)
    operator, cluster = await started(busy, older, younger)
    for name in ("older", "younger"):
        operator.changed("ADDED", cluster.objects["modelprofiles", "team", name])
    while len(cluster.count("status")) < 2:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)
    cluster.calls.clear()
    operator.changed("DELETED", cluster.objects["modelprofiles", "team", "older"])
    cluster.remove(PROFILES, "team", "older")
    await settled(operator, cluster)
    assert {("get", "modelprofiles", "younger"), ("status", "modelprofiles", "younger")} == set(cluster.calls)
    await operator.stop()


async def test_who_runs_is_looked_at_again_after_a_restart_although_no_event_comes() -> None:
    """The events of the first list may have come while another operator served."""
    busy = raw_profile("busy", uid="busy") | {"status": RUNNING}
    operator, cluster = await started(busy)
    await settled(operator, cluster)
    assert 1 == workers(operator)
    await operator.stop()


async def test_a_task_that_has_ended_is_a_problem_that_the_liveness_probe_sees() -> None:
    """Without it profiles would wait for ever while the process looks healthy."""
    operator, _ = await started()
    assert [] == operator.health().problems
    task = next(task for task in serving(operator)._tasks if task.get_name() == "tend queue")
    task.cancel()
    await asyncio.wait([task])
    assert ["the task 'tend queue' has ended"] == operator.health().problems
    await operator.stop()


async def test_a_queue_that_is_not_tended_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task may hang instead of ending."""
    operator, _ = await started()
    monkeypatch.setattr(module, "STALLED_SECONDS", -1)
    assert ["the queue was not tended for -1 s"] == operator.health().problems
    await operator.stop()


async def test_an_operator_that_cannot_begin_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the Lease, so that nobody else would."""
    monkeypatch.setattr(leader, "RETRY_SECONDS", 0.001)
    cluster = Closable(lambda: now(0))
    failures = iter([True, True])

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if kind is PROFILES and next(failures, False):
            raise ClusterUnavailable("etcd has no leader")

    cluster.before = refuse
    operator = Operator(Settings(liveness_port=0))
    operator._cluster = cluster
    await operator.start()
    async with asyncio.timeout(5):
        while operator.serving is None or not operator.serving.begun:  # noqa: ASYNC110 - nobody says so
            await asyncio.sleep(0)
    assert operator.health().ready
    await operator.stop()


async def test_the_metrics_say_where_every_profile_stands() -> None:
    """By the reason of its condition; what somebody wrote by hand is Other."""
    over = (await finished_world()).raw()
    over["metadata"] |= {"name": "over", "uid": "over"}
    forged = raw_profile("forged", uid="forged")
    forged["status"] = {"conditions": [{"type": "Finished", "status": "False", "reason": "x" * 5000}]}
    operator, _ = await started(over)
    serving(operator).changed(None, forged)
    counted = serving(operator).profiles
    assert {("Done", "Verified"): 1, ("Waiting", "Other"): 1} == counted
    serving(operator).changed("DELETED", forged)
    assert {("Done", "Verified"): 1} == serving(operator).profiles
    await operator.stop()
