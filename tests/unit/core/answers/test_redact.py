"""Text of a server as the status shows it: one line, and no credentials."""

import json

import pytest

from modelprofiler.core.answers.redact import shown, without, without_credentials


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"error": "no model"}', '{"error": "no model"}'),
        ("first\n  second\x1b[31m\u202e", "first second [31m"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: …"),
        ('{"api_key": "abc", "a": 1}', '{"api_key": "…", "a": 1}'),
        ("failed: Bearer abcdefghi", "failed: Bearer …"),
        ("https://user:word@host/path?token=abc&x=1", "https://…@host/path?token=…&x=1"),
        ("hf_abcdefghijklmnop is not valid", "… is not valid"),
        ("data " + "QUJD" * 12 + " end", "data … end"),
        ("the tokens are 12 and 13", "the tokens are 12 and 13"),
    ],
)
def test_what_may_be_a_credential_is_left_out(text: str, expected: str) -> None:
    """What is left says what went wrong."""
    assert expected == shown(text, 100)


def test_a_text_is_cut() -> None:
    """Its beginning says the most."""
    assert "a b …" == shown("a b c d", 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no such key: s3cr3t-one", "no such key: …"),
        ("s3cr3t-one and s3cr3t-one", "… and …"),
        ("cut in the middle: s3cr3t…", "cut in the middle: …"),
        ("cut in the middle: s3cr3t", "cut in the middle: …"),
        ("cut early: s3c…", "cut early: s3c…"),
        ('as JSON: tw\\"o\\" secret', "as JSON: … secret"),
        ("nothing of it", "nothing of it"),
        ("ab is too short to be told from other text", "ab is too short to be told from other text"),
    ],
)
def test_a_known_secret_is_left_out(text: str, expected: str) -> None:
    """A server may send back what it was sent, and the text may be cut within it."""
    assert expected == without(text, ["s3cr3t-one", 'tw"o"', "ab"])


SECRET = "session=0123456789abcdef; remember=hunter2hunter2-9f8e7d"


@pytest.mark.parametrize(
    ("body", "secrets"),
    [
        (json.dumps({"Cookie": SECRET}), [SECRET]),
        (f"Cookie: {SECRET}", [SECRET]),
        ("you sent two  words,of-a-passphrase", ["two  words,of-a-passphrase"]),
        ("X-Key: abcdefghijkl", ["abcd", "abcdefghijkl"]),
    ],
)
def test_nothing_of_a_secret_is_left_where_a_part_of_it_looks_like_a_credential(body: str, secrets: list[str]) -> None:
    """What has the form of a credential is left out first, and the rest of the value must not stay."""
    rest = without(shown(body, 200), secrets)
    for fragment in ("0123456789", "hunter2", "9f8e7d", "of-a-pass", "efgh", "abcd"):
        assert fragment not in rest


def test_the_end_of_a_log_keeps_its_lines_and_loses_credentials() -> None:
    """A traceback stays readable, its long paths too."""
    path = "/usr/local/lib/python3.11/site-packages/sklearn/ensemble/_forest.py"
    log = f'  File "{path}"\nAuthorization: Bearer abcdef123456\n'
    assert "Bearer" not in without_credentials(log)
    assert path in without_credentials(log)
    assert 2 == without_credentials(log).count("\n")
