"""Patterns that a tenant writes: what is refused, with which reason, and that none takes long."""

import time

import pytest

from modelprofiler.api.patterns import LinearPattern


@pytest.mark.parametrize(
    ("pattern", "text", "occurs"),
    [
        ("scores", '{"scores": [1]}', True),
        (r'^\{"ok":\s*true', '{"ok":   true}', True),
        ("^true$", '{"ok": true}', False),
        ("(?i)OK|ready", "it is ok", True),
        (r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", "id 123e4567-e89b-12d3-a456-426614174000", True),
        ("^.*end$", "one\nend", False),
        ("(?s)^.*end$", "one\nend", True),
        (r"\p{L}+ß", "Straß", True),
    ],
)
def test_a_pattern_is_looked_for_anywhere(pattern: str, text: str, occurs: bool) -> None:
    """As RE2 looks for it: a dot is no line feed, and the ends are those of the text."""
    assert occurs is LinearPattern(pattern).occurs_in(text)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)b", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "backreferences are not supported"),
        ("(a", "unclosed group"),
        ("[a", "unclosed character class"),
        ("*a", "repetition operator missing expression"),
        ("(a{10}){26}", "with its counts written out it has 260 parts, over 256"),
        ("a{0,300}", "300 parts"),
        ("a{300,}", "300 parts"),
        ("((a{90}){90}){90}", "parts, over 256"),
        (r"\w{250}", "linear time: Compiled regex exceeds size limit of 10485760 bytes"),
        (r"[\]a{2}]{300}", "300 parts"),
        (r"(\p{L}{100}|b){3}", "303 parts"),
    ],
)
def test_what_does_not_match_in_linear_time_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    """Before a run, in words that name the part."""
    with pytest.raises(ValueError, match="is not a regular expression as RE2 has them") as caught:
        LinearPattern(pattern)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){12}$", "(a?){100}a{100}b", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_patterns_that_never_end_elsewhere_end_at_once(pattern: str) -> None:
    """Python's own `re` takes longer than a lifetime for most of these; seconds leave room for a busy machine."""
    began = time.monotonic()
    assert not LinearPattern(pattern).occurs_in("a" * 100_000 + "!")
    assert time.monotonic() - began < 5
