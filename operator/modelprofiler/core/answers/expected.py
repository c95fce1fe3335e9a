"""Whether an answer has what `endpoint.http.expect` says of its content, and what it lacks."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from modelprofiler.api.expectation import Expectation, JsonCheck
from modelprofiler.api.patterns import linear_pattern
from modelprofiler.core.answers.json_path import Json, Step, steps_of, type_of, values_at
from modelprofiler.core.answers.redact import shown

SHOWN_CHARACTERS = 80
"""Characters of a text, a pattern or a value within a sentence."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
"""Of zlib: either header is taken."""
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
"""Content codings that are undone before a body is judged. A server uses one only where a header of the user asks."""


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer brought.

    Attributes
    ----------
    content_type
        Its media type in lower case, without parameters; empty without one.
    coding
        Its Content-Encoding in lower case; empty without one.
    body
        The beginning of its body, as much as is looked at.
    size
        Bytes of the whole body.
    """

    content_type: str = ""
    coding: str = ""
    body: bytes = b""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Unmet:
    """What of the expectation an answer does not fulfil.

    Attributes
    ----------
    field
        The field, such as ``bodyContains`` or ``jsonPath[0]``.
    came
        What came instead, as a clause.
    """

    field: str
    came: str


class Expected:
    """An expectation, compiled.

    Parameters
    ----------
    expect
        What the user expects.
    """

    def __init__(self, expect: Expectation) -> None:
        self._expect = expect
        self._text = expect.body_contains.encode("utf-8", "replace") if expect.body_contains else None
        self._pattern = linear_pattern(expect.body_matches) if expect.body_matches else None
        self._paths = [_JsonPlace(check) for check in expect.json_path]
        self._most_bytes = expect.max_body_size.bytes if expect.max_body_size is not None else None
        self._media_type = expect.content_type.lower() if expect.content_type else None
        self.kept_bytes = expect.looked_at_bytes if expect.is_about_bodies else 0
        """Bytes of a body that `unmet` needs."""

    def unmet(self, content: Content) -> Unmet | None:
        """Return the first condition that an answer does not fulfil; None where it fulfils all."""
        if self._most_bytes is not None and content.size > self._most_bytes:
            return Unmet("maxBodySize", f"its body has {content.size:,} bytes")
        if self._media_type is not None and content.content_type != self._media_type:
            had = f"its content type is {shown(content.content_type, SHOWN_CHARACTERS)}"
            return Unmet("contentType", had if content.content_type else "it has no content type")
        return self._unmet_by_body(content) if self.kept_bytes else None

    def _unmet_by_body(self, content: Content) -> Unmet | None:
        body, is_whole = _decoded(content, self.kept_bytes)
        looked_at = "its body" if is_whole else f"the first {len(body):,} bytes of its body"
        if self._text is not None and self._text not in body:
            return Unmet("bodyContains", f"{looked_at} {_does(is_whole)} not contain the text")
        text = body.decode("utf-8-sig", "replace") if self._pattern or self._paths else ""
        if self._pattern is not None and not self._pattern.occurs_in(text):
            return Unmet("bodyMatches", f"{looked_at} {_does(is_whole)} not match")
        return self._unmet_by_json(text, is_whole) if self._paths else None

    def _unmet_by_json(self, text: str, is_whole: bool) -> Unmet | None:
        if not is_whole:
            return Unmet("jsonPath[0]", f"its body is longer than the {self.kept_bytes:,} bytes that are looked at")
        try:
            document = json.loads(text, parse_constant=_no_json)
        except (ValueError, RecursionError):
            return Unmet("jsonPath[0]", "its body is not JSON" if text.strip() else "it has no body")
        for number, place in enumerate(self._paths):
            if came := place.unmet(document):
                return Unmet(f"jsonPath[{number}]", came)
        return None


def expected_text(expect: Expectation, field: str) -> str:
    """Return what a condition asks for, as the end of a sentence; ``field`` is that of an `Unmet`."""
    if field.startswith("jsonPath["):
        number = field.removeprefix("jsonPath[").removesuffix("]")
        at = int(number) if number.isdigit() else 0
        return _expected_at(expect.json_path[at]) if at < len(expect.json_path) else ""
    text: object = {
        "bodyContains": expect.body_contains,
        "bodyMatches": expect.body_matches,
        "contentType": expect.content_type,
        "maxBodySize": expect.max_body_size,
    }.get(field)
    if text is None:
        return ""
    quote = "'" if field.startswith("body") else ""
    at_most = "at most " if field == "maxBodySize" else ""
    return f"{at_most}{quote}{shown(str(text), SHOWN_CHARACTERS)}{quote}"


def described(expect: Expectation) -> str:
    """Return what a good answer is, in a line: ``status 200, contentType text/csv, jsonPath $.ok to be true``."""
    fields = ("contentType", "maxBodySize", "bodyContains", "bodyMatches")
    conditions = [f"{name} {text}" for name in fields if (text := expected_text(expect, name))]
    conditions += [
        f"jsonPath {expected_text(expect, f'jsonPath[{number}]')}" for number in range(len(expect.json_path))
    ]
    return ", ".join([f"status {' or '.join(map(str, expect.status))}", *conditions])


def names_whole_answer(expect: Expectation, body: str) -> bool:
    """Whether an answer with this body is, as a whole, what the user has written down: equal ones are then no wonder.

    Parameters
    ----------
    body
        The beginning of an answer, as `AnswerKind.sample` has it.
    """
    if expect.body_contains is not None and expect.body_contains.strip() == body.strip():
        return True
    if any(check.path == "$" and check.value is not None for check in expect.json_path):
        return True
    pattern = expect.body_matches or ""
    is_anchored = pattern.startswith(("^", r"\A")) and pattern.endswith(("$", r"\z"))
    return is_anchored and not any(character in pattern for character in ".*+?[({|")


class _JsonPlace:
    """A check of one place, compiled."""

    def __init__(self, check: JsonCheck) -> None:
        self._check = check
        self._steps: tuple[Step, ...] = steps_of(check.path)
        self._number = _number(check.value)

    def unmet(self, document: Json) -> str:
        """Return what is there instead; empty where the check is fulfilled."""
        values = values_at(document, self._steps)
        if values is None:
            return f"there is no {self._check.path} in its body"
        wrong = next((value for value in values if not self._accepts(value)), self)
        if wrong is self:
            return ""
        text = shown(json.dumps(wrong, ensure_ascii=False), SHOWN_CHARACTERS)
        return f"{self._check.path} {'has' if len(values) > 1 else 'is'} {text}"

    def _accepts(self, value: Json) -> bool:
        check = self._check
        if check.type is not None and type_of(value) != check.type:
            return False
        if check.value is None:
            return True
        if isinstance(value, str):
            return value == check.value
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value] == check.value
        return isinstance(value, int | float) and self._number is not None and value == self._number


def _expected_at(check: JsonCheck) -> str:
    kind = f"{'an' if check.type in ('Array', 'Object') else 'a'} {check.type}" if check.type else ""
    value = shown(check.value, SHOWN_CHARACTERS) if check.value is not None else ""
    return f"{check.path} to be {value}{f' ({kind})' if value and kind else kind}"


def _number(text: str | None) -> int | float | None:
    """Return the number that a text is in JSON; None where it is none."""
    try:
        value = json.loads(text or "", parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _no_json(text: str) -> None:
    """Refuse NaN and Infinity, which Python's parser takes."""
    raise ValueError(f"{text} is not JSON")


def _does(is_whole: bool) -> str:
    return "does" if is_whole else "do"


def _decoded(content: Content, most: int) -> tuple[bytes, bool]:
    """Return the beginning of a body without its content coding, and whether that is all of it."""
    if content.coding not in _CODINGS:
        return content.body, content.size <= len(content.body)
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        body = stream.decompress(content.body, most)
    except zlib.error:  # it is not what its header says, and judged as it is
        return content.body, content.size <= len(content.body)
    return body, stream.eof
