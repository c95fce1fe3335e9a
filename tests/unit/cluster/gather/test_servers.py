"""What a Deployment and its pods show of one start of the server."""

from __future__ import annotations

from tests.unit.cluster.objects import BIG, at, now, pod
from tests.unit.cluster.shown import SERVER, deployment, read


def test_a_deployment_says_why_it_has_no_pod() -> None:
    """A quota shows nowhere else; a Deployment without status says nothing."""
    condition = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    failing = deployment(status={"conditions": [{"type": "Available", "status": "False"}, condition]})
    gone = deployment(status={"conditions": [condition | {"status": "False"}]})
    assert ["exceeded quota", "", ""] == [read(d).servers[0].refusal for d in (failing, gone, deployment())]
    assert (BIG, False) == (read(deployment()).servers[0].limits, read(deployment()).servers[0].deleting)
    assert read(deployment(metadata={"deletionTimestamp": at(5)})).servers[0].deleting


def test_of_two_pods_the_one_that_is_not_being_deleted_is_the_server() -> None:
    """Then the older one."""
    leaving, living = pod(labels=SERVER), pod(labels=SERVER, created=50)
    leaving["metadata"] |= {"name": "leaving", "deletionTimestamp": at(60)}
    third = pod(labels=SERVER, created=70)
    third["metadata"]["name"] = "third"
    server_pod = read(deployment(), leaving, third, living).servers[0].pod
    assert server_pod is not None
    assert ("p", False) == (server_pod.name, server_pod.gone)


def test_a_pod_that_is_older_than_its_deployment_is_the_last_to_be_taken() -> None:
    """It is of one of the same name before; or the clocks of two API servers differ, and it is the only one."""
    later = deployment()
    later["metadata"]["creationTimestamp"] = at(10)
    both = read(later, pod(labels=SERVER, created=5), pod(labels=SERVER, created=10)).servers[0].pod
    only = read(later, pod(labels=SERVER, created=9)).servers[0].pod
    assert both is not None
    assert only is not None
    assert [now(10), now(9)] == [both.created, only.created]
