"""MLflow servers and registries that answer anything: files in the folder, or FetchFailed, and nothing elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import os
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.fuzz.exploring import explore, mutated_bytes
from tests.unit.commands.test_mutated import mutated

from modelprofiler.core.text import printable
from modelprofiler.files.fetch import mlflow, web
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.fetch import fetch

TITLE = "org.opencontainers.image.title"
TOKEN = "correct-horse-battery"


def tar(*members: tuple[str, bytes, bytes]) -> bytes:
    """Return an archive of members: name, type, and content or where a link leads."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = content.decode() if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


TARS = [
    tar(
        ("models/a", tarfile.REGTYPE, b"a"),
        ("models/b", tarfile.SYMTYPE, b"a"),
        ("models/c", tarfile.LNKTYPE, b"models/a"),
    ),
    tar(
        ("models", tarfile.DIRTYPE, b""),
        ("models/" + "x" * 200, tarfile.REGTYPE, b"x"),
        ("models/.wh.a", tarfile.REGTYPE, b""),
    ),
    tar(
        ("models/../../x", tarfile.REGTYPE, b"x"),
        ("models/l", tarfile.SYMTYPE, b"../../x"),
        ("models/l/y", tarfile.REGTYPE, b""),
    ),
]
BLOBS = [b"weights", *TARS, *(gzip.compress(content) for content in TARS)]
ARCHIVES = mutated_bytes(
    BLOBS, (b"\x00" * 512, b"\xff" * 12, b"0" * 12, b"../", b"/", b"x", b"g", b"L", b"S", b"\x1f\x8b")
)

LISTING: Any = {
    "files": [{"path": "a.bin", "is_dir": False, "file_size": 1}, {"path": "sub", "is_dir": True}, {"path": "../x"}]
}
MLFLOW: list[Any] = [
    {
        "registered-models/alias": {"model_version": {"version": "3"}},
        "model-versions/get-download-uri": {"artifact_uri": source},
        "logged-models/": {"model": {"info": {"artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts"}}},
        "runs/get": {"run": {"info": {"artifact_uri": "mlflow-artifacts:/1/run/artifacts"}}},
        "artifacts?": LISTING,
    }
    for source in (
        "mlflow-artifacts:/1/run/artifacts/files",
        "models:/m-1",
        "runs:/1/files",
        "file:///etc",
        "mlflow-artifacts:",
    )
]


def manifest(blobs: list[bytes]) -> Any:
    """Return a manifest of blobs: the first with a title, the others as layers of an image."""
    layers: list[Any] = [
        {
            "digest": f"sha256:{hashlib.sha256(blob).hexdigest()}",
            "size": len(blob),
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
        }
        for blob in blobs
    ]
    for layer in layers[:1]:
        layer["annotations"] = {TITLE: "a.bin"}
    return {"schemaVersion": 2, "layers": layers}


class Server(http.server.ThreadingHTTPServer):
    """Answers with what `answers` has for the beginning of a path; raw bytes are sent as they are."""

    daemon_threads = True
    answers: dict[str, Any]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go away in the middle of an answer."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if "token" in self.path and self.headers.get("Authorization") is None:
            self.server.answers["asked"] = True
        answer = next((v for k, v in self.server.answers.items() if k in self.path), None)
        if isinstance(answer, bytes):
            self.wfile.write(answer)
            self.close_connection = True
            return
        status, headers, body = (404, {}, b"{}") if answer is None else answer
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is that of the standard library
        """Print nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start a server, whose files are few and whose patience is short."""
    monkeypatch.setattr(web, "READ_SECONDS", 0.3)
    monkeypatch.setattr(mlflow, "MOST_FILES", 20)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with Server(("127.0.0.1", 0), Handler) as serving:
        serving.answers = {}
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


RAW = mutated_bytes(
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 Found\r\nLocation: ?\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="http://[",service="x"\r\nContent-Length: 0\r\n\r\n',
    ],
    (
        *(
            b"\r\n",
            b"\n",
            b"\x00",
            b"\xff",
            b"X: y\r\n" * 200,
            b"X: " + b"y" * 70_000 + b"\r\n",
            b"Content-Encoding: gzip\r\n",
        ),
        *(
            b"Content-Length: " + b"9" * 5000 + b"\r\n",
            b"Content-Length: -1\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        ),
        *(
            b"Location: ftp://x\r\n",
            b"Location: \xff\r\n",
            b"ffffffffffff\r\n",
            b"[" * 5000,
            b"Content-Encoding: deflate\r\n",
        ),
    ),
)


def ask(server: Server, uri: str, keys: dict[str, str]) -> None:
    """Fetch, and expect files in the folder, or a sentence of bounded length without the credential."""
    with tempfile.TemporaryDirectory() as place:
        secret, folder = Path(place) / "secret", Path(place) / "a" / "b" / "folder"
        secret.mkdir()
        for name, value in keys.items():
            (secret / name).write_text(value)
        message = ""
        try:
            fetch(uri, folder, credentials=secret)
        except FetchFailed as error:
            message = str(error)
        assert len(message) < 2000
        assert TOKEN not in message
        printable(message).encode()
        outside = {path for path in Path(place).rglob("*") if not path.is_dir() and folder not in path.parents}
        assert {secret / name for name in keys} == outside


@st.composite
def answers(draw: st.DrawFn, bases: list[Any], more: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Return answers by path, of which one may be no HTTP."""
    data = draw(mutated(bases))
    made: dict[str, Any] = {
        str(path): (200, {}, json.dumps(body).encode())
        for path, body in (data.items() if isinstance(data, dict) else [])
    }
    made |= draw(more)
    if made and draw(st.integers(0, 3)) == 0:
        made[draw(st.sampled_from(sorted(made)))] = draw(RAW)
    return made


def test_whatever_an_mlflow_server_lists_stays_in_the_folder(server: Server) -> None:
    """Names that lead elsewhere, folders inside themselves, and sources that only the server can reach."""

    def check(case: dict[str, Any]) -> None:
        server.answers = case
        address = f"http://127.0.0.1:{server.server_address[1]}"
        ask(server, "models:/net@best", {"MLFLOW_TRACKING_URI": address, "MLFLOW_TRACKING_TOKEN": TOKEN})

    content: st.SearchStrategy[dict[str, Any]] = st.binary(max_size=20).map(
        lambda data: {"artifacts/": (200, {}, data)}
    )
    explore(check, answers(MLFLOW, content), examples=12)


@st.composite
def registries(draw: st.DrawFn) -> dict[str, Any]:
    """Return the answers of a registry: a manifest that fits its blobs, changed or not, and blobs."""
    blobs = draw(st.lists(ARCHIVES, min_size=1, max_size=3))
    index = {"manifests": [{"digest": "sha256:" + "0" * 64, "platform": {"architecture": "amd64"}}]}
    complete = manifest(blobs)
    answers: dict[str, Any] = {f"blobs/sha256:{hashlib.sha256(blob).hexdigest()}": (200, {}, blob) for blob in blobs}
    body = draw(st.one_of(st.just(complete), mutated([complete, index])))
    answers["manifests/"] = draw(st.one_of(st.just((200, {}, json.dumps(body).encode())), RAW))
    return answers


def test_whatever_a_registry_has_stays_in_the_folder(server: Server) -> None:
    """Layers that are no archives, links that lead out of them, and manifests that name something else."""

    def check(case: dict[str, Any]) -> None:
        server.answers = case
        uri = f"oci://127.0.0.1:{server.server_address[1]}/team/net:v1"
        ask(server, uri, {"OCI_PLAIN_HTTP": "true", "username": "u", "password": TOKEN})

    explore(check, registries(), examples=25)


def test_a_folder_inside_itself_ends(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before there are as many files as a model may have."""
    monkeypatch.setattr(mlflow, "MOST_FILES", 10**9)
    listing = json.dumps({"files": [{"path": "sub" * 50, "is_dir": True}]}).encode()
    server.answers = {
        "model-versions/get-download-uri": (200, {}, b'{"artifact_uri": "mlflow-artifacts:/1/files"}'),
        "artifacts": (200, {}, listing),
    }
    address = f"http://127.0.0.1:{server.server_address[1]}"
    ask(server, "models:/net/1", {"MLFLOW_TRACKING_URI": address})
