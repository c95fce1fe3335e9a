"""The children of a profile, as an API server lists them, become one observation."""

from __future__ import annotations

import pytest
from tests.unit.cluster.objects import SMALL, Object, at, pod
from tests.unit.cluster.shown import SERVER, deployment, job, load_pod, read

from modelprofiler.cluster import names
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult

DONE = {"type": "Complete", "status": "True", "lastTransitionTime": at(120)}


def test_servers_and_jobs_come_in_order_with_their_pods() -> None:
    """However the API server lists them."""
    observation = read(deployment(3), deployment(1), job(4), job(2), pod(labels=SERVER), load_pod())
    assert ([1, 3], [2, 4], ["p", None]) == (
        [s.incarnation for s in observation.servers],
        [j.trial for j in observation.jobs],
        [s.pod.name if s.pod else None for s in observation.servers],
    )
    first, second = observation.server(3), observation.job(2)
    assert first is not None
    assert second is not None
    assert (None, None) == (observation.server(2), observation.job(3))
    assert ("Bracket", SMALL, "Decide", 1, "pod-uid") == (
        second.purpose,
        second.limits,
        second.window,
        second.incarnation,
        second.server_pod,
    )


def stranger(body: Object, **controller: object) -> Object:
    """Return a pod with another controller, which has every label of ours."""
    labels = {**body["metadata"]["labels"], "pod-template-hash": "5d5f"}
    references = [{**controller, "controller": True}] if controller else []
    return {**body, "metadata": {**body["metadata"], "name": "aaa", "labels": labels, "ownerReferences": references}}


@pytest.mark.parametrize(
    "controller",
    [
        {},
        {"kind": "Job", "name": "mp-t2", "uid": "another"},
        {"kind": "ReplicaSet", "name": "mp-t2", "uid": "uid-t2"},
        {"kind": "StatefulSet", "name": "mp-t2", "uid": "uid-t2"},
    ],
)
def test_a_pod_that_the_job_does_not_control_has_no_part_in_its_result(controller: dict[str, object]) -> None:
    """Whatever its name and its labels are: anybody may choose them."""
    forged = LoadResult(ResultKind.COMPLETED, "forged").encode()
    observation = read(job(2), stranger(load_pod({"exitCode": 0, "message": forged}), **controller), load_pod())
    assert (None, None) == (observation.jobs[0].result, observation.jobs[0].finished_at)


@pytest.mark.parametrize(
    "controller",
    [
        {},
        {"kind": "Job", "name": "mp-s1-5d5f", "uid": "rs"},
        {"kind": "ReplicaSet", "name": "mp-s1", "uid": "rs"},
        {"kind": "ReplicaSet", "name": "mp-s1-5d5f0", "uid": "rs"},
        {"kind": "ReplicaSet", "name": "mp-s11-5d5f", "uid": "rs"},
        {"kind": "ReplicaSet", "name": "another", "uid": "rs"},
    ],
)
def test_a_pod_that_the_deployment_does_not_control_is_not_the_server(controller: dict[str, object]) -> None:
    """Also where it is older and the server has none yet."""
    assert None is read(deployment(1), stranger(pod(labels=SERVER), **controller)).servers[0].pod


def test_where_two_pods_have_ended_as_that_of_a_job_none_is_believed() -> None:
    """A Job of ours creates one: somebody has forged the other, owner reference and all."""
    forged = load_pod({"exitCode": 0, "message": LoadResult(ResultKind.COMPLETED, "forged").encode()})
    forged["metadata"]["name"] = "aaa"
    real = load_pod({"exitCode": 0, "message": LoadResult(ResultKind.COMPLETED, "real").encode()})
    (jobs,) = read(job(2, status={"conditions": [DONE]}), forged, real).jobs
    assert None is jobs.result
    assert "2 pods say that they are of its Job, which creates one: aaa, p" in jobs.failure


def test_a_pod_that_ends_well_while_another_of_the_job_still_runs_is_not_believed() -> None:
    """A forged pod ends before the one that sends the load; where the real one has failed, the failure is told."""
    forged = load_pod({"exitCode": 0, "message": LoadResult(ResultKind.COMPLETED, "forged").encode()})
    forged["metadata"]["name"] = "aaa"
    (seen,) = read(job(2, status={"conditions": [DONE]}), forged, load_pod()).jobs
    assert None is seen.result
    assert "2 pods say that they are of its Job, which creates one: aaa, p" in seen.failure

    failed = load_pod({"exitCode": 137, "reason": "OOMKilled"})
    successor = load_pod()
    successor["metadata"]["name"] = "successor"
    (seen,) = read(job(2, status={"conditions": [DONE]}), failed, successor).jobs
    assert "exit code 137, OOMKilled" in seen.failure


def test_what_belongs_to_an_earlier_run_is_stale_and_its_pods_are_nobodys() -> None:
    """It is swept, not used."""
    old = pod(labels={names.RUN: "old", names.INCARNATION: "1"})
    observation = read(deployment(1, "old"), job(2, "old"), deployment(2), old)
    assert ((("deployments", "mp-s1"), ("jobs", "mp-t2")), [2], None) == (
        observation.stale,
        [s.incarnation for s in observation.servers],
        observation.servers[0].pod,
    )
