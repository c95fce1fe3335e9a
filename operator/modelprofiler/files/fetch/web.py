"""HTTP requests that read: redirects are followed a few times, and carry no credential to another origin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from modelprofiler.files.fetch.failure import FetchFailed, denied

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
"""Until a connection is open, and between two pieces of an answer. The Job that fetches has a deadline for all."""
MOST_REDIRECTS = 5
"""As many as registries and hubs need twice over."""
CHUNK = 2**20
"""Bytes that are read at once."""
LARGEST_DOCUMENT = 16 * 2**20
"""Bytes of an answer that is read as a whole, such as a manifest or a list of files."""


class Web:
    """A client for one origin and whatever it redirects to.

    Parameters
    ----------
    headers
        Sent to the origin of the address that is asked for, and to no other.
    ca_file
        CA certificates by which servers are verified instead of those of the system.
    """

    def __init__(self, headers: Mapping[str, str] | None = None, ca_file: Path | None = None) -> None:
        self.headers = dict(headers or {})
        self._session = requests.Session()
        self._session.auth = lambda request: request  # without it, requests would read a .netrc
        self._verify: bool | str = str(ca_file) if ca_file is not None else True

    @contextmanager
    def get(
        self, url: str, accept: str = "*/*", *, may_fail: bool = False, **query: Any
    ) -> Iterator[requests.Response]:
        """Yield the answer to a GET, its body unread.

        Parameters
        ----------
        may_fail
            Whether an answer of 400 and more is yielded, too.

        Raises
        ------
        FetchFailed
            There is no answer, or it is an error.
        """
        origin, address = origin_of(url), url
        try:
            for _ in range(MOST_REDIRECTS + 1):
                own = self.headers if origin_of(address) == origin else {}
                with self._session.get(
                    address,
                    headers={"Accept": accept, "Accept-Encoding": "identity", **own},
                    params=query or None,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    verify=self._verify,
                ) as response:
                    location = response.headers.get("Location", "")
                    if not (response.is_redirect and location):
                        if response.status_code >= 300 and not may_fail:
                            raise denied(shown(url), response.status_code)
                        yield response
                        return
                address, query = self._next(address, location), {}
        except requests.RequestException as error:
            raise FetchFailed(f"{shown(url)} cannot be read: {_root_cause(error)}") from error
        raise FetchFailed(f"{shown(url)} is redirected more than {MOST_REDIRECTS} times")

    def json(self, url: str, accept: str = "application/json", **query: Any) -> dict[str, Any]:
        """Return the JSON object that an address has."""
        with self.get(url, accept, **query) as response:
            content = bounded(response, url)
        return parsed(content, url)

    def download(self, url: str) -> Iterator[bytes]:
        """Yield the content of an address in pieces."""
        with self.get(url) as response:
            yield from received(response, url)

    def _next(self, address: str, location: str) -> str:
        target = urljoin(address, location)
        there = urlsplit(target)
        if there.scheme not in ("http", "https"):
            raise FetchFailed(f"{shown(address)} is redirected to {there.scheme}, which is not followed")
        if urlsplit(address).scheme == "https" and there.scheme == "http":
            raise FetchFailed(f"{shown(address)} is redirected to {shown(target)} without TLS, which is not followed")
        return target


def bounded(response: requests.Response, url: str) -> bytes:
    """Return the body of an answer that is read as a whole.

    Raises
    ------
    FetchFailed
        It is too large for that.
    """
    content = bytearray()
    for part in response.iter_content(CHUNK):
        content += part
        if len(content) > LARGEST_DOCUMENT:
            raise FetchFailed(f"{shown(url)} answers with more than {LARGEST_DOCUMENT:,} bytes")
    return bytes(content)


def received(response: requests.Response, url: str) -> Iterator[bytes]:
    """Yield the body of an answer in pieces.

    Raises
    ------
    FetchFailed
        It ends before the length that the answer names.
    """
    expected = response.headers.get("Content-Length", "")
    try:
        yield from response.iter_content(CHUNK)
    except requests.RequestException as error:
        raise FetchFailed(f"{shown(url)} was cut after {response.raw.tell():,} bytes: {_root_cause(error)}") from error
    # As they were sent: a server may compress what nobody asked it to compress.
    if expected.isdecimal() and (arrived := response.raw.tell()) != int(expected):
        raise FetchFailed(f"{shown(url)} was cut after {arrived:,} of {int(expected):,} bytes")


def parsed(content: bytes, url: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    FetchFailed
        It is none.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FetchFailed(f"{shown(url)} does not answer with JSON") from error
    if not isinstance(data, dict):
        raise FetchFailed(f"{shown(url)} does not answer with a JSON object")
    return data


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchFailed(f"{url!r:.200} is no address") from error
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port or default


def shown(url: str) -> str:
    """Return an address without what may be secret: a query, and a name with a password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return f"{url!r:.100}"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"[:300]


def _root_cause(error: BaseException) -> str:
    """Return the error of the system beneath those of requests and urllib3, whose messages are long."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return str(error)[:200]
