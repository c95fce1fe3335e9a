"""Files of addresses, fetched from real servers by the command that pods run."""

import http.server
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from modelprofiler.files.fetch.apart import CA_VARIABLE

SECRET = "correct-horse-battery"


def fetch(uri: str, folder: Path, secret: dict[str, str] | None = None, ca: str = "") -> tuple[int, str]:
    """Run the command; return its exit code and what it says, which never has a credential."""
    arguments = [sys.executable, "-m", "modelprofiler", "fetch", uri, "--to", str(folder / "files")]
    if secret is not None:
        keys = folder / "secret"
        keys.mkdir()
        for key, value in secret.items():
            (keys / key).write_text(value)
        arguments += ["--credentials", str(keys)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), CA_VARIABLE: ca}
    ended = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    output = ended.stdout + ended.stderr
    assert SECRET not in output
    assert "Traceback" not in output
    return ended.returncode, output


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """Return the Secret for a server of S3 with three objects in a bucket."""
    import boto3  # type: ignore[import-untyped]

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    secret = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    client = boto3.client(
        "s3",
        endpoint_url=secret["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="data")
    for key, body in (("rows.jsonl", b"{}\n"), ("model/a.bin", b"a" * 9_000_000), ("model/sub/b.bin", b"b")):
        client.put_object(Bucket="data", Key=key, Body=body)
    client.close()
    yield secret
    server.stop()


def test_an_object_and_a_folder_of_s3(s3: dict[str, str], tmp_path: Path) -> None:
    """As they are in the bucket."""
    one, many = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    many.mkdir()
    assert (0, "") == fetch("s3://data/rows.jsonl", one, s3)
    assert b"{}\n" == (one / "files" / "rows.jsonl").read_bytes()
    assert (0, "") == fetch("s3://data/model", many, s3)
    assert b"a" * 9_000_000 == (many / "files" / "a.bin").read_bytes()
    assert b"b" == (many / "files" / "sub" / "b.bin").read_bytes()


def test_what_is_not_in_s3_is_named(s3: dict[str, str], tmp_path: Path) -> None:
    """With the address, and without the credentials."""
    code, output = fetch("s3://data/nothing", tmp_path, s3)
    assert 1 == code
    assert "s3://data/nothing does not exist" in output


class _Handler(http.server.BaseHTTPRequestHandler):
    """Has a file for those who have the header, and a redirect to another server."""

    elsewhere = ""
    requests: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers["Authorization"]))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.send_header("Content-Length", "0")
        elif self.path == "/open.txt" or self.headers["Authorization"] == SECRET:
            self.send_response(200)
            self.send_header("Content-Length", "4")
        else:
            self.send_response(403)
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.path != "/away":
            self.wfile.write(b"rows")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(folder: Path, elsewhere: str = "") -> Iterator[tuple[str, list[tuple[str, str | None]], str]]:
    """Serve with a certificate that only its own CA vouches for: (address, requests, CA)."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {folder}/key.pem -out {folder}/ca.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    requests: list[tuple[str, str | None]] = []
    handler = type("Handler", (_Handler,), {"elsewhere": elsewhere, "requests": requests})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", requests, (folder / "ca.pem").read_text()
        server.shutdown()
        thread.join(10)


def test_https_with_its_own_ca_and_headers(tmp_path: Path) -> None:
    """Access is denied without the header, and nothing is read from a server that nobody vouches for."""
    with serving(tmp_path) as (address, _, ca):
        for name, secret, authority, message in (
            ("good", {"Authorization": SECRET}, ca, ""),
            ("denied", None, ca, "is denied (status 403)"),
            ("unknown", {"Authorization": SECRET}, "", "certificate verify failed"),
        ):
            folder = tmp_path / name
            folder.mkdir()
            code, output = fetch(f"{address}/rows.txt?token=x", folder, secret, authority)
            assert (0 if name == "good" else 1) == code, output
            assert message in output
            assert "token=x" not in output
        assert b"rows" == (tmp_path / "good" / "files" / "rows.txt").read_bytes()


def test_a_redirect_carries_no_credential_to_another_origin(tmp_path: Path) -> None:
    """The other server gets the request without the header; the first one's own gets it."""
    second = tmp_path / "second"
    second.mkdir()
    with (
        serving(tmp_path) as (other, seen_there, ca_there),
        serving(second, f"{other}/open.txt") as (address, seen_here, ca_here),
    ):
        code, output = fetch(f"{address}/away", tmp_path, {"Authorization": SECRET}, ca_here + ca_there)
    assert 0 == code, output
    assert [("/away", SECRET)] == seen_here
    assert [("/open.txt", None)] == seen_there


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    """Its volume is empty then."""
    code, output = fetch("s3://data/rows.jsonl", tmp_path, {})
    assert 1 == code
    assert "the Secret of secretRef does not exist, or has no keys" in output
