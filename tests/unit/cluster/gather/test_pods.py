"""What a server's pod shows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import BIG, MI, SMALL, Object, at, now, pod
from tests.unit.cluster.shown import SERVER, deployment, read

from modelprofiler.cluster.gather.observation import Pod, Termination
from modelprofiler.core.axis import Limits


def a_pod_of(body: Object, container: str = "server") -> Pod:
    """Return what a server's pod shows."""
    body["metadata"]["labels"] = SERVER
    server_pod = read(deployment(), body, container=container).servers[0].pod
    assert server_pod is not None
    return server_pod


def status(**fields: Any) -> Object:
    """Return the status of the container `server`."""
    return {"name": "server", **fields}


def test_a_ready_pod_shows_its_times_sizes_node_and_image() -> None:
    """In the units that are used here."""
    pod_seen = a_pod_of(pod(SMALL))
    assert (now(0), now(1), now(3)) == (pod_seen.created, pod_seen.container_started_at, pod_seen.ready_at)
    assert (SMALL, SMALL, None) == (pod_seen.desired, pod_seen.actual, pod_seen.resize)
    assert ("node1", "scoring@sha256:1", None, None, "", False) == (
        pod_seen.node,
        pod_seen.image,
        pod_seen.termination,
        pod_seen.waiting,
        pod_seen.unschedulable,
        pod_seen.gone,
    )


def test_a_pod_without_any_status_is_pending() -> None:
    """A pod has none for a moment after it was created."""
    bare = pod()
    del bare["status"], bare["spec"]["nodeName"]
    pod_seen = a_pod_of(bare)
    assert ("Pending", "", None, None, None, SMALL, None) == (
        pod_seen.phase,
        pod_seen.node,
        pod_seen.ready_at,
        pod_seen.container_started_at,
        pod_seen.termination,
        pod_seen.desired,
        pod_seen.actual,
    )
    empty = a_pod_of(pod(status=None, conditions=None, containerStatuses=None))
    assert (None, None) == (empty.ready_at, empty.waiting)


@pytest.mark.parametrize(
    ("expected", "condition"),
    [
        (("Deferred", "node is full"), {"type": "PodResizePending", "reason": "Deferred", "message": "node is full"}),
        (("Infeasible", "too large"), {"type": "PodResizePending", "reason": "Infeasible", "message": "too large"}),
        (("InProgress", ""), {"type": "PodResizeInProgress"}),
        (("Error", "cgroup"), {"type": "PodResizeInProgress", "reason": "Error", "message": "cgroup"}),
        (None, {"type": "PodResizePending", "status": "False", "reason": "Deferred"}),
    ],
)
def test_a_resize_shows_how_far_it_is(expected: tuple[str, str] | None, condition: Object) -> None:
    """The desired size is in the spec, the applied one in the status."""
    body = pod(SMALL, conditions=[{"status": "True", **condition}])
    body["status"]["containerStatuses"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    pod_seen = a_pod_of(body)
    assert (expected, SMALL, BIG) == (pod_seen.resize, pod_seen.desired, pod_seen.actual)


def test_a_kubelet_that_does_not_report_sizes_leaves_them_unknown() -> None:
    """Or only one of them."""
    for resources in (None, {}, {"limits": None}, {"limits": {"cpu": "1"}}):
        body = pod()
        body["status"]["containerStatuses"][0]["resources"] = resources
        assert None is a_pod_of(body).actual


def test_sizes_compare_however_they_are_written() -> None:
    """0.25 is 250m."""
    body = pod()
    body["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "0.25", "memory": str(1024 * MI)}}
    assert Limits(250, 1024 * MI) == a_pod_of(body).desired


EXIT = {"reason": "Error", "exitCode": 1, "message": "last words\n", "finishedAt": at(9)}
PROXY_FAILED = {"name": "proxy", "state": {"terminated": EXIT}}
WELL = {"reason": "Completed", "exitCode": 0}


@pytest.mark.parametrize(
    ("sentence", "expected", "statuses"),
    [
        ("it runs", None, {"containerStatuses": [status(state={"running": {}})]}),
        (
            "it has ended",
            Termination("server", "Error", 1, "last words"),
            {"containerStatuses": [status(state={"terminated": EXIT})]},
        ),
        (
            "it has ended and runs again",
            Termination("server", "OOMKilled", 137, ""),
            {
                "containerStatuses": [
                    status(state={"running": {}}, lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137}})
                ]
            },
        ),
        (
            "a sidecar has failed",
            Termination("proxy", "Error", 1, "last words", profiled=False),
            {"containerStatuses": [status(state={"running": {}}), PROXY_FAILED]},
        ),
        (
            "both have ended: the profiled one counts",
            Termination("server", "Completed", 0, ""),
            {
                "containerStatuses": [
                    {"name": "proxy", "state": {"terminated": EXIT}},
                    status(state={"terminated": WELL}),
                ]
            },
        ),
        (
            "an init container has done its work",
            None,
            {"initContainerStatuses": [{"name": "fetch", "state": {"terminated": WELL}}]},
        ),
        (
            "an init container fails",
            Termination("fetch", "Error", 1, "last words", profiled=False),
            {"initContainerStatuses": [{"name": "fetch", "state": {"waiting": {}}, "lastState": {"terminated": EXIT}}]},
        ),
    ],
)
def test_the_end_of_a_container_is_reported(sentence: str, expected: Termination | None, statuses: Object) -> None:
    """The first restart is enough."""
    assert (sentence, expected) == (sentence, a_pod_of(pod(**statuses)).termination)


@pytest.mark.parametrize(
    ("expected", "waiting"),
    [
        (("ErrImagePull", "not found"), {"reason": "ErrImagePull", "message": "not found"}),
        (("ImagePullBackOff", ""), {"reason": "ImagePullBackOff"}),
        (("CreateContainerConfigError", "no secret"), {"reason": "CreateContainerConfigError", "message": "no secret"}),
        (None, {"reason": "ContainerCreating"}),
        (None, {"reason": "PodInitializing"}),
        (None, {}),
    ],
)
def test_the_reason_why_a_container_waits_is_reported(expected: tuple[str, str] | None, waiting: Object) -> None:
    """Of any container, init containers too."""
    assert expected == a_pod_of(pod(containerStatuses=[status(state={"waiting": waiting})])).waiting
    init = pod(initContainerStatuses=[{"name": "fetch", "state": {"waiting": waiting}}])
    assert expected == a_pod_of(init).waiting


def test_what_the_scheduler_says_is_reported() -> None:
    """Only while there is no node."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "Insufficient cpu"}
    assert "Insufficient cpu" == a_pod_of(pod(conditions=[condition])).unschedulable
    assert "" == a_pod_of(pod(conditions=[condition | {"reason": "SchedulingGated"}])).unschedulable
    assert "" == a_pod_of(pod()).unschedulable


def test_an_evicted_pod_is_gone_and_says_why() -> None:
    """It stays as a failed object."""
    pod_seen = a_pod_of(pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."))
    assert (True, "Evicted The node was low on resource: memory.") == (pod_seen.gone, pod_seen.reason)


def test_a_liveness_probe_and_a_probe_that_does_not_pass_are_seen() -> None:
    """They explain a kill, or why it is not ready."""
    body = pod(containerStatuses=[status(state={"running": {"startedAt": at(1)}}, ready=False, started=True)])
    body["spec"]["containers"][0] |= {
        "livenessProbe": {"httpGet": {"port": 80}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 80}},
    }
    pod_seen = a_pod_of(body)
    assert (True, "the readinessProbe (GET /healthz on port 80) of container server did not pass") == (
        pod_seen.has_liveness_probe,
        pod_seen.unready,
    )


@pytest.mark.parametrize(
    ("containers", "statuses", "installed"),
    [
        ([], [], None),
        ([{"name": "other"}], [{"name": "other", "state": {"terminated": {"exitCode": 0}}}], None),
        ([{"name": "modelprofiler-packages"}], [], False),
        ([{"name": "modelprofiler-packages"}], [{"name": "modelprofiler-packages", "state": {"running": {}}}], False),
        (
            [{"name": "modelprofiler-packages"}],
            [{"name": "modelprofiler-packages", "state": {"terminated": {"exitCode": 0}}}],
            True,
        ),
    ],
)
def test_a_pod_shows_whether_its_packages_are_installed(
    containers: list[Object], statuses: list[Object], installed: bool | None
) -> None:
    """Where there are any to install."""
    body = pod(SMALL)
    body["spec"]["initContainers"] = containers
    body["status"]["initContainerStatuses"] = statuses
    assert installed is a_pod_of(body).installed
