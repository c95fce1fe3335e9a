"""Who serves: one operator at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.unit.cluster.objects import now
from tests.unit.cluster.standin import StandIn

from modelprofiler.api.objects import Object
from modelprofiler.cluster import leader
from modelprofiler.cluster.adapter import LEASES, Kind
from modelprofiler.cluster.leader import Leadership
from modelprofiler.errors import ClusterUnavailable, Conflict


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elect within seconds: the library's smallest periods."""
    monkeypatch.setattr(leader, "LEASE_SECONDS", 3.0)
    monkeypatch.setattr(leader, "RENEW_SECONDS", 2.0)
    monkeypatch.setattr(leader, "RETRY_SECONDS", 1.0)


@asynccontextmanager
async def candidate(cluster: StandIn, name: str, *namespaces: str) -> AsyncIterator[tuple[Leadership, list[str]]]:
    """Return a candidate and the log of its service; it gives its Leases back at the end."""
    leadership = Leadership(cluster, namespaces or ("kube-system",), name)
    log: list[str] = []

    async def serve() -> None:
        log.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("ended")

    task = asyncio.create_task(leadership.keep(serve))
    try:
        yield leadership, log
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until_leads(leadership: Leadership, seconds: float = 8) -> None:
    """Wait until it leads."""
    async with asyncio.timeout(seconds):
        while not leadership.leads:  # noqa: ASYNC110 - nobody says so
            await asyncio.sleep(0.02)


def holder(cluster: StandIn, namespace: str = "kube-system") -> object:
    """Return who holds the Lease."""
    return cluster.objects["leases", namespace, "modelprofiler"]["spec"]["holderIdentity"]


async def test_one_of_two_serves_and_the_other_says_for_whom_it_stands_by() -> None:
    """When the first ends, it gives the Lease back and the second serves at its next try."""
    cluster = StandIn(lambda: now(0))
    async with candidate(cluster, "second/pod") as (second, log):
        async with candidate(cluster, "first/pod") as (first, _):
            async with asyncio.timeout(5):
                while not (first.leads or second.leads):  # noqa: ASYNC110 - nobody says so
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1.5)
            leads = {"first/pod": first.leads, "second/pod": second.leads}
            assert 1 == sum(leads.values())
            assert leads[str(holder(cluster))]
            standing_by = second if first.leads else first
            assert holder(cluster) == standing_by.holder
        await until_leads(second)
        assert "second/pod" == holder(cluster)
        assert ["began"] == log
    assert "" == holder(cluster)
    assert ["began", "ended"] == log


async def test_one_that_died_is_followed_when_its_lease_has_run_out() -> None:
    """Not before: it may only be slow."""
    cluster = StandIn(lambda: now(0))
    spec = {"holderIdentity": "dead/pod", "leaseDurationSeconds": 3, "acquireTime": "x", "renewTime": "x"}
    cluster.put(LEASES, {"metadata": {"name": "modelprofiler", "namespace": "kube-system"}, "spec": spec})
    async with candidate(cluster, "next/pod") as (leadership, _):
        await asyncio.sleep(1.5)
        assert (False, "dead/pod") == (leadership.leads, leadership.holder)
        await until_leads(leadership)


async def test_the_next_one_serves_as_soon_as_the_lease_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks every two seconds here, and takes none of them more to begin."""
    for name, seconds in (("LEASE_SECONDS", 60.0), ("RENEW_SECONDS", 30.0), ("RETRY_SECONDS", 2.0)):
        monkeypatch.setattr(leader, name, seconds)

    class Distant(StandIn):
        """An API server that takes a moment to answer."""

        async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
            await asyncio.sleep(0.01)
            return await super().get(kind, namespace, name)

    cluster = Distant(lambda: now(0))
    spec = {"holderIdentity": "other/pod", "leaseDurationSeconds": 60, "acquireTime": "x", "renewTime": "x"}
    cluster.put(LEASES, {"metadata": {"name": "modelprofiler", "namespace": "kube-system"}, "spec": spec})
    async with candidate(cluster, "next/pod") as (leadership, _):
        await asyncio.sleep(0.1)
        del cluster.objects["leases", "kube-system", "modelprofiler"]
        await until_leads(leadership, 3.5)


async def test_a_container_that_is_restarted_in_its_pod_serves_at_once() -> None:
    """It is the holder."""
    cluster = StandIn(lambda: now(0))
    spec = {"holderIdentity": "same/pod", "leaseDurationSeconds": 3600, "acquireTime": "x", "renewTime": "x"}
    cluster.put(LEASES, {"metadata": {"name": "modelprofiler", "namespace": "kube-system"}, "spec": spec})
    async with candidate(cluster, "same/pod") as (leadership, _):
        await until_leads(leadership, 2)


async def test_who_cannot_renew_the_lease_stops_serving_and_goes_on_when_it_can() -> None:
    """Somebody else may hold it by then."""
    cluster = StandIn(lambda: now(0))
    broken = False

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if broken:
            raise ClusterUnavailable("the API server does not answer")

    cluster.before = refuse
    async with candidate(cluster, "only/pod") as (leadership, log):
        await until_leads(leadership)
        broken = True
        async with asyncio.timeout(8):
            while leadership.leads:  # noqa: ASYNC110 - nobody says so
                await asyncio.sleep(0.02)
        assert ["began", "ended"] == log
        broken = False
        await until_leads(leadership)
        assert ["began", "ended", "began"] == log


async def test_who_reads_that_another_holds_the_lease_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a pause of the process, in which its Lease ran out; the election itself goes on trying for longer."""
    monkeypatch.setattr(leader, "LEASE_SECONDS", 60.0)
    monkeypatch.setattr(leader, "RENEW_SECONDS", 30.0)
    cluster = StandIn(lambda: now(0))
    async with candidate(cluster, "paused/pod") as (leadership, log):
        await until_leads(leadership)
        lease = cluster.objects["leases", "kube-system", "modelprofiler"]
        cluster.put(LEASES, {**lease, "spec": {**lease["spec"], "holderIdentity": "other/pod"}})
        async with asyncio.timeout(5):
            while leadership.leads:  # noqa: ASYNC110 - nobody says so
                await asyncio.sleep(0.02)
        assert ["began", "ended"] == log
        await asyncio.sleep(1.5)
        assert (False, "other/pod") == (leadership.leads, leadership.holder)
        assert ["began", "ended"] == log


async def test_who_does_not_get_a_lease_that_was_given_back_goes_on_standing_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody holds it when it is read, and somebody else is quicker to take it: no moment is served in between."""
    for name, seconds in (("LEASE_SECONDS", 60.0), ("RENEW_SECONDS", 30.0)):
        monkeypatch.setattr(leader, name, seconds)
    cluster = StandIn(lambda: now(0))
    async with candidate(cluster, "paused/pod") as (leadership, log):
        await until_leads(leadership)
        lease = cluster.objects["leases", "kube-system", "modelprofiler"]
        cluster.put(LEASES, {**lease, "spec": {**lease["spec"], "holderIdentity": "other/pod"}})
        async with asyncio.timeout(5):
            while leadership.leads:  # noqa: ASYNC110 - nobody says so
                await asyncio.sleep(0.02)
        cluster.put(LEASES, {**lease, "spec": {**lease["spec"], "holderIdentity": ""}})

        def refuse(verb: str, kind: Kind, name: str) -> None:
            if verb == "update":
                raise Conflict("somebody else has written it")

        cluster.before = refuse
        await asyncio.sleep(3)
        assert ["began", "ended"] == log


async def test_an_operator_of_several_namespaces_serves_when_it_holds_each_of_them() -> None:
    """One that serves one of them already goes on."""
    cluster = StandIn(lambda: now(0))
    async with candidate(cluster, "both/pod", "team-a", "team-b") as (both, log):
        await until_leads(both)
        async with candidate(cluster, "one/pod", "team-b") as (one, _):
            await asyncio.sleep(1.5)
            assert (False, "both/pod") == (one.leads, one.holder)
    assert ["began", "ended"] == log
    assert ["", ""] == [holder(cluster, space) for space in ("team-a", "team-b")]
