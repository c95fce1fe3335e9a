"""Sends and receives JSON and files over HTTP, for MLflow's REST API.

MLflow's own client installs 850 MB for these few calls, so it is not used.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException

CALL_SECONDS = 30.0
"""Timeout of a call; MLflow answers in milliseconds. An estimate."""

FILE_SECONDS = 600.0
"""Timeout of each read and write of a file transfer. An estimate."""

CHUNK = 2**20
"""Bytes that are written to a file at once."""

LONGEST_ANSWER = 2000
"""Bytes that are read of an error's answer."""


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

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a GET."""
        return self._json("GET", f"{path}?{urllib.parse.urlencode(query or {}, doseq=True)}")

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send JSON and return the answer."""
        return self._json(method, path, json.dumps(body).encode())

    def upload(self, path: str, file: Path) -> None:
        """Send a file."""
        with file.open("rb") as content:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
            with self._open("PUT", urllib.parse.quote(path), content, headers, FILE_SECONDS):
                pass

    def download(self, path: str, file: Path) -> None:
        """Receive a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._open("GET", urllib.parse.quote(path), None, {}, FILE_SECONDS) as answer, file.open("wb") as out:
            while chunk := answer.read(CHUNK):
                out.write(chunk)

    def _json(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        with self._open(method, path, body, {"Content-Type": "application/json"}, CALL_SECONDS) as answer:
            text = answer.read()
        try:
            data = json.loads(text or b"{}")
        except ValueError as error:
            raise WebserviceException(f"{self.address} is not an MLflow server: it answers {text[:100]!r}") from error
        return data if isinstance(data, dict) else {}

    def _open(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: dict[str, str], seconds: float
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310 - http or https, as checked above
            f"{self.address}/{path}", data=body, method=method, headers={**headers, **_credentials()}
        )
        try:
            return urllib.request.urlopen(request, timeout=seconds)  # noqa: S310 - the same
        except urllib.error.HTTPError as error:
            code, message = _reason(error)
            kind = Missing if error.code == 404 or code == "RESOURCE_DOES_NOT_EXIST" else WebserviceException
            raise kind(f"MLflow at {self.address}: {message}", error.code, inner_exception=code) from error
        except OSError as error:
            raise WebserviceException(f"MLflow at {self.address} does not answer: {error}", 503) from error


def _credentials() -> dict[str, str]:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _reason(error: urllib.error.HTTPError) -> tuple[str, str]:
    text = error.read(LONGEST_ANSWER)
    try:
        data = json.loads(text)
        return str(data.get("error_code", "")), str(data.get("message") or error.reason)
    except (ValueError, AttributeError):
        return "", f"{error.code} {error.reason}"
