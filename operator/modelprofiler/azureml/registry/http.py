"""Sends and receives JSON and files over HTTP, for MLflow's REST API.

MLflow's own client installs 850 MB for these few calls, so it is not used.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.auth import AuthBase, HTTPBasicAuth

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException
from modelprofiler.core.text import printable

CALL_SECONDS = 30.0
"""Timeout of a call; MLflow answers in milliseconds. An estimate."""

FILE_SECONDS = 600.0
"""Timeout of each read and write of a file transfer. An estimate."""

CHUNK = 2**20
"""Bytes that are written to a file at once."""


LARGEST_ANSWER, MOST_VALUES = 16 * 2**20, 1_000_000
"""Bytes of an answer in JSON, and values in it, counted as commas and brackets: a page of 200 versions with all their
tags has some 100 kB. Three bytes of JSON may become a dict of 64 bytes."""

REDIRECTS = 3
"""Redirects that are followed, to the same server alone: credentials go nowhere else."""


class Missing(WebserviceException):
    """The requested object does not exist."""


class Http:
    """A client of an MLflow server.

    Parameters
    ----------
    address
        The server's, such as ``http://mlflow.example:5000``. MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME with
        MLFLOW_TRACKING_PASSWORD, are its credentials.

    Raises
    ------
    UserErrorException
        When the address does not begin with http or https.
    """

    def __init__(self, address: str) -> None:
        if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
            raise UserErrorException(f"the tracking URI must be the http address of an MLflow server, not {address!r}")
        self.address = address.rstrip("/")
        self._session = requests.Session()
        self._session.auth = _credentials()
        self._session.headers["Accept-Encoding"] = "identity"  # a few KB could become any size

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a GET."""
        return self._json("GET", path, params=query)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send JSON and return the answer."""
        return self._json(method, path, json=body)

    def upload(self, path: str, file: Path) -> None:
        """Send a file."""
        headers = {"Content-Type": "application/octet-stream"}
        with file.open("rb") as content:
            # requests would send an empty file in chunks, which not every server accepts.
            data = content if file.stat().st_size else b""
            with self._response("PUT", urllib.parse.quote(path), FILE_SECONDS, data=data, headers=headers):
                pass

    def download(self, path: str, file: Path) -> None:
        """Receive a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with (
            self._response("GET", urllib.parse.quote(path), FILE_SECONDS, stream=True) as response,
            file.open("wb") as out,
        ):
            for chunk in response.iter_content(CHUNK):
                out.write(chunk)

    def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        with self._response(method, path, CALL_SECONDS, stream=True, **arguments) as response:
            content = self._content(response)
        if not content:
            return {}
        data = _parsed(content)
        if data is None:
            raise WebserviceException(f"{self.address} is not an MLflow server: it answers {content[:100]!r}")
        return data if isinstance(data, dict) else {}

    @contextlib.contextmanager
    def _response(self, method: str, path: str, seconds: float, **arguments: Any) -> Iterator[requests.Response]:
        """Make a request and yield the response; translate its errors, also those while the body is read."""
        try:
            with self._followed(method, f"{self.address}/{path}", timeout=seconds, **arguments) as response:
                if not response.ok:
                    raise self._error(response)
                yield response
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            message = f"MLflow at {self.address} does not answer: {_root_cause(error)}"
            raise WebserviceException(message, 503) from error

    def _followed(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Make a request, and follow redirects to the same server."""
        for _ in range(REDIRECTS + 1):
            response = self._session.request(method, url, allow_redirects=False, **arguments)
            if not response.is_redirect:
                return response
            response.close()
            url = urllib.parse.urljoin(url, response.headers["Location"])
            if _origin(url) != _origin(self.address):
                raise WebserviceException(
                    f"MLflow at {self.address} redirects to {printable(url)[:200]}; credentials are sent to no other "
                    "address than the tracking URI, so set MLFLOW_TRACKING_URI to that if it is right"
                )
            arguments.pop("params", None)  # they are in the address
        raise WebserviceException(f"MLflow at {self.address} redirects more than {REDIRECTS} times")

    def _content(self, response: requests.Response) -> bytes:
        """Return a body that is neither too large nor too slow."""
        content, end = bytearray(), time.monotonic() + CALL_SECONDS
        # What has come, each time: reading whole chunks would wait for as long as bytes drip in.
        while chunk := response.raw.read1(CHUNK):
            content += chunk
            if len(content) > LARGEST_ANSWER:
                raise WebserviceException(f"MLflow at {self.address} sent more than {LARGEST_ANSWER >> 20} MiB")
            if time.monotonic() > end:
                message = f"MLflow at {self.address} has not answered completely within {CALL_SECONDS:g} s"
                raise WebserviceException(message, 503)
        return bytes(content)

    def _error(self, response: requests.Response) -> WebserviceException:
        data = _parsed(self._content(response))
        data = data if isinstance(data, dict) else {}
        code = str(data.get("error_code", ""))
        message = printable(str(data.get("message") or f"{response.status_code} {response.reason}"))[:1000]
        missing = response.status_code == 404 or code == "RESOURCE_DOES_NOT_EXIST"
        kind = Missing if missing else WebserviceException
        return kind(f"MLflow at {self.address}: {message}", response.status_code, inner_exception=code)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL, which credentials are for."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _parsed(content: bytes) -> Any:
    """Return the value of some JSON; None where it is none, or has too many values."""
    if content.count(b",") + content.count(b"[") + content.count(b"{") > MOST_VALUES:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


class _BearerToken(AuthBase):
    """The credentials of MLFLOW_TRACKING_TOKEN."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token to a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _credentials() -> AuthBase | None:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return _BearerToken(token)
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        return HTTPBasicAuth(user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    return None


def _root_cause(error: BaseException) -> BaseException:
    """Return the error of the system beneath those of requests and urllib3, whose messages are long."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error
