"""What the Job of a load and its pod show: that it runs, its result, or why there is none."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import Object, at, load_result, load_status, now
from tests.unit.cluster.shown import job, load_pod, read

from modelprofiler.cluster.gather.observation import LoadJob

RESULT = load_result(load_status())


def a_job_of(*pods: Object, **fields: Any) -> LoadJob:
    """Return what a Job and its pods show."""
    return read(job(**fields), *pods).jobs[0]


def ended(**fields: Any) -> Object:
    """Return how a load container ended: well, with a result."""
    return {"exitCode": 0, "reason": "Completed", "finishedAt": at(112), "message": RESULT.encode(), **fields}


def over(type_: str, message: str = "") -> Object:
    """Return the status of a Job that is over."""
    condition = {"type": type_, "status": "True", "lastTransitionTime": at(120), "message": message}
    return {"conditions": [{"type": "Suspended", "status": "False"}, condition]}


def test_a_load_that_runs_has_no_result_yet() -> None:
    """It has no failure either."""
    load_job = a_job_of(load_pod())
    assert (None, None, "", "") == (load_job.result, load_job.finished_at, load_job.failure, load_job.stuck)


def test_the_pod_of_a_load_shows_where_it_runs() -> None:
    """It saw how busy that node was; without a node of its own yet it is nowhere."""
    assert "node1" == a_job_of(load_pod()).node
    waiting = load_pod()
    del waiting["spec"]["nodeName"]
    assert "" == a_job_of(waiting).node


def test_a_load_that_ended_hands_its_result_back() -> None:
    """Through the termination message; the time is that of the container."""
    load_job = a_job_of(load_pod(ended()), status=over("Complete"))
    assert (RESULT, now(112), "") == (load_job.result, load_job.finished_at, load_job.failure)


@pytest.mark.parametrize(
    ("message", "pods", "job_status"),
    [
        ("(exit code 1, Error): Traceback", [load_pod(ended(exitCode=1, reason="Error", message="Traceback"))], {}),
        ("(exit code 0, Completed)", [load_pod(ended(message="not a result"))], {}),
        ("(exit code 137, OOMKilled)", [load_pod(ended(exitCode=137, reason="OOMKilled", message=""))], {}),
        ("(its pod is gone): it took too long", [], over("Failed", "it took too long")),
        ("(its pod is gone)", [load_pod(containerStatuses=[])], over("Complete")),
        (
            "(exit code 137, ContainerStatusUnknown): it failed",
            [load_pod({"exitCode": 137, "reason": "ContainerStatusUnknown", "finishedAt": None})],
            over("Failed", "it failed"),
        ),
    ],
)
def test_a_load_without_a_result_says_why(message: str, pods: list[Object], job_status: Object) -> None:
    """It will not come any more."""
    load_job = a_job_of(*pods, status=job_status)
    assert (None, f"the load generator left no result {message}") == (load_job.result, load_job.failure)
    assert load_job.finished_at is not None


def test_an_init_container_that_has_ended_is_not_the_end_of_the_load() -> None:
    """A service mesh may add one to every pod."""
    init = [{"name": "istio-init", "state": {"terminated": {"exitCode": 0}}}]
    load_job = a_job_of(load_pod(initContainerStatuses=init))
    assert (None, None, "", "") == (load_job.result, load_job.finished_at, load_job.failure, load_job.stuck)


@pytest.mark.parametrize(
    ("expected", "status_"),
    [
        (
            "0/1 nodes are available",
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]},
        ),
        (
            "ErrImagePull: not found",
            {
                "containerStatuses": [
                    {"name": "load", "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
                ]
            },
        ),
        ("", {"containerStatuses": [{"name": "load", "state": {"waiting": {"reason": "ContainerCreating"}}}]}),
        ("", {"containerStatuses": None, "conditions": None}),
    ],
)
def test_the_reason_why_a_load_does_not_start_is_reported(expected: str, status_: Object) -> None:
    """Placing and pulling may take their time; starting is no reason."""
    assert expected == a_job_of(load_pod(**status_)).stuck


def test_a_job_without_a_pod_is_stuck() -> None:
    """It says nowhere but in its events why."""
    assert "its Job has created no pod" in a_job_of().stuck
