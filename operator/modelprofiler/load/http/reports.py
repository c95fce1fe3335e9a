"""What texts and JSON values say of themselves: that something failed, or that the work is not done yet.

What is looked at is the envelope of an answer; what a model predicts is never judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import from_json

MOST_DEPTH = 3
"""Envelopes within envelopes that are opened; frameworks have one, and proxies add one."""
MOST_ITEMS = 64
"""Elements of an array, or lines of a stream, that are judged: as many as 4 KiB hold of short ones."""
ERROR_CHARACTERS = 200
"""Beginning of a text in which the words of an error are looked for: a text that a model wrote may have them later."""
WRAPPED_CHARACTERS = 60
"""The same of a text in the place of a prediction: an error is what it begins with."""

_ERROR = re.compile(r"(?i)errors?|exceptions?|fault")
"""Keys that hold an error; or, beside a result, how wrong it may be, as a number."""
_ERROR_PART = re.compile(
    r"(?i)traceback|stack_?trace|(?:error|err|exception)_?(?:message|msg|code|type|detail|description|no|num)s?"
)
"""Keys that hold a part of an error, where their value is not empty."""
_FLAG = re.compile(r"(?i)(?:is|has)_?(?:error|errors|failed|failure|exception)|failed")
_TEXT = frozenset({"message", "msg", "reason", "title", "description", "info", "detail", "details"})
"""Keys whose text may be that of an error; an object that has nothing else but `_ABOUT` then reports one."""
_CODE = frozenset({"code", "status", "statuscode", "status_code", "ret", "retcode", "ret_code"})
_STATE = frozenset({"status", "state", "task_status", "job_status"})
_HEADER = frozenset({"status", "meta", "header", "head", "responsestatus", "response_status"})
"""Keys of an envelope whose object says how the request ended, such as Seldon's `status`."""
_ABOUT = (
    _TEXT
    | _CODE
    | _STATE
    | _HEADER
    | {
        "type",
        "success",
        "ok",
        "path",
        "timestamp",
        "time",
        "instance",
        "param",
        "model",
        "object",
        "version",
        "created",
    }
    | {"eta", "estimated_time", "position", "queue_position", "progress", "hint", "help", "server", "event", "jsonrpc"}
)
"""Keys that say something about an answer and are none."""
_NAME = re.compile(r"(?i)(?:\w+_)?(?:id|uuid|url|uri|href|link|at)s?|\w+(?:Id|Url|Uri)")
"""Keys of identifiers, addresses and times."""
_RESULT = frozenset({"data", "result", "results", "output", "outputs", "prediction", "predictions", "value"})

FAILED = frozenset({"error", "fail", "failed", "failure"})
_UNFINISHED = frozenset(
    {"pending", "queued", "enqueued", "in_queue", "accepted", "submitted", "scheduled", "processing", "in_progress"}
    | {"running", "started", "loading", "initializing", "initialising", "starting", "warming_up", "not_ready"}
)
_NO_ERROR = frozenset({"", "ok", "success", "successful", "succeeded", "none", "null", "no error", "normal", "0"})
"""Texts that say in the place of an error that there is none."""
NOT_LOADED = re.compile(
    r"(?i)\bmodels?\b.{0,60}\b(?:(?:is|are|still|being|currently) (?:\w+ )?(?:loading|initiali[sz]ing|warming)"
    r"|not (?:yet |been )*(?:loaded|ready|initiali[sz]ed)|being loaded)|\b(?:loading|warming up)\b.{0,20}\bmodel\b"
)
"""What servers say whose model is not loaded."""
_STRONG = re.compile(
    r"(?i)traceback \(|\b\w*(?:error|exception)\b\s*[:(\]]|\binternal (?:server )?error\b|\berror (?:has )?occurred\b"
)
"""What nothing but an error says."""
_WEAK = re.compile(
    r"(?i)\b\w*(?:error|exception)\b|out of (?:range|bounds)|has no attribute|must be (?:an?|of)\b"
    r"|\b(?:invalid|failed|failure|cannot|could not|unable to|unexpected|unsupported|unauthorized|forbidden|denied)\b"
    r"|\bnot (?:found|supported|defined|allowed|subscriptable|iterable|callable|loaded|ready|aligned)\b"
    r"|\bnot in (?:index|list)\b|\bmissing\b.{0,100}\b(?:arguments?|fields?|keys?|required)\b"
    r"|\bis expecting \d|\bshape mismatch\b"
    r"|\bexpect(?:s|ed|ing)\b.{0,80}\b(?:got|but|instead|received)\b|\bExpecting (?:value|property name)\b"
    r"|\bcontains NaN\b|\bwith a sequence\b|^(?:'[\w .-]+'|usage:)"
)
"""Words of a text that reports an error: those of Python's own exceptions, of NumPy and scikit-learn, and of common web
frameworks. The text of a KeyError is a word in quotes."""
_LABEL = re.compile(r"[\w.-]+")
_ERROR_LABEL = re.compile(r"(?i:errors?|forbidden|unauthorized)|[A-Z]\w+(?:Error|Exception)")
"""Single words are labels, unless they name an error."""

NOTHING = object()
"""What a text that is no JSON is parsed as."""


def parsed(text: str) -> tuple[Any, bool]:
    """Return the JSON value that a text begins with, as far as it goes, and whether that is not just the text."""
    try:
        return from_json(text), False
    except ValueError:
        pass
    try:
        return from_json(text, allow_partial="trailing-strings"), True
    except ValueError:
        return NOTHING, True


def is_strict(text: str) -> bool:
    """Whether a text is JSON without NaN and Infinity, which many parsers take and RFC 8259 does not have."""
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def says_error(text: str) -> bool:
    """Whether a text reports an error."""
    if _LABEL.fullmatch(text):
        return bool(_ERROR_LABEL.fullmatch(text))
    beginning = text[:ERROR_CHARACTERS]
    return bool(_STRONG.search(beginning)) or (len(text) <= 2 * ERROR_CHARACTERS and bool(_WEAK.search(beginning)))


def says_loading(text: str) -> bool:
    """Whether a text says that a model is not loaded yet."""
    return len(text) <= 2 * ERROR_CHARACTERS and bool(NOT_LOADED.search(text))


def is_text_of_error(items: Sequence[Any]) -> bool:
    """Whether an array holds nothing but the text of an error, as some scripts return it."""
    first = items[0] if items else None
    texts = 1 <= len(items) <= 2 and all(isinstance(item, str) for item in items)
    return texts and isinstance(first, str) and (bool(_STRONG.search(first)) or first.lower() in FAILED or (
        len(items) == 1 and not _LABEL.fullmatch(first) and says_error(first)
    ))  # fmt: skip


def _payload(values: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values that are neither empty nor about the answer."""
    for key, value in values.items():
        if value in (None, "", [], {}) or key in _ABOUT or _NAME.fullmatch(key):
            continue
        if not (_ERROR.fullmatch(key) or _ERROR_PART.fullmatch(key) or _FLAG.fullmatch(key)):
            yield value


def reports_error(value: Mapping[str, Any], depth: int = 0) -> bool:
    """Return whether an object reports an error.

    Parameters
    ----------
    value
        The object.
    depth
        Envelopes around it.
    """
    values = {key.lower(): inner for key, inner in value.items()}
    payload = list(_payload(values))
    if any(_holds_error(key, inner, bare=not payload) for key, inner in values.items()):
        return True
    if any(_word(values.get(key)) in FAILED for key in _STATE):
        return True
    if any(values.get(key) is False or _word(values.get(key)) == "false" for key in ("success", "ok")):
        return True
    if any(_is_failed_header(values[key]) for key in values.keys() & _HEADER):
        return True
    if not payload:
        return _is_bare_error(values)
    return len(payload) == 1 and depth < MOST_DEPTH and _is_wrapped_error(payload[0], depth)


def _holds_error(key: str, value: Any, *, bare: bool) -> bool:
    """Whether a key and its value are those of an error; `bare` where no result stands beside them."""
    if isinstance(value, str) and value.strip().lower() in _NO_ERROR:
        return False
    if _FLAG.fullmatch(key):
        return value is True and (bare or key != "failed")
    if not value:
        return False
    if _ERROR_PART.fullmatch(key):
        return True
    return bool(_ERROR.fullmatch(key)) and (bare or not _is_measure(value))


def _is_measure(value: Any) -> bool:
    """Whether a value is a number, or consists of numbers: how wrong a result may be."""
    if isinstance(value, dict) and value.keys() & _CODE:
        return False
    if isinstance(value, dict | list):
        inner = list(value.values()) if isinstance(value, dict) else value
        return all(_is_measure(item) for item in inner[:MOST_ITEMS])
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_failed_header(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    inner = {key.lower(): item for key, item in value.items()}
    return any(_word(inner.get(key)) in FAILED for key in _STATE) or any(
        isinstance(inner.get(key), int) and inner[key] < 0 for key in _CODE
    )


def _is_bare_error(values: Mapping[str, Any]) -> bool:
    """Return whether an object without a result reports an error: by its type, its code or its text."""
    kinds = (values.get("type"), values.get("object"))
    if any(isinstance(kind, str) and re.fullmatch(r"\w*(?:Error|Exception)|error", kind) for kind in kinds):
        return True
    codes = [
        int(code) for key in _CODE if (code := str(values.get(key, ""))).lstrip("-").isdecimal() and len(code) < 10
    ]
    texts = [text for key in _TEXT if isinstance(text := values.get(key), str) and text]
    if texts and any(400 <= code < 600 or code < 0 for code in codes):
        return True
    said_empty = any(key in values for key in _RESULT)
    if said_empty and texts and any(code and not 200 <= code < 300 for code in codes):
        return True
    return bool(values.get("detail")) or any(says_error(text) for text in texts)


def _is_wrapped_error(value: Any, depth: int) -> bool:
    """Whether what is all that an envelope holds is an error."""
    if isinstance(value, str):
        inner = parsed(value)[0] if value[:1] == "{" else None
        if isinstance(inner, dict):
            return reports_error(inner, depth + 1)
        return len(value) <= 2 * ERROR_CHARACTERS and bool(_STRONG.search(value[:WRAPPED_CHARACTERS]))
    if isinstance(value, list):
        objects = [item for item in value[:MOST_ITEMS] if isinstance(item, dict)]
        return any(reports_error(item, depth + 1) for item in objects)
    return isinstance(value, dict) and reports_error(value, depth + 1)


def is_pending(value: Mapping[str, Any]) -> bool:
    """Return whether an object only says that the work is accepted, or that the model is not there yet."""
    values = {key.lower(): inner for key, inner in value.items()}
    if next(_payload(values), None) is not None:
        return False
    if any(_word(values.get(key)).replace(" ", "_").replace("-", "_") in _UNFINISHED for key in _STATE):
        return True
    return any(isinstance(values.get(key), str) and says_loading(values[key]) for key in _TEXT | _STATE)


def _word(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
