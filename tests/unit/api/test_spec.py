"""What a spec may say: rules between fields, defaults, and that nothing is guessed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from modelprofiler.api.pod_template import problems as template_problems
from modelprofiler.api.resource import ModelProfile
from modelprofiler.errors import InvalidInput, Problem

HERE = Path(__file__).resolve().parent
Change = Callable[[dict[str, Any]], dict[str, Any]]


def _load(name: str) -> list[Any]:
    cases: list[Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return cases


@pytest.mark.parametrize("case", _load("refused.yaml"), ids=lambda case: str(case["set"]))
def test_what_breaks_a_rule_is_refused_with_its_sentence(case: dict[str, Any], change: Change) -> None:
    """The same cases go to a real API server in the end-to-end tests."""
    with pytest.raises(InvalidInput) as caught:
        ModelProfile.parse(change(case["set"] | {path: "x" * count for path, count in case.get("fill", {}).items()}))
    assert case["says"] in str(caught.value)


@pytest.mark.parametrize("case", _load("left-to-the-operator.yaml"), ids=lambda case: str(case["set"]))
def test_what_the_api_server_cannot_afford_to_see_is_refused_all_the_same(case: dict[str, Any], change: Change) -> None:
    """With the sentence that the API server has for what it sees."""
    with pytest.raises(InvalidInput) as caught:
        ModelProfile.parse(change(case["set"]))
    assert case["says"] in str(caught.value)


def test_a_template_and_inline_files_share_one_bound(change: Change) -> None:
    """The API server cannot tell the size of a template, since its schema is open."""
    container = {"name": "server", "image": "i", "args": ["x" * 200_000]}
    template = {"spec.server": {"template": {"spec": {"containers": [container]}}}}
    ModelProfile.parse(change(template | {"spec.dataset.source": {"inline": "x" * 60_000}}))
    with pytest.raises(
        InvalidInput, match=r"server\.template and what the sources contain inline must have at most 256"
    ):
        ModelProfile.parse(change(template | {"spec.dataset.source": {"inline": "\N{PILE OF POO}" * 16_000}}))


@pytest.mark.parametrize("case", _load("out-of-bounds.yaml"), ids=lambda case: str(case["set"]))
def test_what_is_out_of_bounds_is_refused_at_its_path(case: dict[str, Any], change: Change) -> None:
    """The path is written as Kubernetes writes it."""
    assert case["at"] in [problem.path for problem in _problems(change(case["set"]))]


def _problems(data: dict[str, Any]) -> list[Problem]:
    try:
        return template_problems(ModelProfile.parse(data).spec)
    except InvalidInput as error:
        return list(error.problems)


def test_what_is_not_set_has_the_documented_default(minimal: dict[str, Any]) -> None:
    """Also inside unions, where the API server fills nothing in."""
    spec = ModelProfile.parse(minimal).spec
    http = spec.endpoint.http
    assert ("POST", 5001, "/score", "30s", [200]) == (
        http.method,
        http.port,
        http.path,
        http.timeout.text,
        http.expect.status,
    )
    assert spec.load.open_loop is not None
    assert spec.load.open_loop.arrival == "Poisson"
    assert spec.server.entry_script is not None
    assert spec.server.entry_script.file == "score.py"
    assert ("5s", "30s") == (spec.load.warmup.text, spec.load.duration.text)
    assert ("Adaptive", 20, 2, "1h") == (
        spec.search.strategy,
        spec.search.max_trials,
        spec.search.repetitions,
        spec.search.deadline.text,
    )
    assert (10, 20, "Equal") == (
        spec.recommendation.cpu_margin_percent,
        spec.recommendation.memory_margin_percent,
        spec.recommendation.cpu_limit,
    )
    assert spec.resources.cpu is None
    assert spec.objectives.max_error_percent.text == "1"


def test_a_range_of_one_size_is_a_range(change: Change) -> None:
    """A user who knows the size may have it verified."""
    profile = ModelProfile.parse(change({"spec.resources": {"cpu": {"min": "1", "max": 1, "step": "10m"}}}))
    assert profile.spec.resources.cpu is not None
    assert profile.spec.resources.cpu.min == profile.spec.resources.cpu.max


def test_a_spec_cannot_be_changed_after_it_is_read(minimal: dict[str, Any]) -> None:
    """What was decided from it stays true."""
    spec = ModelProfile.parse(minimal).spec
    with pytest.raises(ValidationError, match="frozen"):
        spec.suspend = True  # type: ignore[misc]


@pytest.mark.parametrize("number", range(3))
def test_every_field_survives_reading_and_writing(number: int) -> None:
    """What is written again says what was read, defaults added."""
    document = list(yaml.safe_load_all((HERE / "full.yaml").read_text(encoding="utf-8")))[number]
    profile = ModelProfile.parse(document)
    written = profile.to_dict()
    _assert_within(document["spec"], written["spec"], "spec")
    _assert_within(document.get("status", {}), written["status"], "status")
    assert profile == ModelProfile.parse(written)


def _assert_within(expected: Any, actual: Any, path: str) -> None:
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in actual, f"{path}.{name} was lost"
            _assert_within(value, actual[name], f"{path}.{name}")
    elif isinstance(expected, list):
        assert len(expected) == len(actual), path
        for index, value in enumerate(expected):
            _assert_within(value, actual[index], f"{path}[{index}]")
    else:
        # A whole number may come back as text where a quantity is meant.
        assert expected == actual or str(expected) == actual, path
