"""What a body looks like: its shape in words, and whether it is an answer at all, whatever its status says.

A server may report an error with status 200, acknowledge a job that it does later, or say that its model is loading.
`reports` has what texts and objects say of themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from modelprofiler.load.http.reports import (
    FAILED,
    MOST_ITEMS,
    NOTHING,
    is_pending,
    is_strict,
    is_text_of_error,
    parsed,
    reports_error,
    says_error,
    says_loading,
)

Lack = Literal["Pending", "Empty", "NotJson"]
"""What an answer that reports no error lacks: its result, a body, or that it is the JSON that it is called."""

BODY_BYTES = 4096
"""Bytes of a body that are looked at: an error is at its beginning, and so are the keys of most objects."""
MOST_KEYS = 6
"""Keys of an object that its shape names."""
KEY_CHARACTERS = 24
"""Characters of a key that a shape names."""
_XML_ERROR = re.compile(r"(?i)<(?:[\w-]+:)?(?:fault|errors?|error_?response|(?:service)?exception(?:report)?)[\s/>]")
_PAGE = re.compile(r"(?i)<(?:!doctype html|html|head|body|title|h[1-6])\b")
_EVENT = re.compile(r"(?m)^(?:(data|error)|event|id|retry)?:")
"""A line of a stream of events (Server-sent events, 9.2.6 of the HTML standard); llama.cpp has a field `error`."""
_MARKUP_CHARACTERS = 600
"""Beginning of a document in which its root element is, after declarations and comments."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a body looks like.

    Attributes
    ----------
    shape
        In words.
    is_error
        Whether it looks like the report of an error.
    lack
        What else keeps it from being an answer; None for nothing.
    """

    shape: str
    is_error: bool = False
    lack: Lack | None = None


def body_of(content: bytes, content_type: str = "", *, complete: bool | None = None) -> Body:
    """Return what the beginning of a body looks like.

    Parameters
    ----------
    content
        At most `BODY_BYTES`, without a content coding.
    content_type
        Its media type; empty where it is not known.
    complete
        Whether that is all of the body; by default where it has less than `BODY_BYTES`.
    """
    complete = len(content) < BODY_BYTES if complete is None else complete
    if not content.strip():
        return Body("no body" if not content else "white space", lack="Empty")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(content) - 4:  # else a character was cut
            return Body(f"bytes of {content_type or 'no type'}")
        text = content[: error.start].decode("utf-8-sig")
    return _of_text(text.strip(), content_type, complete=complete)


def _of_text(text: str, content_type: str, *, complete: bool) -> Body:
    if content_type == "text/event-stream" or re.match(r"(?:data|event|id|error|):", text):
        return _of_events(text)
    if text[:1] in {'"', "{", "["} or text in {"null", "true", "false"}:
        body = _of_json(text, content_type, complete=complete)
        if body is not None:
            return body
    if text[:1] == "<":
        start = text[:_MARKUP_CHARACTERS]
        if "html" in content_type or _PAGE.search(start):
            return Body("page of HTML", is_error=True)
        return Body("XML", is_error=bool(_XML_ERROR.search(start)))
    if re.fullmatch(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text):
        return Body("number")
    lack: Lack | None = "NotJson" if complete and _is_json(content_type) else None
    return Body("text", says_error(text), "Pending" if says_loading(text) else lack)


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


def _of_json(text: str, content_type: str, *, complete: bool) -> Body | None:
    """Return what a text of JSON looks like; None where it is none."""
    value, rest = parsed(text)
    if value is NOTHING:
        return None
    body = _of_value(value)
    if rest:
        body = _of_lines(text, body)
    if body.is_error or body.lack or (not rest and is_strict(text)) or not complete or not _is_json(content_type):
        return body
    return replace(body, lack="NotJson")


def _of_lines(text: str, first: Body) -> Body:
    """Return what a stream of lines of JSON looks like: the report of an error where one of its lines is one."""
    for line in text.splitlines()[1:MOST_ITEMS]:
        value, _ = parsed(line.strip())
        if isinstance(value, dict) and reports_error(value):
            return replace(first, shape=f"lines, one of them a {_of_value(value).shape}", is_error=True)
    return first


def _of_events(text: str) -> Body:
    """Return what a stream of events looks like; an error in any of them is one of the answer."""
    shape, is_error, pending = "", False, False
    for line in text.splitlines()[: 4 * MOST_ITEMS]:
        field, _, data = line.partition(":")
        data = data.strip()
        is_error = is_error or (field == "event" and data.lower() in FAILED)
        if not _EVENT.match(line):
            field, data = "data", line.strip()  # an error that a proxy passes on without the name of a field
        if field not in {"data", "error"} or data in {"", "[DONE]"}:
            continue
        value, _ = parsed(data)
        if isinstance(value, dict):
            shape = shape or _of_value(value).shape
            is_error = is_error or field == "error" or reports_error(value)
            pending = pending or is_pending(value)
        elif field == "error":
            is_error = True
    name = f"stream of events, each a {shape}" if shape else "stream of events"
    return Body(name, is_error, "Pending" if pending and not is_error else None)


def ends_with_error(end: bytes) -> bool:
    """Whether a stream of events, or of lines of JSON, ends with the report of an error.

    Parameters
    ----------
    end
        Its last bytes as they were sent, with the sizes of chunks in between.
    """
    for line in end.decode("utf-8", "replace").splitlines():
        field, _, data = line.partition(":")
        if field.strip() == "event" and data.strip().lower() in FAILED:
            return True
        value, cut = parsed((data if field in {"data", "error"} else line).strip())
        if isinstance(value, dict) and not cut and reports_error(value):
            return True
    return False


def _of_value(value: Any) -> Body:
    if isinstance(value, str):
        inner = value.strip()
        if inner[:1] in {"{", "["}:
            within, _ = parsed(inner)
            body = _of_value(within) if isinstance(within, dict | list) else Body("text", says_error(inner))
            return replace(body, shape=f"JSON string with a {body.shape}")
        return Body("JSON string", says_error(inner), "Pending" if says_loading(inner) else None)
    if isinstance(value, dict):
        return _of_object(value, "JSON object")
    if isinstance(value, list):
        objects = [item for item in value[:MOST_ITEMS] if isinstance(item, dict)]
        if objects and isinstance(value[0], dict):
            body = _of_object(objects[0], "JSON array of objects")
            failed = [item for item in objects if reports_error(item)]
            return body if body.is_error or not failed else _of_object(failed[0], "JSON array of objects, one")
        return Body("JSON array", is_error=is_text_of_error(value))
    return Body("JSON null" if value is None else f"JSON {str(value).lower()}")


def _of_object(value: Mapping[str, Any], name: str) -> Body:
    names = [key if len(key) <= KEY_CHARACTERS else key[: KEY_CHARACTERS - 1] + "…" for key in sorted(value)]
    more = ", …" if len(names) > MOST_KEYS else ""
    shape = f"{name} with {', '.join(names[:MOST_KEYS])}{more}" if names else f"empty {name}"
    is_error = reports_error(value)
    return Body(shape, is_error, "Pending" if not is_error and is_pending(value) else None)
