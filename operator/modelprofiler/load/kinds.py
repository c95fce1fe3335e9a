"""From the answers that were kept to the kinds of answers of a load: status, content type and shape of the body."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import httptools

from modelprofiler.api.trial import AnswerKind
from modelprofiler.core.answers.redact import shown
from modelprofiler.core.text import head_in_bytes
from modelprofiler.load.http.answers import Sample
from modelprofiler.load.http.irregular import lenient_parser, without_repetition
from modelprofiler.load.result import MOST_ROW_NUMBERS, most_frequent

BODY_BYTES = 4096
"""Bytes of a body that are looked at: an error is at its beginning, and so are the keys of most objects."""
SAMPLE_BYTES, SHAPE_BYTES = 120, 100
"""Bytes of a body, and of its shape in words, that a kind shows: a short error is whole, and four of both fit into a
termination message."""
MOST_KEYS = 6
"""Keys of an object that its shape names."""
KEY_CHARACTERS = 24
"""Characters of a key that a shape names."""
MOST_SHAPES = 8
"""Objects with more different sets of keys than this have data for keys, and count as one shape."""

ERROR_KEYS = re.compile(
    r"(?i)errors?|exceptions?|traceback|stack_?trace|fault|(?:error|exception)_?(?:message|msg|code|type|detail)s?"
)
"""Keys of an object that reports an error, where their value is not empty."""
DETAIL_KEYS = frozenset({"message", "msg", "reason", "title", "description"})
"""Keys whose text may be that of an error; an object that has nothing else but `BESIDE_DETAIL` then reports one."""
BESIDE_DETAIL = DETAIL_KEYS | {
    *("detail", "details", "status", "code", "statuscode", "status_code"),
    *("type", "success", "ok", "path", "timestamp", "instance"),
}
ERROR_TEXT = re.compile(
    r"(?i)traceback|\b\w*(?:error|exception)\b|out of range|has no attribute|must be (?:an?|of)\b"
    r"|\b(?:invalid|failed|failure|cannot|could not|unable to|unexpected|unsupported|unauthorized|forbidden|denied)\b"
    r"|\bnot (?:found|supported|defined|allowed|subscriptable|iterable|callable|loaded|ready)\b"
    r"|\bmissing\b.*\b(?:arguments?|fields?|keys?|required)\b"
)
"""Words of a text that reports an error: those of Python's own exceptions and of common web frameworks."""
_FAILED_STATES = frozenset({"error", "fail", "failed", "failure"})

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')
_EMPTY_VALUE = re.compile(r'\s*(?:null|false|0|""|\[\s*\]|\{\s*\})\s*(?:[,}\]]|$)')
_FALSE = re.compile(r"\s*false\b")
_ERROR_TYPE = re.compile(r'\s*"(?:\w*(?:Error|Exception)|error)"')
_FAILED_STATUS = re.compile(r'\s*"?[45]\d\d\b')


@dataclass(frozen=True, slots=True)
class Body:
    """What a body looks like.

    Attributes
    ----------
    shape
        In words.
    is_error
        Whether it looks like the report of an error.
    """

    shape: str
    is_error: bool = False


@dataclass(slots=True)
class _Group:
    answers: int = 0
    looked_at: int = 0
    rows: set[int] = field(default_factory=set)
    bodies: set[bytes] = field(default_factory=set)
    sample: bytes = b""


class _Response:
    """The receiver of a parser: content type and beginning of the body of the final response."""

    def __init__(self) -> None:
        self.content_type = ""
        self.body = b""

    def on_message_begin(self) -> None:
        self.content_type, self.body = "", b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self.content_type = value.decode("ascii", "replace").partition(";")[0].strip().lower()[:40]

    def on_body(self, data: bytes) -> None:
        self.body += data[: BODY_BYTES - len(self.body)]


def kinds_of(samples: Iterable[tuple[int, Sample]], order: Sequence[int] | None = None) -> list[AnswerKind]:
    """Return the kinds of the answers that were kept, the most frequent first, as many as a result names.

    Parameters
    ----------
    samples
        The answers with their statuses.
    order
        For each request the number of its row, from 0; None where that is the request's own number.
    """
    groups: defaultdict[tuple[int, str, Body, str], _Group] = defaultdict(_Group)
    looked = [(status, sample, *_read(sample)) for status, sample in samples]
    bodies = [body_of(content, kind) for _, _, kind, content in looked]
    counts = Counter(body.shape for body in bodies if not body.is_error and body.shape.startswith("JSON object"))
    if len(counts) > MOST_SHAPES:
        bodies = [Body("JSON object") if body.shape in counts and not body.is_error else body for body in bodies]
    for (status, sample, content_type, content), body in zip(looked, bodies, strict=True):
        group = groups[status, content_type, body, sample.unmet]
        group.answers += sample.stands_for
        group.looked_at += 1
        group.rows.add(sample.row if order is None else order[sample.row])
        group.bodies.add(hashlib.blake2b(content, digest_size=8).digest() + sample.length.to_bytes(8))
        group.sample = group.sample or content
    ordered = sorted(groups.items(), key=lambda item: item[1].answers, reverse=True)
    most = most_frequent(ordered, lambda item: bool(item[0][3]))
    times = Counter(row for group in groups.values() for row in group.rows)
    return [
        AnswerKind(
            status=status,
            content_type=content_type or None,
            shape=head_in_bytes(body.shape, SHAPE_BYTES),
            error=body.is_error,
            unmet=unmet or None,
            answers=group.answers,
            looked_at=group.looked_at,
            bodies=len(group.bodies),
            rows=len(group.rows),
            row_numbers=[] if group is ordered[0][1] else _numbers(row for row in group.rows if times[row] == 1),
            sample=head_in_bytes(shown(group.sample.decode("utf-8", "replace"), SAMPLE_BYTES), SAMPLE_BYTES),
        )
        for (status, content_type, body, unmet), group in most
    ]


def _numbers(rows: Iterable[int]) -> list[int]:
    """Return the first rows by their number from 1, as many as a kind names."""
    return [row + 1 for row in heapq.nsmallest(MOST_ROW_NUMBERS, rows)]


def _read(sample: Sample) -> tuple[str, bytes]:
    """Return the content type and the beginning of the body of a response."""
    response = _Response()
    received = without_repetition(sample.response) or sample.response
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):  # what follows may be no response
        lenient_parser(response).feed_data(received)
    return response.content_type, response.body


def body_of(content: bytes, content_type: str = "") -> Body:
    """Return what the beginning of a body looks like.

    Parameters
    ----------
    content
        At most `BODY_BYTES`.
    content_type
        Its media type; empty where it is not known.
    """
    if not content.strip():
        return Body("no body" if not content else "white space")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(content) - 4:  # else a character was cut
            return Body(f"bytes of {content_type or 'no type'}")
        text = content[: error.start].decode("utf-8-sig")
    return _text(text.strip(), content_type)


def _text(text: str, content_type: str) -> Body:
    first = text[:1]
    if first == '"':
        return _json_string(text, content_type)
    if first == "{":
        return _object(text, "JSON object")
    if first == "[":
        if text[1:].lstrip().startswith("{"):
            return _object(text[text.index("{") :], "JSON array of objects")
        return Body("JSON array")
    if first == "<":
        is_page = "html" in content_type or bool(re.match(r"(?i)<(?:!doctype html|html|head|body)\b", text))
        return Body("page of HTML", is_error=True) if is_page else Body("XML")
    if text in {"null", "true", "false"}:
        return Body(f"JSON {text}")
    if re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text):
        return Body("number")
    return Body("text", is_error=bool(ERROR_TEXT.search(text)))


def _json_string(text: str, content_type: str) -> Body:
    try:
        value = json.loads(text)
    except ValueError:  # it was cut, or is none
        value = text[1:]
    inner = value.strip() if isinstance(value, str) else ""
    if inner[:1] in {"{", "["}:
        body = _text(inner, content_type)
        return Body(f"JSON string with a {body.shape}", body.is_error)
    return Body("JSON string", is_error=bool(ERROR_TEXT.search(inner)))


def _object(text: str, name: str) -> Body:
    keys = dict(_keys(text))
    names = [key if len(key) <= KEY_CHARACTERS else key[: KEY_CHARACTERS - 1] + "…" for key in sorted(keys)]
    more = ", …" if len(names) > MOST_KEYS else ""
    shape = f"{name} with {', '.join(names[:MOST_KEYS])}{more}" if names else f"empty {name}"
    return Body(shape, _reports_error(keys))


def _keys(text: str) -> Iterator[tuple[str, str]]:
    """Yield each key of the object that a text begins with, and the text from its value on; the text may be cut."""
    depth = 0
    key: str | None = None
    for match in _TOKEN.finditer(text):
        part = match.group()
        if part in "{[":
            depth += 1
        elif part in "}]":
            depth -= 1
            if depth == 0:
                return
        elif part == ":" and depth == 1 and key is not None:
            yield key, text[match.end() : match.end() + 40]
            key = None
        elif part[0] == '"' and depth == 1:
            key = part[1:-1]


def _reports_error(values: dict[str, str]) -> bool:
    """Return whether an object with these keys, each with the beginning of its value, reports an error."""
    lower = {key.lower(): value for key, value in values.items()}
    if any(ERROR_KEYS.fullmatch(key) and not _EMPTY_VALUE.match(value) for key, value in lower.items()):
        return True
    state = lower.get("status", "").strip().partition('"')[2].partition('"')[0].lower()
    if state in _FAILED_STATES or any(_FALSE.match(lower.get(key, "")) for key in ("success", "ok")):
        return True
    if any(_ERROR_TYPE.match(lower.get(key, "")) for key in ("type", "object")):
        return True
    if not lower.keys() <= BESIDE_DETAIL:
        return False
    if any(_FAILED_STATUS.match(lower.get(key, "")) for key in ("status", "code", "statuscode", "status_code")):
        return True
    return "detail" in lower or any(ERROR_TEXT.search(lower[key]) for key in lower.keys() & DETAIL_KEYS)
