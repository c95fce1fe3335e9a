"""Answers as they are judged and counted: each once, before the end of its request is passed on."""

from typing import Any

import pytest

from modelprofiler.api.expectation import Expectation
from modelprofiler.core.answers.expected import Content
from modelprofiler.load.http import judging
from modelprofiler.load.http.answers import Answers
from modelprofiler.load.http.judging import Arrived, Judging
from modelprofiler.load.kinds import kinds_of

EXPECT = Expectation.model_validate({"jsonPath": [{"path": "$.ok", "value": "true"}]})


class Ends:
    """A judging, and how requests ended."""

    def __init__(self) -> None:
        self.failures: list[Any] = []
        self.answers = Answers()
        self.judging = Judging(EXPECT, self.answers, lambda _due, _end, failure, _index: self.failures.append(failure))

    def end(self, body: bytes | None, failure: Any = None, status: int = 200) -> None:
        """End a request, with an answer or without."""
        if body is not None:
            response = b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
            content = Content(body=body, size=len(body))
            self.judging.arrived = Arrived(status, len(self.failures), response, len(response), content)
        self.judging.ended(0.0, 1.0, failure, 0)


def test_only_good_answers_are_judged_and_every_answer_is_counted() -> None:
    """A wrong status, a timeout and a reset keep their kind; a request without an answer has none of the one before."""
    ends = Ends()
    ends.end(b'{"ok": true}')
    ends.end(b'{"ok": false}')
    ends.end(b'{"ok": false}', "status", 500)
    ends.end(b'{"ok": false}', "timeout")
    ends.end(None, "reset")
    assert [None, "content", "status", "timeout", "reset"] == ends.failures
    kinds = kinds_of(ends.answers.samples())
    judged = [(200, "None", 1), (200, "None", 1), (200, "jsonPath[0]", 1), (500, "None", 1)]
    assert judged == sorted((kind.status, str(kind.unmet), kind.answers) for kind in kinds)


def test_equal_answers_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is remembered is bounded."""
    monkeypatch.setattr(judging, "MOST_KNOWN", 3)
    ends = Ends()
    judged: list[bytes] = []
    unmet = ends.judging.expected.unmet

    def counted(content: Content) -> Any:
        judged.append(content.body)
        return unmet(content)

    monkeypatch.setattr(ends.judging.expected, "unmet", counted)
    bodies = [b'{"ok": true}', b'{"ok": false}']
    for body in bodies * 5:
        ends.end(body)
    assert bodies == judged
    assert [None, "content"] * 5 == ends.failures
    large = b'{"ok": true}' + b" " * judging.KNOWN_BYTES
    for body in (large, large, b'{"ok": 1}', b'{"ok": 2}', b'{"ok": 3}', *bodies):
        ends.end(body)
    assert [*bodies, large, large, b'{"ok": 1}', b'{"ok": 2}', b'{"ok": 3}', *bodies] == judged


def test_of_those_that_fail_by_content_one_is_always_shown() -> None:
    """However many kinds of good answers are more frequent."""
    ends = Ends()
    for shape in range(6):
        for row in range(9):
            ends.end(b'{"ok": true, "key%d": %d}' % (shape, row))
    ends.end(b'{"ok": false}')
    kinds = kinds_of(ends.answers.samples())
    assert 4 == len(kinds)
    assert [None, None, None, "jsonPath[0]"] == [kind.unmet for kind in kinds]


def test_classes_of_answers_that_fail_by_content_are_bounded() -> None:
    """A server that answers with every status and length fills no memory."""
    ends = Ends()
    for status in range(200, 600):
        ends.answers.count(status, 2 ** (status % 30), 1, b"x", "bodyContains")
        ends.answers.count(status, 2 ** (status % 30), 1, b"x", "bodyMatches")
    classes = {(status, sample.length, sample.unmet) for status, sample in ends.answers.samples()}
    assert 64 < len(classes) < 200
