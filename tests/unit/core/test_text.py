"""Texts that are cut say so, and keep within their limit."""

from __future__ import annotations

import pytest

from modelprofiler.core.text import head, head_in_bytes, one_line, tail


@pytest.mark.parametrize(("text", "expected"), [("", ""), ("12345678", "12345678"), ("123456789", "1234567…")])
def test_the_beginning_of_a_text(text: str, expected: str) -> None:
    """The mark counts: the result is never longer than the limit."""
    assert expected == head(text, 8)


def test_the_beginning_in_bytes_has_no_half_character() -> None:
    """Four umlauts are eight bytes; of seven, three are the ellipsis."""
    assert "ääää" == head_in_bytes("ääää", 8)
    assert "ää…" == head_in_bytes("ääää", 7)
    assert "ä…" == head_in_bytes("ääää", 6)


def test_the_end_of_a_text() -> None:
    """White space around it does not count."""
    assert "12345678" == tail(" 12345678\n", 8)
    assert "… 456789" == tail("123456789", 8)


def test_one_line_has_nothing_that_a_terminal_acts_on() -> None:
    """Whatever is quoted in it."""
    assert "a b c" == one_line("a\n b\x1b[31m\tc\u202e")
