"""Files of object stores of Google's and Azure's kind, ``gs://`` and ``abfs://``, from real servers of them."""

from __future__ import annotations

import base64
import http.server
import json
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.integration.files.stores import behind_tls, files_in, program, running
from tests.integration.files.test_fetch import SECRET, fetch
from tests.ports import unused_port

pytestmark = pytest.mark.timeout(150)

FILES = {
    "rows.jsonl": b"{}\n",
    "model/a.bin": b"a" * 9_000_000,
    "model/sub/b c#%+.bin": b"b",
    "model/empty.txt": b"",
    "modelling/other.bin": b"o",
}
ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key of sixty-four bytes, as the accounts of the store have them").decode()
EXPECTED = {
    "rows.jsonl": {"rows.jsonl": 3},
    "model": {"a.bin": 9_000_000, "sub/b c#%+.bin": 1, "empty.txt": 0},
    "model/": {"a.bin": 9_000_000, "sub/b c#%+.bin": 1, "empty.txt": 0},
    "model/empty.txt": {"empty.txt": 0},
    "": {name: len(content) for name, content in FILES.items()},
}
"""Path in the bucket, and what is fetched."""


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a store that has a bucket with files: its port."""
    port, folder = unused_port(), tmp_path_factory.mktemp("google")
    base = f"http://127.0.0.1:{port}"
    with running([program("servers"), "gcs", str(port), str(folder / "objects")], port, folder):
        requests.post(f"{base}/storage/v1/b", json={"name": "data"}, timeout=30).raise_for_status()
        for name, content in {**FILES, "model/": b""}.items():  # consoles make an empty object for a folder
            url = f"{base}/upload/storage/v1/b/data/o?uploadType=media&name={urllib.parse.quote(name, safe='')}"
            requests.post(url, data=content, timeout=30).raise_for_status()
        yield port


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a store that has a container with files: its port."""
    from azure.storage.blob import BlobServiceClient

    port, folder = unused_port(), tmp_path_factory.mktemp("azure")
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder), "--silent"]
    # Its client is newer than the store, and names a version of the API that the store does not know.
    command = ["node", program("azurite"), *options, "--skipApiVersionCheck", "--disableTelemetry"]
    with running(["env", f"AZURITE_ACCOUNTS={ACCOUNT}:{KEY}", *command], port, folder):
        with BlobServiceClient.from_connection_string(connection(f"http://127.0.0.1:{port}")) as service:
            container = service.create_container("data")
            for name, content in FILES.items():
                container.upload_blob(name, content)
        yield port


def connection(address: str, key: str = KEY) -> str:
    """Return the connection string of the store."""
    protocol = address.partition(":")[0]
    return (
        f"DefaultEndpointsProtocol={protocol};AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={address}/{ACCOUNT};"
    )


@pytest.mark.parametrize("path", EXPECTED)
def test_a_file_a_folder_and_a_bucket_of_google(google: int, tmp_path: Path, path: str) -> None:
    """As they are in the bucket; what only begins with the same letters is another folder."""
    keys = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{google}", "NO_GCE_CHECK": "true"}
    assert (0, "") == fetch(f"gs://data/{path}", tmp_path, keys)
    assert EXPECTED[path] == files_in(tmp_path)


@pytest.mark.parametrize("path", EXPECTED)
def test_a_file_a_folder_and_a_container_of_azure(azure: int, tmp_path: Path, path: str) -> None:
    """By a connection string."""
    keys = {"AZURE_STORAGE_CONNECTION_STRING": connection(f"http://127.0.0.1:{azure}")}
    assert (0, "") == fetch(f"abfs://data/{path}", tmp_path, keys)
    assert EXPECTED[path] == files_in(tmp_path)


@pytest.mark.parametrize("path", ["data/nothing", "data/mod", "other/rows.jsonl"])
def test_what_is_not_there_is_named(google: int, azure: int, tmp_path: Path, path: str) -> None:
    """A path, the beginning of one, a bucket."""
    keys = {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{google}",
        "NO_GCE_CHECK": "true",
        "AZURE_STORAGE_CONNECTION_STRING": connection(f"http://127.0.0.1:{azure}"),
    }
    for scheme in ("gs", "abfs"):
        place = tmp_path / scheme
        place.mkdir()
        assert (1, f"modelprofiler: {scheme}://{path} does not exist\n") == fetch(f"{scheme}://{path}", place, keys)


def test_a_wrong_key_of_azure_is_denied(azure: int, tmp_path: Path) -> None:
    """With the status, and without the key; one that is no key at all is said to be none."""
    wrong = base64.b64encode(b"another key of sixty-four bytes, which the account does not have.").decode()
    for name, key, says in (
        ("wrong", wrong, "access to abfs://data/rows.jsonl is denied (status 403)"),
        ("broken", f"{SECRET}-is-no-key", "abfs://data/rows.jsonl cannot be read"),
    ):
        place = tmp_path / name
        place.mkdir()
        keys = {"AZURE_STORAGE_CONNECTION_STRING": connection(f"http://127.0.0.1:{azure}", key)}
        code, output = fetch("abfs://data/rows.jsonl", place, keys)
        assert 1 == code
        assert says in output
        assert key not in output
        assert 1 == output.count("\n")


def test_stores_with_tls_and_their_own_ca(google: int, azure: int, tmp_path: Path) -> None:
    """Nothing is read from a server that nobody vouches for."""
    with behind_tls(google, tmp_path / "g") as (gs, gs_ca), behind_tls(azure, tmp_path / "a") as (abfs, abfs_ca):
        for uri, keys, authority in (
            ("gs://data/rows.jsonl", {"STORAGE_EMULATOR_HOST": gs, "NO_GCE_CHECK": "true"}, gs_ca),
            ("abfs://data/rows.jsonl", {"AZURE_STORAGE_CONNECTION_STRING": connection(abfs)}, abfs_ca),
        ):
            place = tmp_path / uri[:2]
            place.mkdir()
            assert (0, "") == fetch(uri, place, keys, authority)
            assert {"rows.jsonl": 3} == files_in(place)


@contextmanager
def issuing(asked: list[str]) -> Iterator[str]:
    """Serve as Google's server that issues tokens for keys: its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            body = json.dumps({"access_token": SECRET, "expires_in": 3600, "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


def test_a_key_file_of_google_is_used(google: int, tmp_path: Path) -> None:
    """A token is asked for with it; a file that is no key is said to be none, instead of reading without it."""
    asked: list[str] = []
    private = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, timeout=60, check=True)
    with issuing(asked) as tokens:
        key = {
            "type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": private.stdout,
            "client_email": "reader@p.iam.test", "client_id": "1", "token_uri": tokens,
        }  # fmt: skip
        for name, content in (("good", json.dumps(key)), ("bad", '{"type": "service_account"}')):
            place = tmp_path / name
            place.mkdir()
            keys = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{google}", "key.json": content}
            code, output = fetch("gs://data/rows.jsonl", place, keys)
            assert (0 if name == "good" else 1) == code, output
    assert 1 == len(asked)
    assert "gs://data/rows.jsonl cannot be read with the keys of the Secret: DefaultCredentialsError" in output
