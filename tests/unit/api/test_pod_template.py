"""Nothing looks into a pod template before the operator does, so anything may be in it."""

from typing import Any

import pytest

from modelprofiler.api.pod_template import misshapen


def _template(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "server", "image": "i"}, {"name": "side", "image": "i"} | container]}}


def test_a_good_template_has_no_problem() -> None:
    """Quantities may be numbers, as in a manifest without quotes."""
    assert misshapen({}) == []
    assert misshapen(_template(resources={"requests": {"cpu": 1, "memory": "1Gi"}}, env=[])) == []


@pytest.mark.parametrize(
    ("container", "path", "message"),
    [
        ({"resources": {"requests": {"cpu": "lots"}}}, "resources.requests.cpu", "'lots' is not a quantity"),
        ({"resources": {"limits": {"memory": "1 GB"}}}, "resources.limits.memory", "'1 GB' is not a quantity"),
        ({"resources": "small"}, "resources", "must be an object, not 'small'"),
        ({"resources": {"requests": ["1"]}}, "resources.requests", "must be an object, not ['1']"),
        ({"securityContext": {"capabilities": {"add": "ALL"}}}, "securityContext.capabilities.add", "must be a list"),
        ({"env": {"A": "b"}}, "env", "must be a list, not {'A': 'b'}"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_path(container: dict[str, Any], path: str, message: str) -> None:
    """It is no error of the operator's own."""
    (problem,) = misshapen(_template(**container))
    assert (f"spec.server.template.spec.containers[1].{path}", True) == (problem.path, message in problem.message)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ({"metadata": "x"}, "metadata"),
        ({"spec": []}, "spec"),
        ({"spec": {"containers": {"name": "server"}}}, "spec.containers"),
        ({"spec": {"containers": ["server"]}}, "spec.containers[0]"),
        ({"spec": {"initContainers": [1], "containers": []}}, "spec.initContainers[0]"),
        ({"spec": {"overhead": {"cpu": "some"}}}, "spec.overhead.cpu"),
    ],
)
def test_what_surrounds_the_containers_is_looked_at_too(template: dict[str, Any], path: str) -> None:
    """Each is reported with its path."""
    assert [f"spec.server.template.{path}"] == [p.path for p in misshapen(template)]
