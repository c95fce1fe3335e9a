"""Sends and receives JSON and files over HTTP, for MLflow's REST API.

MLflow's own client installs 850 MB for these few calls, so it is not used.
"""

from __future__ import annotations

import contextlib
import os
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException

CALL_SECONDS = 30.0
"""Timeout of a call; MLflow answers in milliseconds. An estimate."""

FILE_SECONDS = 600.0
"""Timeout of each read and write of a file transfer. An estimate."""

CHUNK = 2**20
"""Bytes that are written to a file at once."""


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
        with self._response(method, path, CALL_SECONDS, **arguments) as response:
            if not response.content:
                return {}
            try:
                data = response.json()
            except requests.JSONDecodeError as error:
                raise WebserviceException(
                    f"{self.address} is not an MLflow server: it answers {response.content[:100]!r}"
                ) from error
        return data if isinstance(data, dict) else {}

    @contextlib.contextmanager
    def _response(self, method: str, path: str, seconds: float, **arguments: Any) -> Iterator[requests.Response]:
        """Make a request and yield the response; translate its errors, also those while the body is read."""
        try:
            with self._session.request(method, f"{self.address}/{path}", timeout=seconds, **arguments) as response:
                if not response.ok:
                    raise self._error(response)
                yield response
        except requests.RequestException as error:
            message = f"MLflow at {self.address} does not answer: {_root_cause(error)}"
            raise WebserviceException(message, 503) from error

    def _error(self, response: requests.Response) -> WebserviceException:
        try:
            data = response.json()
        except requests.JSONDecodeError:
            data = None
        data = data if isinstance(data, dict) else {}
        code = str(data.get("error_code", ""))
        message = data.get("message") or f"{response.status_code} {response.reason}"
        missing = response.status_code == 404 or code == "RESOURCE_DOES_NOT_EXIST"
        kind = Missing if missing else WebserviceException
        return kind(f"MLflow at {self.address}: {message}", response.status_code, inner_exception=code)


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
