"""Bounds on what a server of metrics may answer: its bytes, values and labels; nothing compressed is accepted.

Prometheus and kubelets are input like any other: whoever answers at their address may send anything, for any time. The
callers bound the time; here is the rest. All errors are `MetricsUnavailable`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp

from modelprofiler.core.text import head, printable
from modelprofiler.errors import MetricsUnavailable

Token: TypeAlias = Callable[[], Awaitable[str]]
"""Returns the bearer token for the next request: tokens of service accounts are renewed."""

CHUNK = 2**18
"""Bytes that are taken at a time: 40 pieces of 10 MB, between which the loop can serve others."""

ERROR_CHARACTERS = 200
"""Characters of somebody else's text in a message: a sentence or two, since it ends up in a condition."""

MOST_SERIES = 1024
"""Series of one container: ten metrics, each from a few scrapers, for a few containers that followed each other; and
the CPU time of each of 256 CPUs, from each of two replicas."""

MOST_LABELS, LONGEST_LABEL = 512, 4096
"""Labels of one series, and characters of each: cAdvisor sets seven, of which a control group's path has 200. Some
scrapers add all labels of the node, of which feature discovery alone makes more than a hundred."""

UNCOMPRESSED = {"Accept-Encoding": "identity"}
"""Compressing would cost the measured node more than sending a few MB; and a few KB could become any size."""


def quoted(text: object) -> str:
    """Return what somebody else wrote as it may stand in a message."""
    return head(" ".join(printable(str(text)).split()), ERROR_CHARACTERS)


def read_token(path: Path) -> Token:
    """Return what reads a token from a file, anew for every request: projected tokens are renewed in place."""

    async def read() -> str:
        return _text_of(path)

    return read


def read_login(user: Path, password: Path) -> Token:
    """Return what reads a user and a password from two files, anew for every request, and joins them by a colon."""

    async def read() -> str:
        return f"{_text_of(user)}:{_text_of(password)}"

    return read


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


async def read_whole(response: aiohttp.ClientResponse, who: str, longest: int) -> bytes:
    """Return the body of an answer.

    Parameters
    ----------
    who
        The server, as the subject of a sentence.
    longest
        Bytes after which the answer is given up.
    """
    check_encoding(response, who)
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > longest:
            raise MetricsUnavailable(f"{who} sent more than {longest >> 20} MiB")
    return bytes(body)


def session_of(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """Return a session that keeps nothing of an answer: a server could set new cookies with each, up to a megabyte."""
    return aiohttp.ClientSession(connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())


def check_encoding(response: aiohttp.ClientResponse, who: str) -> None:
    """Refuse a compressed answer: none was asked for, and its size is unknown."""
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise MetricsUnavailable(f"{who} sent an answer compressed with {quoted(encoding)}, which was not asked for")


def json_of(body: bytes, who: str, most_values: int) -> Any:
    """Return the JSON of an answer.

    Three bytes of JSON become a dict of 64 bytes. The values are therefore counted first: there are at most as many as
    commas and brackets.

    Parameters
    ----------
    most_values
        Values after which the answer is not parsed.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > most_values:
        raise MetricsUnavailable(f"{who} sent more than {most_values} values")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MetricsUnavailable(f"{who} did not answer with JSON") from error


def check_labels(labels: Any, who: str) -> None:
    """Refuse labels that no exporter has."""
    if (
        not isinstance(labels, dict)
        or len(labels) > MOST_LABELS
        or not all(isinstance(value, str) and len(value) <= LONGEST_LABEL for value in labels.values())
    ):
        limits = f"{MOST_LABELS} labels of {LONGEST_LABEL} characters"
        raise MetricsUnavailable(f"{who} sent a series with more than {limits}, or with labels that are no text")
