"""Rows that are not what the profile promises: certain faults are refused, others pointed out."""

import pytest

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import DatasetError
from modelprofiler.load.rows.check import Promise, RowCheck
from modelprofiler.load.rows.row import Row


def remarks(rows: list[bytes], promise: Promise) -> list[str]:
    """Return the doubts about rows with these bodies."""
    check = RowCheck(promise)
    for row in rows:
        check.add(Row(row))
    return check.remarks(len(set(rows)))


STRICT = Promise(content_type="application/json; charset=utf-8", strict=True)
LENIENT = STRICT.model_copy(update={"strict": False})
GOOD = [f'{{"row": {number}}}'.encode() for number in range(50)]


def test_rows_that_keep_the_promise_need_no_remark() -> None:
    """Whatever JSON they are: texts, numbers of any length, arrays, deep nesting."""
    deep = b"[" * 5_000 + b"]" * 5_000
    assert [] == remarks([*GOOD, b'"text"', b"1" * 5_000, b"[1, 2]", b"null", deep], STRICT)


def test_rows_that_are_not_json_are_named_by_number_and_digest() -> None:
    """A few among many are pointed out, not refused: they may be there on purpose."""
    (sentence,) = remarks([*GOOD, b"oops", b"{'a': 1}"], STRICT)
    assert sentence.startswith("2 of 52 rows are not JSON, although endpoint.http.contentType is application/json")
    assert "row 51 (sha256 " in sentence
    assert "row 52 (sha256 " in sentence


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([b"a,b", b"1,2"], "none of the 2 rows is JSON"),
        ([b"x"], "the only row is not JSON"),
        ([b"# a", b"# b", b"# c", *GOOD], "3 of 53 rows are not JSON"),
        ([row + b"," for row in GOOD], "none of the 50 rows is JSON, although .*; each ends with a comma"),
        ([b"[", *[row + b"," for row in GOOD[1:]], GOOD[0], b"]"], "the dataset is one JSON array of 50 items on 52"),
        ([b"{", b'"a": 1,', b'"b": 2', b"}"], "the dataset is one JSON object on 4 lines"),
    ],
)
def test_what_is_certainly_wrong_is_refused(rows: list[bytes], message: str) -> None:
    """Nothing but errors would be measured."""
    with pytest.raises(DatasetError, match=message):
        remarks(rows, STRICT)


def test_what_a_script_may_understand_is_pointed_out_only() -> None:
    """The run() of an entry script gets the text, whatever the content type."""
    (sentence,) = remarks([b"a,b", b"1,2"], LENIENT)
    assert sentence.startswith("none of the 2 rows is JSON")


def test_rows_in_another_encoding_are_pointed_out() -> None:
    """They are sent as they are."""
    (sentence,) = remarks([*GOOD, '{"a": "ü"}'.encode("latin-1")], STRICT)
    assert sentence.startswith("1 of 51 rows is not UTF-8, although endpoint.http.contentType is")


def test_another_content_type_promises_nothing_about_json() -> None:
    """Text is text."""
    assert [] == remarks([b"a", b"b"], Promise(content_type="text/plain", strict=True))


def test_equal_rows_are_pointed_out() -> None:
    """A server that caches answers looks cheaper than it is."""
    (sentence,) = remarks([GOOD[number % 3] for number in range(40)], STRICT)
    assert sentence.startswith("the dataset has 3 distinct rows of 40: requests that are equal may be answered from")
    assert remarks([GOOD[0]], STRICT)[0].startswith("the dataset has only one row")
    many = [f'"{number // 2}"'.encode() for number in range(1_000)]
    assert [] == remarks(many, STRICT)


def test_a_single_array_of_objects_may_be_meant_as_a_row_each() -> None:
    """It is sent as one body."""
    assert remarks([b'[{"a": 1}, {"a": 2}]'], STRICT)[1].startswith("the only row is a JSON array of 2 objects")


@pytest.mark.parametrize(
    ("server", "http", "strict"),
    [
        ({"template": {"spec": {}}}, {}, True),
        ({"template": {"spec": {}}}, {"method": "GET"}, False),
        ({"template": {"spec": {}}}, {"expect": {"status": [200, 400]}}, False),
        ({"entryScript": {"source": {"inline": "x"}}}, {}, False),
    ],
)
def test_only_a_server_that_must_accept_the_bodies_is_a_reason_to_refuse(
    server: dict[str, object], http: dict[str, object], strict: bool
) -> None:
    """A GET has its meaning in the path, and whoever expects 400 sends bad bodies on purpose."""
    spec = {
        "server": server,
        "endpoint": {"http": http},
        "dataset": {"source": {"inline": "{}"}},
        "load": {"openLoop": {"rate": "20"}},
        "objectives": {"latency": {"p95": "300ms"}},
    }
    assert strict == Promise.of(ModelProfileSpec.model_validate(spec)).strict
