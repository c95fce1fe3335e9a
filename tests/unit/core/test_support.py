"""What cannot be done yet is refused with a sentence, never ignored."""

from typing import Any

import pytest
from tests.unit.core.simulator import spec_of

from modelprofiler.core.steps import Environment
from modelprofiler.core.support import supported

FILES = {"configMap": {"name": "digits-files"}}


def script(**environment: Any) -> dict[str, Any]:
    """Return a server by entry script."""
    return {"entryScript": {"source": FILES, "environment": environment}}


def paths(environment: Environment, **changes: Any) -> list[str]:
    """Return where the problems are."""
    return [problem.path for problem in supported(spec_of(**changes), environment)]


@pytest.mark.parametrize("environment", ["Cluster", "Local"])
def test_a_plain_profile_is_supported(environment: Environment) -> None:
    """ConfigMaps, an entry script, lines."""
    assert [] == paths(environment, server=script(pythonVersion="3.11"))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (
            {"server": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}},
            "spec.server.workloadRef",
        ),
        ({"dataset": {"source": FILES, "format": "CSV", "column": "body"}}, "spec.dataset.format"),
        ({"dataset": {"source": FILES, "column": "body"}}, "spec.dataset.column"),
        ({"dataset": {"source": FILES, "encoding": "Base64"}}, "spec.dataset.encoding"),
        ({"load": {"openLoop": {"rate": "50"}, "parallelism": 2}}, "spec.load.parallelism"),
        (
            {"dataset": {"source": {"persistentVolumeClaim": {"claimName": "x"}}}},
            "spec.dataset.source.persistentVolumeClaim",
        ),
        ({"model": {"name": "x", "source": {"uri": {"uri": "s3://x"}}}}, "spec.model.source.uri"),
    ],
)
@pytest.mark.parametrize("environment", ["Cluster", "Local"])
def test_what_is_not_supported_anywhere(environment: Environment, changes: dict[str, Any], path: str) -> None:
    """Each field once, by its path."""
    assert [path] == paths(environment, **changes)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"server": script(requirements=["x==1"])}, "spec.server.entryScript.environment.requirements"),
        ({"server": script(pythonVersion="3.12")}, "spec.server.entryScript.environment.pythonVersion"),
        ({"dataset": {"source": {"path": "rows.txt"}}}, "spec.dataset.source.path"),
        ({"server": {"entryScript": {"source": {"path": "."}}}}, "spec.server.entryScript.source.path"),
    ],
)
def test_what_is_not_supported_in_a_cluster(changes: dict[str, Any], path: str) -> None:
    """A path is a file of the user's own machine; an environment needs an image."""
    assert [path] == paths("Cluster", **changes)
    assert [] == paths("Local", **changes)


def test_a_problem_says_what_would_work() -> None:
    """A path in a cluster: make ConfigMaps of it."""
    (problem,) = supported(spec_of(dataset={"source": {"path": "rows.txt"}}), "Cluster")
    assert "`modelprofiler init --bundle`" in problem.message


def test_all_problems_are_found_at_once() -> None:
    """Not one a try."""
    assert (
        len(
            paths("Cluster", dataset={"source": {"path": "x"}, "encoding": "Base64"}, server=script(requirements=["x"]))
        )
        == 3
    )
