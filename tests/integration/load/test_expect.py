"""Answers judged by what they contain: what fails, with which kind and message, and what it does not touch."""

from collections.abc import Callable
from typing import Any

import pytest

from modelprofiler.api.trial import FailureCounts, LoadStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.result import LoadResult

MakeLoad = Callable[..., LoadResult]
Expect = dict[str, Any]
OPEN: dict[str, Any] = {"openLoop": {"rate": "200"}}
OK: Expect = {"jsonPath": [{"path": "$.ok", "value": "true"}]}


def measured(result: LoadResult) -> LoadStatus:
    """Return the window of a load, also where the machine was too busy to send punctually."""
    assert result.status is not None, result.message
    return result.status


EVERYTHING: Expect = {
    "bodyContains": '"scores"',
    "bodyMatches": r'^\{"ok": (true|false)',
    "jsonPath": [{"path": "$.ok", "value": "true"}, {"path": "$.scores[*]", "type": "Number"}],
    "contentType": "Application/JSON",
    "maxBodySize": 64,
}


@pytest.mark.parametrize(
    "behaviour", ["json_tenth_bad", "json_in_pieces", "json_until_close", "json_gzip", "json_loading"]
)
def test_an_answer_that_has_everything_is_good_however_it_is_sent(load: MakeLoad, behaviour: str) -> None:
    """In pieces, without a length, compressed, after an informational response, and once the model is loaded."""
    rows = {"bounds": {"duration": 0.2}} if behaviour == "json_tenth_bad" else {}
    status = measured(load(behaviour, {"openLoop": {"rate": "100"}}, endpoint={"expect": EVERYTHING | OK}, **rows))
    good = sum(kind.answers for kind in status.answers if kind.unmet is None)
    assert good > 10
    if behaviour != "json_tenth_bad":
        assert 0 == status.failures
        assert [None] == [kind.unmet for kind in status.answers]


@pytest.mark.parametrize("kind", ["openLoop", "closedLoop"])
@pytest.mark.parametrize(
    ("expect", "unmet"),
    [
        (OK, "jsonPath[0]"),
        ({"bodyContains": "scores"}, "bodyContains"),
        ({"bodyMatches": '"ok":\\s*true'}, "bodyMatches"),
        ({"maxBodySize": 34}, "maxBodySize"),
    ],
)
def test_what_lacks_it_fails_by_content_and_is_shown(load: MakeLoad, kind: str, expect: Expect, unmet: str) -> None:
    """A tenth of the answers reports an error with status 200; each is counted, and the start of one is kept."""
    arrivals = {"openLoop": {"rate": "300"}} if kind == "openLoop" else {"closedLoop": {"concurrency": 2}}
    status = measured(load("json_tenth_bad", arrivals, endpoint={"expect": expect}))
    counts = status.failures_by_kind or FailureCounts()
    assert counts.content == status.failures
    assert 0.02 * status.requests < status.failures < 0.2 * status.requests
    good, bad = status.answers
    assert (None, unmet) == (good.unmet, bad.unmet)
    assert '{"ok": false, "error": "no column x"}' == bad.sample
    assert status.latency.p50 is not None


def test_an_answer_of_another_type_fails_by_content(load: MakeLoad) -> None:
    """The first request is the first to fail; its parameters do not count."""
    result = load("json_bad", OPEN, endpoint={"expect": {"contentType": "text/csv"}})
    assert ResultKind.SMOKE_FAILED is result.kind
    assert ("content", 200) == (result.failure, result.status_code)
    assert result.message == (
        "the first request was answered with status 200, but its content type is application/json, and "
        'endpoint.http.expect.contentType expects text/csv: {"ok": false, "error": "no column x"}'
    )


@pytest.mark.parametrize(
    ("behaviour", "expect", "message"),
    [
        ("json_bad", OK, "but $.ok is false, and endpoint.http.expect.jsonPath[0] expects $.ok to be true: {"),
        (
            "json_bad",
            {"jsonPath": [{"path": "$.ok", "type": "Boolean"}, {"path": "$.scores[0]", "type": "Number"}]},
            "but there is no $.scores[0] in its body, and endpoint.http.expect.jsonPath[1] expects $.scores[0] to be",
        ),
        ("keep_alive", OK, "but there is no $.ok in its body, and"),
        ("keep_alive", {"bodyContains": "score"}, "bodyContains expects 'score': 3"),
        ("keep_alive", {"bodyMatches": "^[a-z]+$"}, "but its body does not match, and endpoint.http.expect.bodyM"),
        ("keep_alive", {"contentType": "text/plain"}, "but it has no content type, and"),
        ("json_large", OK, "but its body is longer than the 1,048,576 bytes that are looked at, and"),
        ("json_large", {"bodyContains": '"ok"'}, "but the first 1,048,576 bytes of its body do not contain the text"),
        ("json_large", {"maxBodySize": "1Mi"}, "but its body has 1,048,603 bytes, and endpoint.http.expect.maxBodyS"),
    ],
)
def test_the_first_request_says_what_came_and_what_was_expected(
    load: MakeLoad, behaviour: str, expect: Expect, message: str
) -> None:
    """The load does not begin, and nothing is tried again: the server has answered."""
    result = load(behaviour, OPEN, endpoint={"expect": expect})
    assert ResultKind.SMOKE_FAILED is result.kind
    assert message in result.message
    assert "it was sent" not in result.message
    assert result.status is None


def test_a_larger_body_is_looked_at_where_its_size_is_allowed(load: MakeLoad) -> None:
    """MaxBodySize says how much is looked at."""
    expect = OK | {"maxBodySize": "2Mi"}
    status = measured(load("json_large", {"closedLoop": {"concurrency": 1}}, endpoint={"expect": expect}))
    assert 0 == status.failures
    assert status.requests > 1


def test_without_an_expectation_of_content_none_is_judged(load: MakeLoad) -> None:
    """The same server, the same answers: only their status counts."""
    status = measured(load("json_tenth_bad", OPEN))
    assert 0 == status.failures
    assert {None} == {kind.unmet for kind in status.answers}
