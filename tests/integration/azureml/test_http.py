"""The client of MLflow's REST API, against a server that keeps what it receives."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.registry.http import Http, Missing

ANSWERS = {
    "/html": (200, b"<html>"),
    "/empty": (200, b""),
    "/gone": (404, b"<html>"),
    "/unknown": (400, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such model"}'),
    "/taken": (400, b'{"error_code": "RESOURCE_ALREADY_EXISTS", "message": "taken"}'),
}


class Handler(BaseHTTPRequestHandler):
    """Stores what is sent with PUT, and answers with it or with one of `ANSWERS`."""

    stored: dict[str, bytes]
    logins: list[str | None]

    def do_PUT(self) -> None:
        """Store the body."""
        self.stored[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"{}")

    def do_GET(self) -> None:
        """Answer with a body."""
        self.logins.append(self.headers["Authorization"])
        self._answer(*ANSWERS.get(self.path) or (200, self.stored.get(self.path, b'{"answer": 1}')))

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing."""


@pytest.fixture
def handler() -> type[Handler]:
    """Return a handler that has stored nothing."""
    return type("Fresh", (Handler,), {"stored": {}, "logins": []})


@pytest.fixture
def address(handler: type[Handler]) -> Iterator[str]:
    """Return the address of a server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("content", [b"", b"bytes \0\xff"])
def test_a_file_is_sent_and_received_unchanged(address: str, tmp_path: Path, content: bytes) -> None:
    """Under a name with characters that have a meaning in URLs, and also where it is empty."""
    (tmp_path / "sent").write_bytes(content)
    http = Http(address)
    http.upload("files/a b#?%.bin", tmp_path / "sent")
    http.download("files/a b#?%.bin", tmp_path / "new/received")
    assert content == (tmp_path / "new/received").read_bytes()


@pytest.mark.parametrize(
    ("path", "kind", "code", "message"),
    [
        ("gone", Missing, 404, "404 Not Found"),
        ("unknown", Missing, 400, "no such model"),
        ("taken", WebserviceException, 400, "taken"),
    ],
)
def test_an_error_has_the_code_and_message_of_the_server(
    address: str, path: str, kind: type[WebserviceException], code: int, message: str
) -> None:
    """One that says that an object does not exist has a type of its own."""
    with pytest.raises(WebserviceException, match=f"MLflow at {address}: {message}") as error:
        Http(address).get(path)
    assert kind is type(error.value)
    assert code == error.value.status_code


def test_an_answer_that_is_not_json_is_refused(address: str) -> None:
    """An empty one is an empty object."""
    with pytest.raises(WebserviceException, match="is not an MLflow server: it answers b'<html>'"):
        Http(address).get("html")
    assert {} == Http(address).get("empty")


def test_a_server_that_does_not_answer_is_named() -> None:
    """With the error of the system."""
    with pytest.raises(WebserviceException, match=r"127\.0\.0\.1:1 does not answer: \[Errno \d+\] Connection refused"):
        Http("http://127.0.0.1:1").get("x")


def test_credentials_come_from_the_variables_of_mlflow(
    address: str, handler: type[Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token comes before a name and password."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    Http(address).get("x")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token")
    Http(address).get("x")
    assert [f"Basic {base64.b64encode(b'user:secret').decode()}", "Bearer token"] == handler.logins
