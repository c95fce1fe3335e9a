"""What the Job of a node reader and its pod show: where it answers, or why it does not."""

from __future__ import annotations

from typing import Any

from tests.unit.cluster.objects import Object, at, pod
from tests.unit.cluster.shown import deployment, job

from modelprofiler.cluster import names
from modelprofiler.cluster.gather import observe
from modelprofiler.cluster.gather.observation import Observation, Reader

LABELS = {names.RUN: "abc", names.COMPONENT: names.READER}
JOB: Object = {
    "metadata": {
        "name": "mp-r2",
        "uid": "uid-r2",
        "creationTimestamp": at(3),
        "labels": LABELS,
        "annotations": {names.STARTED_FOR: "2"},
    }
}


def its_pod(state: Object, **status: Any) -> Object:
    """Return the pod of the reader."""
    body = pod(None, labels=LABELS, ready=None)
    body["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "mp-r2", "uid": "uid-r2", "controller": True}]
    body["status"] = {"containerStatuses": [{"name": "reader", "state": state}], "podIP": "198.18.1.9", **status}
    return body


def observation(*pods: Object, **changes: Any) -> Observation:
    """Return what is seen of a run with a server, a load and the reader."""
    return observe.read("abc", "server", deployments=[deployment()], jobs=[job(), JOB | changes], pods=pods)


def the_reader(*pods: Object, **changes: Any) -> Reader:
    """Return what is seen of the reader."""
    (reader,) = observation(*pods, **changes).readers
    return reader


def test_a_reader_is_no_load() -> None:
    """Both are Jobs of the run."""
    observed = observation(its_pod({"running": {}}))
    assert ([2], [2]) == ([job.trial for job in observed.jobs], [reader.trial for reader in observed.readers])
    assert observed.stale == ()


def test_a_reader_that_runs_answers_at_the_address_of_its_pod() -> None:
    """On the node that it is on."""
    reader = the_reader(its_pod({"running": {}}))
    assert ("198.18.1.9", "node1", "", "") == (reader.address, reader.node, reader.stuck, reader.ended)


def test_a_reader_that_does_not_start_says_why() -> None:
    """As far as its pod shows it."""
    waiting = its_pod({"waiting": {"reason": "ErrImagePull", "message": "no such image"}})
    assert ("", "ErrImagePull: no such image") == (the_reader(waiting).address, the_reader(waiting).stuck)
    assert "its Job has created no pod" in the_reader().stuck


def test_a_reader_that_has_ended_answers_no_more() -> None:
    """Whether its pod is still there or not."""
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "MemoryError"}}
    reader = the_reader(its_pod(ended))
    assert ("", "it ended (exit code 137, OOMKilled): MemoryError") == (reader.address, reader.ended)
    failed = {"type": "Failed", "status": "True", "message": "Job was active longer than specified deadline"}
    over = the_reader(status={"conditions": [failed]})
    assert "its Job is over: Job was active longer than specified deadline" == over.ended


def test_nobody_is_believed_where_two_pods_say_that_they_are_the_reader() -> None:
    """The Job creates one."""
    other = its_pod({"running": {}})
    other["metadata"]["name"] = "other"
    assert "" == the_reader(its_pod({"running": {}}), other).address


def test_a_reader_of_an_earlier_run_is_stale() -> None:
    """It is deleted like every other child of that run."""
    old = observe.read("new", "server", deployments=[], jobs=[JOB], pods=[])
    assert ((("jobs", "mp-r2"),), ()) == (old.stale, old.readers)
