"""What is allowed and probably not meant gets a sentence with the field's path."""

from typing import Any

import pytest

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.files.advice import advice

SPEC: dict[str, Any] = {
    "server": {"entryScript": {"source": {"inline": "x"}}},
    "dataset": {"source": {"inline": "{}"}},
    "load": {"openLoop": {"rate": "20"}},
    "objectives": {"latency": {"p95": "300ms"}},
}
TEMPLATE = {"spec": {"containers": [{"name": "s", "image": "i", "resources": {"limits": {"cpu": "4"}}}]}}


def test_an_ordinary_profile_needs_no_advice() -> None:
    """There is no advice where nothing is odd."""
    assert [] == advice(ModelProfileSpec.model_validate(SPEC))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"endpoint": {"http": {"timeout": "200ms"}}},
            "spec.endpoint.http.timeout: 200ms is shorter than the objective of p95, 300ms",
        ),
        (
            {"objectives": {"maxSlowdownPercent": 20, "maxErrorPercent": 100}},
            "spec.objectives.maxErrorPercent: with 100 a size passes although every request fails",
        ),
        (
            {"resources": {"cpu": {"values": ["100m", "500"]}}},
            "spec.resources.cpu: 500 is 500 whole CPUs; 500m is a part of one",
        ),
        (
            {"server": {"template": TEMPLATE}},
            "spec.server.template.spec.containers[0].resources: each trial replaces the CPU and memory by its own size",
        ),
        (
            {"load": {"openLoop": {"rate": "500m"}}},
            "spec.load.openLoop.rate: 500m is one request in 2 seconds; a window of 30s has 15 of them",
        ),
    ],
)
def test_what_is_probably_not_meant_is_reported(changes: dict[str, Any], message: str) -> None:
    """A sentence that begins with the path."""
    (sentence,) = advice(ModelProfileSpec.model_validate(SPEC | changes))
    assert sentence.startswith(message)
