"""The children of a profile, as an API server lists them, become one observation."""

from __future__ import annotations

from tests.unit.cluster.objects import SMALL, pod
from tests.unit.cluster.shown import SERVER, deployment, job, load_pod, read

from modelprofiler.cluster import names


def test_servers_and_jobs_come_in_order_with_their_pods() -> None:
    """However the API server lists them."""
    seen = read(deployment(3), deployment(1), job(4), job(2), pod(labels=SERVER), load_pod())
    assert ([1, 3], [2, 4], ["p", None]) == (
        [s.incarnation for s in seen.servers],
        [j.trial for j in seen.jobs],
        [s.pod.name if s.pod else None for s in seen.servers],
    )
    first, second = seen.server(3), seen.job(2)
    assert first is not None
    assert second is not None
    assert (None, None) == (seen.server(2), seen.job(3))
    assert ("Bracket", SMALL, "Decide", 1, "pod-uid") == (
        second.purpose,
        second.limits,
        second.window,
        second.incarnation,
        second.server_pod,
    )


def test_what_belongs_to_an_earlier_run_is_stale_and_its_pods_are_nobodys() -> None:
    """It is swept, not used."""
    old = pod(labels={names.RUN: "old", names.INCARNATION: "1"})
    seen = read(deployment(1, "old"), job(2, "old"), deployment(2), old)
    assert ((("deployments", "mp-s1"), ("jobs", "mp-t2")), [2], None) == (
        seen.stale,
        [s.incarnation for s in seen.servers],
        seen.servers[0].pod,
    )
