"""Addresses that cannot be read, each named with its field in one sentence before any server starts: real processes."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.files.hub import Hub, serving_hub
from tests.integration.files.stores import behind_tls
from tests.integration.files.test_fetch import SECRET
from tests.integration.local.test_download import document
from tests.ports import unused_port

from modelprofiler.errors import InvalidInput
from modelprofiler.files.fetch import apart
from modelprofiler.local.download import download

pytestmark = pytest.mark.timeout(180)


def addresses(server: str) -> dict[str, dict[str, str]]:
    """Return an address of each kind whose server is this one, and the keys that say so."""
    host = server.partition("://")[2]
    plain = {"OCI_PLAIN_HTTP": "true"} if server.startswith("http:") else {}
    blobs = f"AccountName=account;AccountKey=a2V5;BlobEndpoint={server}/account;"
    return {
        "s3://data/a": {
            "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": SECRET,
        },
        "gs://data/a": {"STORAGE_EMULATOR_HOST": server, "NO_GCE_CHECK": "true"},
        "abfs://data/a": {
            "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol={server.partition(':')[0]};{blobs}",
        },
        "hf://owner/repo/a": {"HF_ENDPOINT": server, "HF_TOKEN": SECRET},
        f"oci://{host}/models/a:v1": {**plain, "username": "reader", "password": SECRET},
        "models:/net/1": {"MLFLOW_TRACKING_URI": server, "MLFLOW_TRACKING_TOKEN": SECRET},
    }  # fmt: skip


def refusals(tmp_path: Path, server: str, ca: str | None = None) -> dict[str, str]:
    """Return what is said about each kind of address, all asked at the same time."""

    def asked(number: int, uri: str, keys: dict[str, str]) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        source = {"uri": uri, "secretRef": "keys", **({"caBundle": ca} if ca else {})}
        written = document(folder, {"uri": source}, {"inline": "{}"}, keys=keys)
        with pytest.raises(InvalidInput) as refused:
            download(written, folder / "run", lambda _: None)
        (problem,) = refused.value.problems
        assert problem.path == "spec.model.source.uri"
        assert SECRET not in problem.message
        assert "\n" not in problem.message
        return problem.message

    kinds = addresses(server)
    with ThreadPoolExecutor(len(kinds)) as pool:
        answers = pool.map(asked, range(len(kinds)), kinds, kinds.values())
        return dict(zip(kinds, answers, strict=True))


@contextmanager
def answering(status: int, headers: dict[str, str]) -> Iterator[str]:
    """Serve the same answer to everything: its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - the name is that of the standard library

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_access_that_is_denied_is_said_with_the_status(tmp_path: Path) -> None:
    """Whatever the driver makes of it, and with the place where credentials belong or the words of the driver."""
    with answering(403, {}) as server:
        output = refusals(tmp_path, server)
    for uri, message in output.items():
        assert "access to " in message, (uri, message)
        assert "is denied (status 403)" in message, (uri, message)


def test_a_server_that_refuses_connections_is_named(tmp_path: Path) -> None:
    """In a few seconds, where some drivers would try for minutes."""
    for uri, message in refusals(tmp_path, f"http://127.0.0.1:{unused_port()}").items():
        assert "cannot be read: " in message, (uri, message)
        words = ("Connection refused", "Connect call failed", "Could not connect")
        assert any(word in message for word in words), (uri, message)


def test_a_server_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    """With the words of the TLS library; a CA of somebody else does not help."""
    with serving_hub(Hub("", {})) as hub, behind_tls(int(hub.address.rpartition(":")[2]), tmp_path / "tls") as (tls, _):
        _, other = other_ca(tmp_path / "other")
        for uri, message in refusals(tmp_path, tls, other).items():
            assert "certificate verify failed" in message, (uri, message)


def other_ca(folder: Path) -> tuple[str, str]:
    """Return the address of a server that has gone, and its CA."""
    with behind_tls(9, folder) as (address, ca):
        return address, ca


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and is silent; drivers would wait and try again for many minutes."""
    monkeypatch.setattr(apart, "STALLED_SECONDS", 8.0)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        output = refusals(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
    says = "nothing arrived for 8 s: the server does not answer, or its list of files does not end"
    assert dict.fromkeys(output, says) == output


def test_a_redirect_takes_no_credential_to_another_origin(tmp_path: Path) -> None:
    """Whatever the client of a store does with it."""
    seen: list[str | None] = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815 - the name is that of the standard library

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as other:
        threading.Thread(target=other.serve_forever, args=(0.05,), daemon=True).start()
        with answering(302, {"Location": f"http://localhost:{other.server_port}/x"}) as server:
            output = refusals(tmp_path, server)
        other.shutdown()
    assert 6 == len(output)
    assert {None} >= set(seen)


def test_a_listing_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the memory that it takes, before all memory is gone, or by the number of files."""
    monkeypatch.setattr(apart, "MOST_MEMORY", 120 * 2**20)
    with serving_hub(Hub("", {"a/b": b""}, pages=0)) as hub, endless() as (store, mlflow):
        for uri, keys, says in (
            ("hf://owner/repo/a", {"HF_ENDPOINT": hub.address}, "needs more than 125,829,120 bytes of memory"),
            ("s3://data/a", addresses(store)["s3://data/a"], "needs more than 125,829,120 bytes of memory"),
            ("models:/net/1", {"MLFLOW_TRACKING_URI": mlflow}, "the model has more than 100,000 files"),
        ):
            folder = tmp_path / uri[:2]
            folder.mkdir()
            written = document(folder, {"uri": {"uri": uri, "secretRef": "keys"}}, {"inline": "{}"}, keys=keys)
            with pytest.raises(InvalidInput) as refused:
                download(written, folder / "run", lambda _: None)
            assert says in str(refused.value)


@contextmanager
def endless() -> Iterator[tuple[str, str]]:
    """Serve a bucket and a model whose lists of files do not end: the address of each."""
    keys = "".join(f"<Contents><Key>a/%d-{number}</Key><Size>1</Size></Contents>" for number in range(1000))
    page = f"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>{keys}"

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        pages = 0

        def do_GET(self) -> None:
            type(self).pages += 1
            if "get-download-uri" in self.path:
                body = '{"artifact_uri": "mlflow-artifacts:/1"}'
            elif "mlflow-artifacts" in self.path:
                listed = ",".join(f'{{"path": "{self.pages}-{n}", "is_dir": true}}' for n in range(1000))
                body = f'{{"files": [{listed}]}}'
            else:
                body = page.replace("%d", str(self.pages)) + "</ListBucketResult>"
            self.send_response(404 if self.command == "HEAD" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body.encode())

        do_HEAD = do_GET  # noqa: N815 - the name is that of the standard library

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield address, address
        server.shutdown()
