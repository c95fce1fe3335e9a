"""Reading a profile: every problem at once, each with its path and a sentence."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from modelprofiler.api.resource import ModelProfile
from modelprofiler.errors import InvalidInput, Problem

Change = Callable[[dict[str, Any]], dict[str, Any]]


def _problems(data: dict[str, Any]) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        ModelProfile.parse(data)
    return caught.value.problems


def test_a_misspelt_field_is_named_with_the_one_that_was_meant(change: Change) -> None:
    """It is never ignored."""
    expected = [Problem("spec.load.openLoop.arival", "is not a field of ModelProfile; did you mean arrival?")]
    assert expected == _problems(change({"spec.load.openLoop.arival": "Poisson"}))


def test_a_field_nobody_could_have_meant_gets_no_guess(change: Change) -> None:
    """A wrong hint is worse than none."""
    assert [Problem("spec.zzz", "is not a field of ModelProfile")] == _problems(change({"spec.zzz": 1}))


def test_a_missing_field_is_required(change: Change) -> None:
    """The sentence is one a person says."""
    assert [Problem("spec.load", "is required")] == _problems(change({"spec.load": None}))


def test_every_problem_is_found_at_once(change: Change) -> None:
    """Nobody corrects a file once for each mistake in it."""
    data = change({"spec.load.openLoop.rate": "fast", "spec.objectives.latency.p95": "soon", "spec.suspend": "maybe"})
    paths = ["spec.load.openLoop.rate", "spec.objectives.latency.p95", "spec.suspend"]
    assert paths == [problem.path for problem in _problems(data)]


def test_a_value_that_is_not_one_of_the_choices_gets_them_listed(change: Change) -> None:
    """The choices, and what was written instead."""
    expected = [Problem("spec.search.strategy", "must be 'Adaptive' or 'Grid', not 'Random'")]
    assert expected == _problems(change({"spec.search.strategy": "Random"}))


def test_an_item_of_a_list_is_named_by_its_index(change: Change) -> None:
    """As kubectl writes it."""
    problems = _problems(
        change({"spec.endpoint": {"http": {"headers": [{"name": "A", "value": "b"}, {"value": "B"}]}}})
    )
    assert [Problem("spec.endpoint.http.headers[1].name", "is required")] == problems


def test_a_key_that_is_no_word_is_quoted(change: Change) -> None:
    """A path is one word of a line, whatever somebody calls a field."""
    problems = _problems(change({"spec.load": {"a b\n": 1, "openLoop": {"rate": "1"}}}))
    assert [Problem('spec.load["a b\\n"]', "is not a field of ModelProfile")] == problems


def test_the_problem_reads_as_path_and_sentence() -> None:
    """What a condition's message shows."""
    assert str(Problem("spec.load", "is required")) == "spec.load: is required"
    assert str(Problem("", "is empty")) == "is empty"
    assert str(InvalidInput([Problem("a", "is b"), Problem("c", "is d")])) == "a: is b; c: is d"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("spec.load", "fast", "must be an object, not 'fast'"),
        ("spec.load.openLoop", [1], "must be an object, not a list"),
        ("spec.resources", {"cpu": {"values": {"a": 1}}}, "must be a list, not an object"),
        ("spec.search.maxTrials", 2.5, "must be a whole number, not 2.5"),
        ("spec.search.maxTrials", "many", "must be a whole number, not 'many'"),
        ("spec.search.maxTrials", 0, "must be at least 3, not 0"),
        ("spec.search.maxTrials", 10**30, "must be at most 200, not 1000000000000000000000000000000"),
        ("spec.suspend", "maybe", "must be true or false, not 'maybe'"),
        ("spec.dataset.contentType", 1, "must be text, not 1; write it in quotes"),
        ("spec.dataset.contentType", True, "must be text, not true; write it in quotes"),
        ("spec.model", {"name": "x" * 300, "source": {"path": "."}}, "must have at most 253 characters"),
        ("spec.model", {"name": "", "source": {"path": "."}}, "must not be empty"),
        ("spec.endpoint.http.expect.status", [], "must not be empty"),
        ("spec.search.maxTrials", float("inf"), "must be a whole number, not inf"),
    ],
)
def test_what_a_value_must_be_is_said_in_the_words_of_the_field(
    field: str, value: object, message: str, change: Change
) -> None:
    """Not in those of the library that checks it."""
    assert message in [problem.message for problem in _problems(change({field: value}))]


@pytest.mark.parametrize(("field", "value"), [("apiVersion", "v1"), ("kind", "Job"), ("apiVersion", None)])
def test_another_kind_of_object_is_refused_by_name(field: str, value: str | None, change: Change) -> None:
    """A file with the wrong document says what it is instead."""
    (problem,) = _problems(change({field: value}))
    assert problem.path == field
    assert problem.message.startswith("this is a ")
    assert problem.message.endswith("not a modelprofiler.io/v1alpha1 ModelProfile")


def test_an_object_that_does_not_say_what_it_is_is_refused() -> None:
    """As one that was cut off at its beginning."""
    with pytest.raises(InvalidInput) as caught:
        ModelProfile.parse({"spec": {}})
    message = "this is an object without apiVersion and kind, not a modelprofiler.io/v1alpha1 ModelProfile"
    assert [Problem("apiVersion", message)] == caught.value.problems


@pytest.mark.parametrize("levels", [101, 9_000])
def test_what_is_nested_beyond_any_pod_template_is_refused(levels: int, change: Change) -> None:
    """Nothing here follows it to its end: Python's own calls are limited."""
    deep: object = []
    for _ in range(levels):
        deep = [deep]
    template = {"spec": {"containers": [{"name": "server", "image": "i"}], "volumes": deep}}
    expected = [Problem("spec", "is nested more than 100 levels deep")]
    assert expected == _problems(change({"spec.server": {"template": template}}))


def test_a_spec_that_leaves_no_room_for_its_status_is_refused(change: Change) -> None:
    """Each of its fields is within its own bounds."""
    variables = [{"name": f"V{number}", "value": "x" * 32_000} for number in range(20)]
    script = {"source": {"inline": "x"}, "environment": {"env": variables}}
    (problem,) = _problems(change({"spec.server": {"entryScript": script}}))
    assert "spec" == problem.path
    assert re.fullmatch(
        r"has 6\d\d KiB, and at most 512 KiB leave room for its status; put what is .*", problem.message
    )
    owners = [{"kind": "Job", "name": "x" * 250, "uid": str(number)} for number in range(2_000)]
    (problem,) = _problems(change({"metadata.ownerReferences": owners}))
    assert "metadata" == problem.path
    assert "at most 448 KiB leave room for its status; remove labels, annotations and owners" in problem.message
    script["environment"] = {"env": variables[:10]}
    assert ModelProfile.parse(change({"spec.server": {"entryScript": script}}))


def test_fields_of_a_newer_status_are_left_out_not_refused(change: Change) -> None:
    """An operator that was rolled back still reads what a newer one wrote."""
    profile = ModelProfile.parse(change({"status": {"trialsCompleted": 3, "newField": 1}}))
    assert profile.status.trials_completed == 3


def test_metadata_that_is_not_used_does_not_disturb(change: Change) -> None:
    """An API server adds plenty."""
    data = change({"metadata.managedFields": [{"manager": "kubectl"}], "metadata.generation": 4})
    assert ModelProfile.parse(data).metadata.generation == 4
