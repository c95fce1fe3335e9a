"""Servers that only pretend to be MLflow, or attack: nothing is written elsewhere, read here, or sent to others."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from modelprofiler.azureml.exceptions import AzureMLException, UserErrorException, WebserviceException
from modelprofiler.azureml.registry import http, mlflow
from modelprofiler.azureml.registry.mlflow import MlflowRegistry
from modelprofiler.azureml.store import Store

VERSION = {"name": "m", "version": "1"}
LISTING = "/api/2.0/mlflow-artifacts/artifacts"


class Enemy(BaseHTTPRequestHandler):
    """Answers each path as configured."""

    answers: dict[str, Any]
    heads: list[str]

    def do_GET(self) -> None:
        """Answer."""
        self.heads.append(str(self.headers))
        answer = self.answers.get(self.path.partition("?")[0], b"file")
        if callable(answer):
            answer(self)
            return
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing."""


def _serve() -> Iterator[tuple[str, type[Enemy]]]:
    handler = type("Fresh", (Enemy,), {"heads": [], "answers": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()


@pytest.fixture
def first() -> Iterator[tuple[str, type[Enemy]]]:
    """Return the address of a server, and its handler."""
    yield from _serve()


@pytest.fixture
def second() -> Iterator[tuple[str, type[Enemy]]]:
    """Return another one."""
    yield from _serve()


def registry_of(address: str, root: Path) -> MlflowRegistry:
    """Return the registry of a server, with a store of its own."""
    return MlflowRegistry(address, Store(root / "store"))


def model_at(source: str, *files: object) -> dict[str, Any]:
    """Return the answers of a server with a model somewhere."""
    return {
        "/api/2.0/mlflow/model-versions/get": {"model_version": VERSION},
        "/api/2.0/mlflow/model-versions/get-download-uri": {"artifact_uri": source},
        LISTING: {"files": list(files)},
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"path": ".."},
        {"path": "model/.."},
        {"path": "model/../.."},
        {"path": "."},
        {"path": ""},
        {"path": "model/"},
        {"path": "a\0b"},
        {"path": "x" * 300},
        {"path": None},
        {"path": ["a"]},
        {},
        "a",
        None,
        {"path": "..", "is_dir": True},
    ],
    ids=repr,
)
def test_a_listing_leads_out_of_no_folder(entry: object, first: tuple[str, type[Enemy]], tmp_path: Path) -> None:
    """Whatever name it has for a file, nothing is written outside, and no traceback comes of it."""
    address, handler = first
    handler.answers = model_at("mlflow-artifacts:/1/model", entry)
    with pytest.raises(WebserviceException):
        registry_of(address, tmp_path).files("m", 1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc",
        "/etc",
        "etc",
        "file://localhost/etc/passwd",
        "FILE:///etc",
        "mlflow-artifacts:/../../api/secrets",
        "mlflow-artifacts:/a//b",
        "s3://bucket/x",
        "",
    ],
)
def test_no_address_is_one_of_this_machine(source: str, first: tuple[str, type[Enemy]], tmp_path: Path) -> None:
    """A file that the server names is on the server's machine."""
    address, handler = first
    handler.answers = model_at(source)
    with pytest.raises(AzureMLException):
        registry_of(address, tmp_path).files("m", 1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"]


def test_nothing_is_uploaded_to_a_path_of_this_machine(first: tuple[str, type[Enemy]], tmp_path: Path) -> None:
    """A server could otherwise have any file of this user written."""
    address, handler = first
    info = {"artifact_uri": f"file://{tmp_path}/home", "run_id": "1"}
    handler.answers = {"/api/2.0/mlflow/runs/create": {"run": {"info": info}}}
    handler.answers |= {"/api/2.0/mlflow/experiments/get-by-name": {"experiment": {"experiment_id": "1"}}}
    handler.answers |= {"/api/2.0/mlflow/registered-models/create": {}}
    (tmp_path / "weights").write_text("w")
    record = mlflow._record(VERSION)
    with pytest.raises(UserErrorException, match="start it with --serve-artifacts"):
        registry_of(address, tmp_path).register(record, {"authorized_keys": tmp_path / "weights"})
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_credentials_are_sent_to_no_other_address(
    code: int,
    first: tuple[str, type[Enemy]],
    second: tuple[str, type[Enemy]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another port is another origin; the address itself may move its paths."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    (address, handler), (other, spy) = first, second

    def away(to: str) -> Any:
        def answer(request: Enemy) -> None:
            request.send_response(code)
            request.send_header("Location", to)
            request.send_header("Content-Length", "0")
            request.end_headers()

        return answer

    path = "/api/2.0/mlflow/model-versions/get"
    handler.answers = {path: away(f"{other}{path}")}
    with pytest.raises(WebserviceException, match="credentials are sent to no other address than the tracking URI"):
        registry_of(address, tmp_path).get("m", 1)
    assert [] == spy.heads
    assert "Bearer secret" in handler.heads[0]
    handler.answers = {path: away(f"{address}/moved"), "/moved": {"model_version": VERSION}}
    assert 1 == registry_of(address, tmp_path).get("m", 1).version
    handler.answers = {path: away(path)}
    with pytest.raises(WebserviceException, match="redirects more than 3 times"):
        registry_of(address, tmp_path).get("m", 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"[" * 100_000,
        b"[" + b"{}," * 2_000_000 + b"{}]",
        b"1" * 5000,
        {"model_version": {"name": "m", "version": "x"}},
        {"model_version": {"name": "m", "version": "1", "creation_timestamp": 1e300}},
        {"model_version": {"name": "m", "version": "1", "tags": [{"key": "modelprofiler.datasets", "value": "{"}]}},
        {"model_version": {"name": "m", "version": "1", "tags": "abc"}},
        {"model_version": []},
        {},
        b"\xff\x00",
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_an_answer_that_is_none_is_a_sentence(answer: object, first: tuple[str, type[Enemy]], tmp_path: Path) -> None:
    """It ends neither in a traceback nor with gigabytes read."""
    address, handler = first
    handler.answers = {"/api/2.0/mlflow/model-versions/get": answer}
    with pytest.raises(WebserviceException):
        registry_of(address, tmp_path).get("m", 1)


def test_an_answer_that_never_ends_does(
    first: tuple[str, type[Enemy]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes and in time."""
    address, handler = first
    monkeypatch.setattr(http, "CALL_SECONDS", 1.0)

    def endless(piece: bytes, pause: float) -> Any:
        def answer(request: Enemy) -> None:
            request.send_response(200)
            request.end_headers()
            try:
                while True:
                    request.wfile.write(piece)
                    time.sleep(pause)
            except OSError:
                return

        return answer

    for piece, pause, message in ((b" " * 100_000, 0.0, "more than 16 MiB"), (b" ", 0.05, "not answered completely")):
        handler.answers = {"/api/2.0/mlflow/model-versions/get": endless(piece, pause)}
        with pytest.raises(WebserviceException, match=message):
            registry_of(address, tmp_path).get("m", 1)


def test_a_search_ends_though_the_server_has_always_another_page(
    first: tuple[str, type[Enemy]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand pages are more than anybody has."""
    monkeypatch.setattr(mlflow, "MOST_PAGES", 5)
    address, handler = first
    handler.answers = {
        "/api/2.0/mlflow/model-versions/search": {"model_versions": [VERSION], "next_page_token": "again"}
    }
    with pytest.raises(WebserviceException, match="has more than 1000 model versions"):
        registry_of(address, tmp_path).list()
    assert 5 == len(handler.heads)


@pytest.mark.parametrize("name", ["..", "../../x", "/etc", "a/../../../x", "a\0b"])
def test_no_name_leads_out_of_the_store(name: str, tmp_path: Path) -> None:
    """Names come from users, servers and files."""
    with pytest.raises(UserErrorException, match="leads out of"):
        Store(tmp_path / "store").path("models", *([".."] if name == ".." else []), name)
