"""Text of a server as the status shows it: one line, and no credentials."""

import pytest

from modelprofiler.core.answers.redact import shown, without


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
