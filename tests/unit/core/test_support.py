"""What cannot be done yet is refused with a sentence, never ignored."""

from typing import Any

import pytest
from tests.unit.core.search.simulator import spec_of

from modelprofiler.core.steps import Environment
from modelprofiler.core.support import ignored, unsupported

FILES = {"configMap": {"name": "digits-files"}}


def script(**environment: Any) -> dict[str, Any]:
    """Return a server by entry script."""
    return {"entryScript": {"source": FILES, "environment": environment}}


def paths(environment: Environment, **changes: Any) -> list[str]:
    """Return where the problems are."""
    return [problem.path for problem in unsupported(spec_of(**changes), environment)]


@pytest.mark.parametrize("environment", ["Cluster", "Local"])
def test_a_plain_profile_is_supported(environment: Environment) -> None:
    """ConfigMaps, an entry script, lines."""
    assert [] == paths(environment, server=script(pythonVersion="3.11"))


def test_several_load_pods_are_for_a_cluster_and_this_machine_says_that_it_has_one() -> None:
    """The same file works in both."""
    several = {"load": {"openLoop": {"rate": "50"}, "parallelism": 2}}
    assert ([], []) == (paths("Cluster", **several), paths("Local", **several))
    assert ["load.parallelism 2 is for a cluster; on this machine one process sends the whole load"] == ignored(
        spec_of(**several)
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"server": script(requirements=["-r x"])}, "spec.server.entryScript.environment.requirements[0]"),
        ({"server": script(requirements=["x" * 1000] * 40)}, "spec.server.entryScript.environment.requirements"),
        ({"server": script(pythonVersion="3.12")}, "spec.server.entryScript.environment.pythonVersion"),
        ({"dataset": {"source": {"path": "rows.txt"}}}, "spec.dataset.source.path"),
        ({"server": {"entryScript": {"source": {"path": "."}}}}, "spec.server.entryScript.source.path"),
    ],
)
def test_what_is_not_supported_in_a_cluster(changes: dict[str, Any], path: str) -> None:
    """A path is a file of the user's own machine; an environment needs an image."""
    assert [path] == paths("Cluster", **changes)
    assert [] == paths("Local", **changes)


def test_a_claim_is_not_supported_on_this_machine() -> None:
    """A volume of a cluster is no use to it; a Secret may be in the file, and an address is anywhere."""
    claim = {"dataset": {"source": {"persistentVolumeClaim": {"claimName": "x"}}}}
    assert [] == paths("Cluster", **claim)
    assert ["spec.dataset.source.persistentVolumeClaim"] == paths("Local", **claim)
    for source in ({"secret": {"name": "x"}}, {"uri": {"uri": "s3://x/y"}}):
        assert [] == paths("Cluster", dataset={"source": source}) + paths("Local", dataset={"source": source})


def test_a_problem_says_what_would_work() -> None:
    """A path in a cluster: make ConfigMaps of it."""
    (problem,) = unsupported(spec_of(dataset={"source": {"path": "rows.txt"}}), "Cluster")
    assert "`modelprofiler init --bundle`" in problem.message


def test_a_cluster_installs_packages_and_has_the_python_of_an_image() -> None:
    """Only the scoring-server image has a version that we know."""
    assert [] == paths("Cluster", server=script(requirements=["x==1"], pythonVersion="3.11"))
    assert [] == paths("Cluster", server=script(image="python:3.12", pythonVersion="3.12"))


def test_all_problems_are_found_at_once() -> None:
    """Not one a try."""
    server = script(requirements=["-x"], pythonVersion="3.9")
    assert 3 == len(paths("Cluster", dataset={"source": {"path": "x"}}, server=server))


def template(**container: Any) -> dict[str, Any]:
    """Return a server by template."""
    return {"template": {"spec": {"containers": [{"name": "server", "image": "x", **container}]}}}


@pytest.mark.parametrize(
    ("server", "path"),
    [
        (
            script(env=[{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]),
            "spec.server.entryScript.environment.env[0].valueFrom",
        ),
        (
            template(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]),
            "spec.server.template.spec.containers[0].env[0].valueFrom",
        ),
        (template(env=[{"value": "x"}]), "spec.server.template.spec.containers[0].env[0]"),
        (
            template(envFrom=[{"otherRef": {"name": "x"}}]),
            "spec.server.template.spec.containers[0].envFrom[0]",
        ),
    ],
)
def test_values_that_only_a_cluster_has_are_refused_outside_of_one(server: dict[str, Any], path: str) -> None:
    """A ConfigMap or Secret of the same file is there everywhere."""
    assert [path] == paths("Local", server=server)
    key = {"name": "x", "key": "y"}
    references = [{"name": "A", "valueFrom": {kind: key}} for kind in ("configMapKeyRef", "secretKeyRef")]
    assert [] == paths("Local", server=script(env=[*references, {"name": "B", "value": "1"}]))
    assert [] == paths("Local", server=template(envFrom=[{"secretRef": {"name": "x"}}]))


def test_what_does_no_harm_is_ignored_and_reported() -> None:
    """An image, a pull secret, a source of metrics."""
    spec = spec_of(
        server=script(image="x", imagePullSecrets=[{"name": "s"}]), metrics={"source": "Prometheus"}, suspend=True
    )
    assert [] == unsupported(spec, "Local")
    assert 4 == len(ignored(spec))


def test_a_workload_is_read_in_a_cluster_only() -> None:
    """On this machine there is none."""
    server = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}
    assert ([], ["spec.server.workloadRef"]) == (paths("Cluster", server=server), paths("Local", server=server))


def test_variables_of_whole_objects() -> None:
    """They are everywhere; with threads Auto nobody could tell which variables they set."""
    groups = [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}]
    server = script(envFrom=groups)
    assert [] == paths("Cluster", server=server)
    assert [] == paths("Local", server=server)
    assert ["spec.search.threads"] == paths("Cluster", server=server, search={"threads": "Auto"})


def test_a_login_in_a_requirement_is_not_repeated() -> None:
    """A message is read by more people than the profile."""
    asked = spec_of(server=script(requirements=["-i https://me:secret@packages.example/simple"]))
    (problem,) = unsupported(asked, "Cluster")
    assert "packages.example" in problem.message
    assert "secret" not in problem.message
