"""The workload that is named: how it may be written, and what its pod template tells about the server."""

import pytest

from modelprofiler.errors import Problem
from modelprofiler.plugin.workload import Target, Workload, container_of, port_of, target_of, workload_of

SHOP = Target("deployment", "shop")


def object_of(*containers: dict[str, object], kind: str = "Deployment", **metadata: object) -> dict[str, object]:
    """Return a workload with these containers."""
    spec = {"template": {"spec": {"containers": list(containers)}}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "shop", **metadata}, "spec": spec}


def workload_with(*containers: dict[str, object]) -> Workload:
    """Return the same as the plugin reads it."""
    workload = workload_of(object_of(*containers), SHOP)
    assert isinstance(workload, Workload)
    return workload


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["deployment/shop"], SHOP),
        (["deploy", "shop"], Target("deploy", "shop")),
        (["rollouts.v1alpha1.argoproj.io/shop"], Target("rollouts.v1alpha1.argoproj.io", "shop")),
        (["Deployment/shop.v2"], Target("Deployment", "shop.v2")),
    ],
)
def test_a_workload_is_named_as_for_kubectl_get(words: list[str], expected: Target) -> None:
    """A slash or a space is between type and name; short and full names of types are kubectl's business."""
    assert expected == target_of(words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "is required"),
        (["shop"], "must be TYPE/NAME"),
        (["deployment/shop", "deployment/other"], "must be TYPE/NAME"),
        (["deployment", "shop", "x"], "must be TYPE/NAME"),
        (["deployment/../shop"], "must be TYPE/NAME"),
        (["deploy,sts/shop"], "is not a type of workload"),
        (["deployment/Shop"], "is not the name of a workload"),
        (["deployment/"], "is not the name of a workload"),
        (["deployment/--all"], "is not the name of a workload"),
    ],
)
def test_what_names_no_workload_is_refused(words: list[str], says: str) -> None:
    """It is refused before kubectl sees it, because a name could be an option of kubectl."""
    problem = target_of(words)
    assert isinstance(problem, Problem)
    assert says in problem.message


def test_kind_and_version_are_those_of_the_cluster() -> None:
    """The short name that the user has written does not matter."""
    assert {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"} == workload_with({"name": "a"}).reference


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"apiVersion": "v1", "kind": "List", "items": []}, "has no pod template"),
        (
            {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [{"name": "a"}]}},
            "no pod template",
        ),
        (object_of(), "no pod template"),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": "text"}}, "no pod template"),
        ({"apiVersion": 1, "kind": "Deployment"}, "is not one object"),
        ({}, "is not one object"),
    ],
)
def test_an_object_without_a_template_is_refused(data: dict[str, object], says: str) -> None:
    """The sentence says what is missing."""
    problem = workload_of(data, SHOP)
    assert isinstance(problem, Problem)
    assert says in problem.message


def test_what_made_a_pod_is_named_instead_of_it() -> None:
    """The owner has a template."""
    owners = [{"kind": "Node", "name": "n"}, {"kind": "ReplicaSet", "name": "shop-5f", "controller": True}]
    problem = workload_of(object_of(kind="Pod", ownerReferences=owners), SHOP)
    assert isinstance(problem, Problem)
    assert "name ReplicaSet/shop-5f" in problem.message


def test_another_specification_of_the_pods_has_another_fingerprint() -> None:
    """The same command then measures again. Labels and restarts of the pods do not change it."""
    before, again = object_of({"name": "a", "image": "a:1"}), object_of({"name": "a", "image": "a:1"})
    again["spec"]["template"]["metadata"] = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}  # type: ignore[index]
    after = object_of({"name": "a", "image": "a:2"})
    prints = [w.fingerprint for data in (before, again, after) if isinstance(w := workload_of(data, SHOP), Workload)]
    assert prints[0] == prints[1] != prints[2]


def test_the_first_container_is_profiled_unless_one_is_named() -> None:
    """The operator does the same. A container that does not exist is refused with the names of those that do."""
    two = workload_with({"name": "server"}, {"name": "proxy"})
    assert ["server", "proxy"] == [
        container["name"]
        for container in (container_of(two, None), container_of(two, "proxy"))
        if isinstance(container, dict)
    ]
    problem = container_of(two, "sever")
    assert isinstance(problem, Problem)
    assert "it has server, proxy" in problem.message


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"ports": [{"containerPort": 8080}]}, 8080),
        ({"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80}]}, 80),
        ({"ports": [{"containerPort": 9090, "name": "metrics"}, {"containerPort": 8080, "name": "http"}]}, 8080),
        ({"ports": [{"containerPort": 9090, "name": "grpc"}, {"containerPort": 8080, "name": "http-api"}]}, 8080),
        ({"readinessProbe": {"httpGet": {"port": 5001}}, "livenessProbe": {"httpGet": {"port": 5001}}}, 5001),
        ({"ports": [], "startupProbe": {"httpGet": {"port": 5001}}}, 5001),
    ],
)
def test_a_port_is_taken_from_the_template_where_there_is_no_doubt(container: dict[str, object], expected: int) -> None:
    """It is the only port, or the only one whose name says HTTP."""
    one = workload_with({"name": "server", **container})
    assert expected == port_of(one, one.containers[0])


@pytest.mark.parametrize(
    ("container", "says"),
    [
        ({}, "declares no port"),
        ({"ports": "text", "readinessProbe": {"httpGet": {"port": "http"}}}, "declares no port"),
        ({"ports": [{"containerPort": 80}, {"containerPort": 81, "name": "x"}]}, "several ports: 80, 81 (x)"),
        (
            {"ports": [{"containerPort": 80, "name": "http-a"}, {"containerPort": 81, "name": "http-b"}]},
            "several ports",
        ),
        (
            {"readinessProbe": {"httpGet": {"port": 1}}, "livenessProbe": {"httpGet": {"port": 2}}},
            "several ports: 1, 2",
        ),
    ],
)
def test_a_port_is_asked_for_where_there_is_doubt(container: dict[str, object], says: str) -> None:
    """The problem lists the ports that the container declares."""
    one = workload_with({"name": "server", **container})
    problem = port_of(one, one.containers[0])
    assert isinstance(problem, Problem)
    assert ("--port", True) == (problem.path, says in problem.message)
