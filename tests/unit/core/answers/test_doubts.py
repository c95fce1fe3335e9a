"""Reasons to doubt that answers are answers, and limits that no size can fix."""

from typing import Any

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import spec_of

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import AnswerKind, FailureCounts, Outcome, Purpose
from modelprofiler.core.answers.doubts import (
    doubts,
    failures_clause,
    mostly_no_answers,
    own_limit,
    summary_of_doubts,
)

SPEC = spec_of(objectives={"latency": {"p95": "250ms"}})


def kind(answers: int, **fields: Any) -> AnswerKind:
    """Return a kind of answers."""
    return AnswerKind(
        **{"status": 200, "shape": "JSON object with score", "looked_at": answers, "bodies": answers, "rows": answers}
        | {"answers": answers}
        | fields
    )


RECEIPT: dict[str, Any] = {"shape": "JSON object with status", "lack": "Pending", "sample": '{"status": "queued"}'}
EMPTY: dict[str, Any] = {"shape": "no body", "lack": "Empty", "bodies": 1, "rows": 1}
ERROR: dict[str, Any] = {"shape": "JSON object with error", "error": True, "sample": '{"error": "bad"}', "bodies": 1}


@pytest.mark.parametrize(
    ("fact", "kinds", "beginning"),
    [
        ("errors are said", [kind(190, **ERROR), kind(10)], "95% of the answers look like reports of errors"),
        ("few errors, too", [kind(190), kind(4, **ERROR)], "2.1% of the answers look like reports of errors"),
        ("as few as may fail are not", [kind(1000), kind(4, **ERROR)], None),
        ("kinds are said", [kind(60), kind(40, shape="JSON null")], "The answers are of different kinds"),
        (
            "equal answers are said",
            [kind(60, bodies=1, rows=40)],
            "Every answer that was looked at (60, to 40 different",
        ),
        ("equal answers to one request are as they should be", [kind(60, bodies=1, rows=1)], None),
        ("one kind is in order", [kind(60)], None),
        (
            "receipts are said",
            [kind(190, **RECEIPT), kind(10)],
            "95% of the answers only say that the work is accepted",
        ),
        ("empty answers are said", [kind(60, **EMPTY)], "100% of the answers are empty. Check"),
        ("of a status without a body they are meant", [kind(60, **EMPTY, status=204)], None),
        (
            "what is called JSON and is none is said",
            [kind(60), kind(6, lack="NotJson", sample="{'a': 1}")],
            "9.1% of the answers have the content type of JSON and are none: JSON object with score, such as {'a'",
        ),
        ("what was refused is no good answer", [kind(60), kind(60, status=503, **ERROR)], None),
        ("nothing is known of no answers", [], None),
    ],
)
def test_doubts(fact: str, kinds: list[AnswerKind], beginning: str | None) -> None:
    """Each is a sentence with a sample."""
    sentences = doubts(SPEC, load_of(90).model_copy(update={"answers": kinds}))
    assert (beginning is None) == (sentences == []), fact
    assert beginning is None or sentences[0].startswith(beginning), sentences


def test_a_verdict_on_errors_is_not_bare() -> None:
    """The message of the trial is that of the condition, too."""
    load = load_of(90).model_copy(update={"answers": [kind(190, **ERROR), kind(10)]})
    trial = Trials(SPEC).ran(Purpose.CONFIRM, "1", load=load)[-1]
    assert Outcome.PASSED is trial.outcome
    assert trial.message.endswith(", but 95% of the answers look like reports of errors")


def test_where_most_answers_are_errors_no_size_is_verified() -> None:
    """Neither by a heuristic alone: whoever knows that they are answers says so, and they are then not doubted."""
    kinds = [kind(190, **ERROR), kind(10)]
    load = load_of(90).model_copy(update={"answers": kinds})
    assert mostly_no_answers(SPEC, load).startswith(
        "95% of the answers look like reports of errors (JSON object with error, such as {"
    )
    assert "" == mostly_no_answers(SPEC, load.model_copy(update={"answers": [*kinds[::-1], kind(180)]}))
    endpoint = {"http": {"expect": {"errorBodies": "Accept"}}}
    accepted = spec_of(objectives={"latency": {"p95": "250ms"}}, endpoint=endpoint)
    assert "" == mostly_no_answers(accepted, load)
    assert [] == [sentence for sentence in doubts(accepted, load) if "errors" in sentence]
    assert "" == summary_of_doubts(accepted, load)


def test_where_most_answers_are_receipts_no_size_is_verified() -> None:
    """The work is done later, and neither its time nor its cost is known."""
    load = load_of(90).model_copy(update={"answers": [kind(190, **RECEIPT), kind(10)]})
    assert "and the work itself was not measured: name an endpoint" in mostly_no_answers(SPEC, load)
    assert summary_of_doubts(SPEC, load).startswith("but 95% of the answers only say that the work is accepted")
    accepted = spec_of(
        objectives={"latency": {"p95": "250ms"}}, endpoint={"http": {"expect": {"errorBodies": "Accept"}}}
    )
    assert "" == mostly_no_answers(accepted, load)


def test_failures_have_a_status_a_beginning_and_a_body() -> None:
    """Most frequent kind first."""
    load = load_of(90, failures=15, kinds={"status": 12, "timeout": 3})
    answers = [kind(1400), kind(12, status=429, sample="rate limited")]
    load = load.model_copy(update={"first_failure": Duration("3.2s"), "answers": answers})
    assert (
        "failures: 12 by status, 3 by timeout, the first 3.2s after the window began (status 429: rate limited)"
        == failures_clause(SPEC, load)
    )


@pytest.mark.parametrize(
    ("fact", "kinds", "used", "faults", "is_own"),
    [
        ("an idle server waits for something else", {"timeout": 150}, "90m", 0, True),
        ("a busy one may be too small", {"timeout": 150}, "700m", 0, False),
        ("one that reads its files may be, too", {"timeout": 150}, "90m", 20_000, False),
        ("what was not sent was not waited for", {"timeout": 10, "dropped": 140}, "90m", 0, False),
    ],
)
def test_requests_that_time_out_on_an_idle_server_are_blamed_on_no_size(
    fact: str, kinds: dict[str, int], used: str, faults: int, is_own: bool
) -> None:
    """Such as a server that takes one connection at a time, or that asks another one."""
    load = load_of(90, failures=150, kinds=kinds)
    usage = usage_of().model_copy(update={"cpu": Quantity(used), "major_faults": faults})
    assert is_own == ("timed out while the server used 9% of its CPU" in own_limit(SPEC, load, usage, Quantity("1"))), (
        fact
    )


@pytest.mark.parametrize(
    ("fact", "status", "used", "is_own"),
    [
        ("refused while idle", 429, "200m", True),
        ("unavailable while idle", 503, "200m", True),
        ("refused while busy", 503, "900m", False),
        ("a failed computation may need memory", 500, "200m", False),
        ("the request is to blame whatever is used", 422, "900m", True),
    ],
)
def test_a_limit_of_the_servers_own_is_distinguished_from_a_size_that_is_too_small(
    fact: str, status: int, used: str, is_own: bool
) -> None:
    """A larger size would not help."""
    load = load_of(90, failures=150, kinds={"status": 150}).model_copy(
        update={"answers": [kind(1350), kind(150, status=status)]}
    )
    usage = usage_of().model_copy(update={"cpu": Quantity(used)})
    assert is_own == bool(own_limit(SPEC, load, usage, Quantity("1"))), fact
    assert FailureCounts(status=150) == load.failures_by_kind


@pytest.mark.parametrize(
    ("report", "status", "body", "is_own"),
    [
        ("kserve/kserve#4247", 500, '{"error": "queue is full"}', True),
        ("bentoml/BentoML#3200", 503, "Service Busy", True),
        (
            "pytorch/serve#410",
            503,
            '{"code": 503, "type": "InternalServerException", "message": "Prediction failed"}',
            False,
        ),
        ("pytorch/serve#2035", 503, '{"code": 503, "message": "Invalid model predict output"}', False),
        ("GoogleCloudPlatform/vertex-ai-samples#245", 500, '{"code": 500, "message": "Worker died."}', False),
    ],
)
def test_what_a_server_says_tells_its_limit_from_its_failure(report: str, status: int, body: str, is_own: bool) -> None:
    """Whatever the status: 500 for a full queue, 503 for a computation that failed, as public reports quote it."""
    load = load_of(90, failures=150, kinds={"status": 150}).model_copy(
        update={"answers": [kind(1350), kind(150, status=status, sample=body)]}
    )
    idle = usage_of().model_copy(update={"cpu": Quantity("200m")})
    assert is_own == bool(own_limit(SPEC, load, idle, Quantity("1"))), report


CHECKED = spec_of(
    objectives={"latency": {"p95": "250ms"}},
    endpoint={"http": {"expect": {"jsonPath": [{"path": "$.ok", "value": "true"}]}}},
)


def test_failures_by_content_have_the_condition_and_a_body() -> None:
    """With the status that was good."""
    load = load_of(90, failures=12, kinds={"content": 12})
    answers = [kind(1400), kind(12, unmet="jsonPath[0]", sample='{"ok": false}')]
    load = load.model_copy(update={"answers": answers})
    assert failures_clause(CHECKED, load) == (
        "failures: 12 by content (endpoint.http.expect.jsonPath[0] expects $.ok to be true, and status 200 came with: "
        '{"ok": false})'
    )


def test_what_fails_by_content_is_no_good_answer() -> None:
    """It is counted as failed already, and not doubted a second time."""
    typed = {"http": {"expect": {"contentType": "application/json"}}}
    spec = spec_of(objectives={"latency": {"p95": "250ms"}}, endpoint=typed)
    page: dict[str, Any] = {"shape": "page of HTML", "error": True, "sample": "<html>"}
    load = load_of(90).model_copy(update={"answers": [kind(100, **page, unmet="contentType"), kind(90)]})
    assert [] == doubts(spec, load)
    assert "" == mostly_no_answers(spec, load)
    assert "" == summary_of_doubts(spec, load)


def test_what_the_user_checks_in_a_body_is_not_guessed() -> None:
    """An answer that has it is one, whatever it looks like; a content type alone says nothing of errors."""
    load = load_of(90).model_copy(update={"answers": [kind(100, **ERROR | {"bodies": 100})]})
    assert [] == doubts(CHECKED, load)
    assert "" == mostly_no_answers(CHECKED, load)
    typed = {"http": {"expect": {"contentType": "application/json", "maxBodySize": "1Ki"}}}
    assert mostly_no_answers(spec_of(objectives={"latency": {"p95": "250ms"}}, endpoint=typed), load)


@pytest.mark.parametrize(
    ("expect", "reported"),
    [
        ({"jsonPath": [{"path": "$.ok", "value": "true"}]}, True),
        ({"bodyContains": "ok"}, True),
        ({"bodyContains": '{"ok": true}'}, False),
        ({}, True),
    ],
)
def test_equal_answers_are_reported_unless_they_are_what_the_user_wrote(expect: dict[str, Any], reported: bool) -> None:
    """A check of a part says nothing about whether the rest depends on the request."""
    spec = spec_of(objectives={"latency": {"p95": "250ms"}}, endpoint={"http": {"expect": expect}})
    load = load_of(90).model_copy(update={"answers": [kind(100, bodies=1, sample='{"ok": true}')]})
    assert reported == any("is the same" in sentence for sentence in doubts(spec, load))
