"""Parts of environment files in messages: on one line, and without logins."""

from __future__ import annotations

import re

from modelprofiler.core.text import ELLIPSIS

_LOGIN = re.compile(r"(?<!ssh)(://)[^\s/@]+@")
_QUERY = re.compile(r"(://[^\s?#]+\?)[^\s#;)]+")


def without_login(text: str) -> str:
    """Return a text without the logins and signatures of the URLs in it."""
    return _QUERY.sub(rf"\1{ELLIPSIS}", _LOGIN.sub(rf"\1{ELLIPSIS}@", text))


def yaml_problem(error: Exception) -> str:
    """Return on one line what is wrong with a YAML text, and where."""
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return where + " ".join(str(getattr(error, "problem", None) or error).split())
