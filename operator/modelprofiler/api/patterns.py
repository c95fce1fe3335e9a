"""Regular expressions that a tenant writes and that are matched against what a server answers: in linear time only.

They are those of Rust's `regex` crate, which pydantic brings along for its own patterns. Like RE2 it has no look-around
and no backreferences, and the time of a match grows linearly with the text. What it refuses is refused before a run.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, SchemaError, SchemaValidator, ValidationError, core_schema

NOT_LINEAR = "is not a regular expression as RE2 has them, which match in linear time"

MOST_PARTS = 256
"""Parts of a pattern with its counts written out: linear time is that of the text times the parts. With as many, the
slowest patterns that were tried took a second for a body of 1 MiB; a thousand digits took 13 s."""

MOST_KNOWN = 8
"""Patterns that are kept compiled: the operator reads a profile at every look. One may have 10 MB, and a usual one has
a few kilobytes."""

_PIECE = re.compile(r"\\[pP]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\}|.", re.DOTALL)
_QUANTIFIERS = frozenset("?*+|^$")


class LinearPattern:
    """A compiled pattern.

    Parameters
    ----------
    text
        The pattern.

    Raises
    ------
    ValueError
        When the text is no such pattern, or one that takes long to match.
    """

    def __init__(self, text: str) -> None:
        parts = _parts(text)
        if parts > MOST_PARTS:
            raise ValueError(f"{NOT_LINEAR}: with its counts written out it has {parts:,} parts, over {MOST_PARTS}")
        try:
            self._validator = SchemaValidator(core_schema.str_schema(pattern=text, regex_engine="rust-regex"))
        except SchemaError as e:
            reason = str(e).splitlines()[-1].strip().removeprefix("SchemaError: ").removeprefix("error: ").rstrip(".")
            raise ValueError(f"{NOT_LINEAR}: {reason}") from None

    def occurs_in(self, text: str) -> bool:
        """Return whether a part of the text matches."""
        try:
            self._validator.validate_python(text)
        except ValidationError:
            return False
        return True


class PatternRule:
    """The rule of a field that is such a pattern, for Python and for the API server; used in ``Annotated``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # The API server's matches() is RE2, and what RE2 refuses ends the rule with its reason; so both results pass.
        return {**handler(schema), "rule": {"rule": "''.matches(self) ? true : true", "message": NOT_LINEAR}}


@functools.lru_cache(maxsize=MOST_KNOWN)
def linear_pattern(text: str) -> LinearPattern:
    """Return the compiled pattern; raise ValueError as `LinearPattern` does."""
    return LinearPattern(text)


def _checked(text: str) -> str:
    linear_pattern(text)
    return text


def _parts(pattern: str) -> int:
    """Return of how many parts a pattern consists when its counts are written out; roughly where it is none."""
    groups = [0]
    last = 0
    """Parts of what a count would repeat."""
    for match in _PIECE.finditer(pattern):
        piece, least, most = match[0], match[1], match[2]
        if piece == "(":
            groups.append(0)
            last = 0
        elif piece == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif least is not None:
            times = max(int(least[:6] or 0), int((most or "0")[:6]), 1)
            groups[-1] += last * (times - 1)
            last *= times
        elif piece not in _QUANTIFIERS:
            last = 1
            groups[-1] += 1
    return sum(groups)
