"""Texts that are too long for where they go: cut once, here, with a mark where something is missing."""

from __future__ import annotations

ELLIPSIS = "…"

LONGEST_MESSAGE = 2048
"""Characters of a trial's message, and of an explanation, that the schema of the status allows."""


def head(text: str, longest: int) -> str:
    """Return the beginning of a text, at most `longest` characters of it."""
    return text if len(text) <= longest else text[: longest - len(ELLIPSIS)] + ELLIPSIS


def head_in_bytes(text: str, longest: int) -> str:
    """Return the beginning of a text, at most `longest` bytes of UTF-8, without half a character at its end."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= longest:
        return text
    return encoded[: longest - len(ELLIPSIS.encode())].decode("utf-8", "ignore") + ELLIPSIS


def tail(text: str, longest: int) -> str:
    """Return the end of a text, at most `longest` characters: a traceback names its cause in its last lines."""
    text = text.strip()
    return text if len(text) <= longest else f"{ELLIPSIS} {text[len(text) - longest + len(ELLIPSIS) + 1 :]}"
