"""What an answer must contain: paths, values, types, and the beginning of a body that is looked at."""

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelprofiler.api.expectation import Expectation
from modelprofiler.core.answers.expected import Content, Expected, Unmet, described, expected_text, names_whole_answer


def unmet(body: bytes, **content: Any) -> Unmet | None:
    """Return what the body lacks of `expect`."""
    expect = content.pop("expect")
    fields: dict[str, Any] = {"content_type": "application/json", "body": body, "size": len(body)}
    return Expected(Expectation.model_validate(expect)).unmet(Content(**fields | content))


def at(path: str, **check: Any) -> dict[str, Any]:
    """Return an expectation of one place."""
    return {"jsonPath": [{"path": path, **check}]}


BODY = b"""{"ok": true, "label": "cat", "n": 3, "score": 0.50, "text": "3", "nothing": null,
"a b": {"c-d": [[1], [2, 2]]},
"items": [{"id": 1, "tags": ["x"]}, {"id": 1, "tags": []}], "empty": [], "true": "true", "big": 12345678901234567890}"""


@pytest.mark.parametrize(
    "expect",
    [
        at("$", type="Object"),
        at("$.ok", value="true"),
        at("$.ok", value="true", type="Boolean"),
        at("$.label", value="cat"),
        at("$['label']", value="cat", type="String"),
        at('$["label"]', value="cat"),
        at("$.n", value=3),
        at("$.n", value="3.0"),
        at("$.text", value=3),
        at("$.score", value="0.5", type="Number"),
        at("$.nothing", value="null"),
        at("$.nothing", type="Null"),
        at("$['a b'].c-d[1][0]", value=2),
        at("$['a b'].c-d[*][*]", type="Number"),
        at("$.items[*].id", value=1),
        at("$.empty", type="Array"),
        at("$.true", value="true"),
        at("$.big", value="12345678901234567890"),
    ],
    ids=str,
)
def test_a_place_has_what_it_must_have(expect: dict[str, Any]) -> None:
    """Numbers are compared as numbers, and everything else by its text."""
    assert unmet(BODY, expect=expect) is None


@pytest.mark.parametrize(
    ("expect", "reason"),
    [
        (at("$.ok", value="false"), "$.ok is true"),
        (at("$.ok", type="Number"), "$.ok is true"),
        (at("$.label", value="dog"), '$.label is "cat"'),
        (at("$.text", value=3, type="Number"), '$.text is "3"'),
        (at("$.n", value="3", type="String"), "$.n is 3"),
        (at("$.true", value="true", type="Boolean"), '$.true is "true"'),
        (at("$.nothing", value=""), "$.nothing is null"),
        (at("$.missing", type="Null"), "there is no $.missing in its body"),
        (at("$.items[2]", type="Object"), "there is no $.items[2] in its body"),
        (at("$.label[0]", type="String"), "there is no $.label[0] in its body"),
        (at("$[0]", type="Object"), "there is no $[0] in its body"),
        (at("$.empty[*]", type="Number"), "there is no $.empty[*] in its body"),
        (at("$.items[*].tags[*]", type="String"), None),
        (at("$.items[*].more", type="String"), "there is no $.items[*].more in its body"),
        (at("$['a b'].c-d[*][0]", value=1), "$['a b'].c-d[*][0] has 2"),
        (at("$.items", value="[]"), '$.items is [{"id": 1, "tags": ["x"]}, {"id": 1, "tags": []}]'),
    ],
    ids=str,
)
def test_what_is_there_instead_is_named(expect: dict[str, Any], reason: str | None) -> None:
    """A place that is not there is not null, and every element must be there."""
    assert (Unmet("jsonPath[0]", reason) if reason else None) == unmet(BODY, expect=expect)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it has no body"),
        (b" \n", "it has no body"),
        (b"<html>", "its body is not JSON"),
        (b'{"ok": NaN}', "its body is not JSON"),
        (b'{"ok": true} {}', "its body is not JSON"),
        (b"[" * 200_000, "its body is not JSON"),
        (b"9" * 5000, "its body is not JSON"),
        (b"\xff\xfe", "its body is not JSON"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_is_no_json_fulfils_no_path(body: bytes, reason: str) -> None:
    """Whatever it does to a parser."""
    assert Unmet("jsonPath[0]", reason) == unmet(body, expect=at("$.ok", type="Boolean"))


def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    """Servers on Windows send one."""
    expect = at("$.ok", value="true") | {"bodyMatches": "^.{1,2}ok"}
    assert unmet(b'\xef\xbb\xbf{"ok": true}', expect=expect) is None


def test_only_the_beginning_is_looked_at() -> None:
    """What was cut is not taken for what is missing: the sentence says how much was looked at."""
    beginning: dict[str, Any] = {"body": b"x" * 2**20, "size": 2**20 + 2}
    expected = Expected(Expectation(body_contains="ok"))
    assert 2**20 == expected.kept_bytes
    assert Unmet("bodyContains", "the first 1,048,576 bytes of its body do not contain the text") == expected.unmet(
        Content(**beginning)
    )
    assert 0 == Expected(Expectation(content_type="text/plain")).kept_bytes


def test_compressed_bodies_are_judged_by_what_is_in_them() -> None:
    """As far as is looked at: a few bytes that become many gigabytes are cut."""
    body = gzip.compress(b'{"ok": true}')
    assert unmet(body, expect=at("$.ok", value="true"), coding="gzip") is None
    bomb = gzip.compress(bytes(2**24))
    lacks = unmet(bomb, expect={"bodyContains": "ok"}, coding="gzip")
    assert Unmet("bodyContains", "the first 1,048,576 bytes of its body do not contain the text") == lacks
    assert unmet(b"ok, not gzip", expect={"bodyContains": "ok"}, coding="gzip") is None


def test_the_first_condition_that_is_not_fulfilled_is_named() -> None:
    """From the outside to the inside."""
    expect = {"bodyContains": "a", "bodyMatches": "b", "contentType": "text/plain", "maxBodySize": 4} | at(
        "$", type="String"
    )
    for body, content_type, field in (
        (b"aaaaa", "application/json", "maxBodySize"),
        (b"aaaa", "application/json", "contentType"),
        (b"bbbb", "text/plain", "bodyContains"),
        (b"aaaa", "text/plain", "bodyMatches"),
        (b"abab", "text/plain", "jsonPath[0]"),
    ):
        lacks = unmet(body, expect=expect, content_type=content_type)
        assert lacks is not None
        assert field == lacks.field
        assert expected_text(Expectation.model_validate(expect), field)
    assert unmet(b'"ab"', expect=expect, content_type="text/plain") is None


def test_what_was_expected_is_reported_without_what_may_be_a_credential() -> None:
    """It goes into a status that others may read."""
    assert "'token: …'" == expected_text(Expectation(body_contains="token: abcdefgh"), "bodyContains")
    assert "at most 1Mi" == expected_text(Expectation.model_validate({"maxBodySize": "1Mi"}), "maxBodySize")
    both = Expectation.model_validate(at("$.n", value=3, type="Number"))
    assert "$.n to be 3 (a Number)" == expected_text(both, "jsonPath[0]")
    assert "" == expected_text(both, "jsonPath[7]")


def test_the_example_in_the_documentation_is_one() -> None:
    """It parses, an answer like the one it describes is good, and it fits into a line."""
    page = (Path(__file__).resolve().parents[4] / "docs" / "inputs.md").read_text(encoding="utf-8")
    block = page.partition("## What a good answer is")[2].partition("```yaml\n")[2].partition("```")[0]
    expect = yaml.safe_load(block)["endpoint"]["http"]["expect"]
    assert unmet(b'{"ok": true, "id": "0123abcd", "predictions": [{"score": 0.5}]}', expect=expect) is None
    assert described(Expectation.model_validate(expect)) == (
        "status 200, contentType application/json, maxBodySize at most 64Ki, bodyContains '\"predictions\"', "
        'bodyMatches \'"id":\\s*"[0-9a-f]{8}"\', jsonPath $.ok to be true, jsonPath $.predictions[*].score to be a '
        "Number"
    )


@pytest.mark.parametrize(
    ("expect", "body", "names_it"),
    [
        ({"bodyContains": "ok"}, "ok\n", True),
        ({"bodyContains": "ok"}, '{"ok": 1}', False),
        ({"bodyMatches": "^ok$"}, "ok", True),
        ({"bodyMatches": "^.*$"}, "ok", False),
        ({"bodyMatches": "ok"}, "ok", False),
        (at("$", value="ok"), '"ok"', True),
        (at("$.ok", value="true"), '{"ok": true}', False),
        ({}, "ok", False),
    ],
)
def test_a_whole_answer_that_the_user_wrote_is_known(expect: dict[str, Any], body: str, names_it: bool) -> None:
    """Only then equal answers are what was asked for."""
    assert names_it is names_whole_answer(Expectation.model_validate(expect), body)
