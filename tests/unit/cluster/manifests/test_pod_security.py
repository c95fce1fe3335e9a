"""Nothing that the Pod Security Standard "baseline" forbids passes, by the Pod Security project's own fixtures."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.cluster.objects import profile

from modelprofiler.cluster.manifests import template
from modelprofiler.cluster.manifests.pod_security import forbidden
from modelprofiler.cluster.settings import Settings

FIXTURES = Path(__file__).resolve().parent / "pod_security"

USER_NAMESPACE = {"procmount1", "procmount_restricted1"}
"""Fixtures that pass only in a user namespace, since Kubernetes 1.35: refused here, as by every older version."""


def _pods(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FIXTURES / f"{name}.yaml").read_text(encoding="utf-8")))


def _id(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["name"])


BASELINE_FAIL = [*_pods("baseline-v1.0-fail"), *_pods("baseline-v1.35-fail")]


@pytest.mark.parametrize("pod", BASELINE_FAIL, ids=_id)
def test_what_baseline_refuses_is_refused(pod: dict[str, Any]) -> None:
    """With the field and a sentence; the level "privileged" refuses nothing, which is what the installer may choose."""
    spec = profile(server={"template": pod}).spec
    problems = template.privileges(spec, Settings())
    assert problems
    for problem in problems:
        assert problem.path.startswith(("spec.server.template.spec.", "spec.server.template.metadata.annotations["))
        assert problem.message.endswith("this installation does not allow it (chart value allowPrivileged)")
    assert [] == template.privileges(spec, Settings(allow_privileged=True))


@pytest.mark.parametrize("name", ["baseline-v1.0-pass", "baseline-v1.35-pass", "restricted-v1.35-pass"])
def test_what_a_level_accepts_is_accepted(name: str) -> None:
    """Every pod that "restricted" accepts, "baseline" accepts."""
    forbidden_pods = {_id(pod) for pod in _pods(name) if forbidden(pod)}
    assert forbidden_pods <= USER_NAMESPACE


def test_what_only_restricted_refuses_is_accepted() -> None:
    """Running as root, privilege escalation, other kinds of volumes; what "baseline" refuses is refused here too."""
    baseline = {_id(pod) for pod in BASELINE_FAIL}
    accepted = 0
    for pod in _pods("restricted-v1.35-fail"):
        if _id(pod) in baseline:
            assert forbidden(pod), _id(pod)
        if _id(pod).startswith(("allowprivilegeescalation", "runas", "restrictedvolumes")):
            of_node = any("hostPath" in volume for volume in pod["spec"].get("volumes", ()))
            assert (_id(pod), of_node) == (_id(pod), bool(forbidden(pod)))
            accepted += not of_node
    assert accepted > 20


@pytest.mark.parametrize("group", ["initContainers", "containers", "ephemeralContainers"])
def test_no_container_is_left_out(group: str) -> None:
    """Each check looks at all of them: what is refused in one group is in every other."""
    checked = 0
    for pod in BASELINE_FAIL:
        for place in ("initContainers", "containers"):
            for container in pod["spec"].get(place, ()):
                moved = {"spec": {group: [container]}}
                single = {"spec": {"containers": [container]}}
                assert bool(forbidden(moved)) == bool(forbidden(single))
                checked += bool(forbidden(moved))
    assert checked > 30


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))


def test_a_template_of_any_shape_is_read_without_an_error() -> None:
    """The API server refuses what is no pod, but later."""
    for pod in BASELINE_FAIL:
        for *parents, last in (path for path in _places(pod) if path):
            for garbage in (None, 5, "x", [], {}, [[None]], {"x": [1]}):
                broken = copy.deepcopy(pod)
                target = broken
                for key in parents:
                    target = target[key]
                target[last] = garbage
                json.dumps(forbidden(broken))
