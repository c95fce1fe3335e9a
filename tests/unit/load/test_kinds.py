"""What the beginning of a body looks like, and the kinds of answers of a load."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest

from modelprofiler.load.http.answers import KEPT_BYTES, MOST_CLASSES, Answers, Sample
from modelprofiler.load.http.bodies import Body, body_of
from modelprofiler.load.kinds import kinds_of


@pytest.mark.parametrize(
    ("content", "shape", "is_error"),
    [
        (b'{"score": 0.5}', "JSON object with score", False),
        (b'{"error": "\'features\'"}', "JSON object with error", True),
        (b'{"result": [1], "error": null}', "JSON object with error, result", False),
        (b'{"errors": [], "ok": true}', "JSON object with errors, ok", False),
        (b'{"mean_squared_error": 0.2}', "JSON object with mean_squared_error", False),
        (b'{"data": {"error": "in an envelope that holds nothing else"}}', "JSON object with data", True),
        (b'{"data": {"error": "beside a result", "label": 1}, "id": 1}', "JSON object with data, id", True),
        (b'{"data": {"log": {"error": "of what was classified"}, "label": 1}}', "JSON object with data", False),
        (b'{"detail": "Not Found"}', "JSON object with detail", True),
        (b'{"message": "Internal server error"}', "JSON object with message", True),
        (b'{"message": "you are welcome"}', "JSON object with message", False),
        (b'{"status": "error", "data": 1}', "JSON object with data, status", True),
        (b'{"success": false, "value": 1}', "JSON object with success, value", True),
        (b'[{"error": "x"}]', "JSON array of objects with error", True),
        (b"[1, 2, 3]", "JSON array", False),
        (b'"list index out of range"', "JSON string", True),
        (b'"positive"', "JSON string", False),
        (json.dumps(json.dumps({"error": "x"})).encode(), "JSON string with a JSON object with error", True),
        (b'{"text": "' + b"x" * 4086, "JSON object with text", False),
        (b"null", "JSON null", False),
        (b"0.25", "number", False),
        (b"", "no body", False),
        (b"Traceback (most recent call last):", "text", True),
        (b"<!DOCTYPE html><title>Login</title>", "page of HTML", True),
        (b"<?xml version='1.0'?><a/>", "XML", False),
        (b"\x89PNG\r\n\xff\xfe", "bytes of no type", False),
        ("ü".encode() * 2048 + b"\xc3", "text", False),
        (b"{" * 4096, "text", False),
    ],
)
def test_a_body_is_described_by_its_beginning(content: bytes, shape: str, is_error: bool) -> None:
    """Keys of an object, and whether they report an error; what may be cut is no error."""
    assert Body(shape, is_error, None if content else "Empty") == body_of(content)


def answers_of(*bodies: bytes) -> Answers:
    """Return the answers with these bodies, of as many rows."""
    answers = Answers()
    for row, body in enumerate(bodies):
        response = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json; a=b\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        tally = answers.tally(200, len(response))
        tally.left -= 1
        if not tally.left:
            answers.keep(tally, row, response, len(response))
    return answers


def test_errors_with_status_200_are_a_kind_of_their_own() -> None:
    """With the number of answers, rows and different bodies, and the beginning of one."""
    kinds = kinds_of(answers_of(*[b'{"error": "bad"}'] * 38, b'{"score": 1}', b'{"score": 2}').samples())
    assert [(38, 38, 1, True), (2, 2, 2, False)] == [(k.answers, k.rows, k.bodies, k.error) for k in kinds]
    assert ("application/json", '{"error": "bad"}') == (kinds[0].content_type, kinds[0].sample)


def test_of_many_answers_a_sample_stands_for_all() -> None:
    """The shares are those of all answers, within what a sample of some hundreds of each length allows."""
    bodies = [b'{"error": "bad"}' if i % 4 else b'{"score": 1.5555}' for i in range(40_000)]
    kinds = kinds_of(answers_of(*bodies).samples())
    assert 0.68 < kinds[0].answers / sum(k.answers for k in kinds) < 0.82
    assert 39_000 < sum(k.answers for k in kinds) <= 40_000
    assert sum(k.looked_at for k in kinds) < 1_500


def test_every_rare_answer_is_found_by_its_length_and_its_rows_are_named() -> None:
    """Where a server has few lengths; rows that were answered both ways are not named."""
    usual, rare = b'{"score": 0.51}', b'{"warning": 1}'
    bodies = [rare if row in {70, 5_000, 30_000} else usual for row in range(40_000)]
    order = [row + 1000 if row < 39_000 else 0 for row in range(40_000)]
    kinds = kinds_of(answers_of(*bodies).samples(), order)
    assert [("JSON object with score", []), ("JSON object with warning", [1071, 6001, 31001])] == [
        (kind.shape, kind.row_numbers) for kind in kinds
    ]
    assert 3 == kinds[1].answers
    both = kinds_of(answers_of(usual, rare, usual).samples(), [4, 4, 5])
    assert [[], []] == [kind.row_numbers for kind in both]


def test_of_many_lengths_a_class_has_those_of_a_size() -> None:
    """What is kept is bounded, and every answer is counted."""
    answers = Answers()
    for length in range(100, 5_000):
        for status in (200, 500):
            answers.count(status, length, 0, b"HTTP/1.1 %d OK\r\n\r\n" % status, "")
    assert len(answers.tallies) <= MOST_CLASSES + 1
    assert 9_800 * 0.8 < sum(sample.stands_for for _, sample in answers.samples()) <= 9_800


def test_long_answers_of_many_lengths_are_kept_in_little_memory() -> None:
    """A load pod has 256 MiB; a kind that is rare is still looked at, and all of them are counted."""
    answers = Answers()
    response = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000
    number = 300_000
    for row in range(number):
        tally = answers.tally(200, 9_000 + row % 31)
        tally.left -= 1
        if not tally.left:
            answers.keep(tally, row, response, 9_000)
    for row in range(40):
        answers.count(200, 5_000, row, response, "")
    samples = [sample for _, sample in answers.samples()]
    assert sum(len(sample.response) for sample in samples) < 24 * 2**20
    assert number * 0.85 < sum(sample.stands_for for sample in samples) <= number + 40
    assert 12 <= sum(sample.length == 5_000 for sample in samples) <= 40


def test_objects_whose_keys_are_data_are_one_kind() -> None:
    """Such as a score for each word."""
    kinds = kinds_of(answers_of(*[b'{"word%02d": 1}' % i for i in range(30)]).samples())
    assert [("JSON object", 30)] == [(kind.shape, kind.answers) for kind in kinds]


@pytest.mark.parametrize(
    "head",
    [b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n', b'Content-Length: 8, 8\r\n\r\n{"a": 1}'],
    ids=["chunked", "repeated length"],
)
def test_the_body_is_read_as_it_was_sent(head: bytes) -> None:
    """Chunks are joined."""
    response = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + head
    assert ['{"a": 1}'] == [kind.sample for kind in kinds_of([(200, Sample(0, 1, response, len(response)))])]


@pytest.mark.parametrize(
    ("coding", "encode"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_looked_at_as_what_it_holds(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Servers compress errors, too; a body of gigabytes is not unpacked."""
    for content, expected in ((b'{"error": "bad"}', True), (b'{"text": "' + b"x" * 2**24 + b'"}', False)):
        body = encode(content)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
        response = head.encode() + body
        (kind,) = kinds_of([(200, Sample(0, 1, response[:KEPT_BYTES], len(response)))])
        assert (expected, content[:6].decode()) == (kind.error, kind.sample[:6])


def test_what_is_called_gzip_and_is_none_is_looked_at_as_it_is() -> None:
    """A proxy may have unpacked it and kept the header."""
    response = b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 14\r\n\r\n{"error": "x"}'
    assert [True] == [kind.error for kind in kinds_of([(200, Sample(0, 1, response, len(response)))])]
