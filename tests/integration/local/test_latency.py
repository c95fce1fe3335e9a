"""``modelprofiler run --url`` against real servers that somebody else has started."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.ports import unused_port

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import InvalidInput
from modelprofiler.files.overrides import Overrides
from modelprofiler.files.running_server import running_server
from modelprofiler.local.latency import LatencySession
from modelprofiler.report.latency import LatencyMeasurement, ObjectiveState

pytestmark = pytest.mark.timeout(120)

PROFILE = """\
apiVersion: modelprofiler.io/v1alpha1
kind: ModelProfile
metadata: {name: remote}
spec:
  server: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: recommender}}
  endpoint: {http: {port: 1, path: /from-profile, headers: [{name: X-Key, value: k}]}}
  dataset: {source: {inline: "{}"}}
  load: {closedLoop: {concurrency: 2}, warmup: 0s, duration: 5s}
  objectives: {latency: {p50: 10s}, maxTimeToReady: 1m}
"""


class _Handler(BaseHTTPRequestHandler):
    """Answers each request at once, in one piece, and remembers its path and key."""

    protocol_version = "HTTP/1.1"
    body = b'{"y": 1}'
    delay = 0.0
    requests: set[tuple[str, str, str | None]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.add((self.command, self.path, self.headers["X-Key"]))
        time.sleep(self.delay)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        self.wfile.write(head.encode() + self.body)

    do_PUT = do_POST  # noqa: N815 - the name is that of the standard library

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients that do not trust the certificate, or speak no TLS, end their connections."""


@contextmanager
def serving(
    body: bytes = b'{"y": 1}', tls: ssl.SSLContext | None = None, delay: float = 0.0
) -> Iterator[tuple[int, set[Any]]]:
    """Serve on a port of this machine; yield it, and what was asked for."""
    requests: set[Any] = set()
    with _Server(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"body": body, "requests": requests, "delay": delay})
    ) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server.server_port, requests
        server.shutdown()
        thread.join(10)


def options(tmp_path: Path, rows: str = '{"x": 1}\n{"x": 2}\n', **other: Any) -> Overrides:
    """Return options that say everything; the load is as short as it may be."""
    file = tmp_path / "rows.txt"
    file.write_text(rows)
    values: dict[str, Any] = {"rate": "40", "latency": ("p95=5s",), "warmup": "0s", "duration": "5s", **other}
    return Overrides(dataset=str(file), **values)


def measured(
    url: str, overrides: Overrides, file: Path | None = None, ca: Path | None = None, maximum: int = 10**6
) -> LatencyMeasurement:
    """Measure a server."""
    server = running_server(url, str(file) if file else None, overrides, ca_bundle=ca)
    return LatencySession(server, maximum, lambda _: None).run()


def test_the_latency_of_a_running_server_and_nothing_else(tmp_path: Path) -> None:
    """With intervals, the rate, the kinds of answers, the rows, and whether the objective is met."""
    with serving() as (port, requests):
        overrides = options(tmp_path, method="PUT", path="/v1/predict?k=v")
        result = measured(f"http://127.0.0.1:{port}/ignored", overrides)
    assert {("PUT", "/v1/predict?k=v", None)} == requests
    assert (ObjectiveState.MET, True) == (result.state, result.certain)
    load = result.load
    assert load is not None
    assert load.latency.p95 is not None
    assert load.latency_low.p95 is not None
    assert (0, 2, 2) == (load.failures, load.rows_covered, load.distinct_rows)
    text = result.to_text()
    assert text.startswith("Latency only: ")
    assert f"server      http://127.0.0.1:{port}/v1/predict\n" in text
    for part in (
        "objectives  met: ",
        "95% interval",
        "requests/s completed",
        "with status 200",
        "2 of 2 distinct",
    ):
        assert part in text
    data = json.dumps(result.to_dict())
    assert "Verified" not in text + data
    assert "recommendation" not in data
    assert result.to_dict()["scope"].startswith("Latency only: ")


def test_a_profile_says_what_is_sent_and_its_server_is_not_started(tmp_path: Path) -> None:
    """Whatever kind of server it has; the output says so, and which objectives a load cannot judge."""
    file = tmp_path / "profile.yaml"
    file.write_text(PROFILE)
    with serving() as (port, requests):
        result = measured(f"http://localhost:{port}", Overrides(), file)
    assert {("POST", "/from-profile", "k")} == requests
    assert result.state is ObjectiveState.MET
    assert "the server of the profile (spec.server.workloadRef) was not started" in result.notes
    assert any("objectives.maxTimeToReady was not judged" in note for note in result.notes)
    assert result.message.endswith("within the objective of 1%; not judged: maxTimeToReady") or (
        result.message.endswith("within the objective of 10s; not judged: maxTimeToReady")
    )


SECRET = """\
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {key: "s3cr3t-key\\n"}
"""


def test_a_header_from_a_secret_of_the_file_is_sent_and_not_shown(tmp_path: Path) -> None:
    """Where the file has no such Secret, nothing is sent."""
    file = tmp_path / "profile.yaml"
    reference = "valueFrom: {secretKeyRef: {name: login, key: key}}"
    profile = PROFILE.replace("value: k", reference)
    file.write_text(profile + SECRET)
    with serving(b'{"your key": "s3cr3t-key"}') as (port, seen):
        result = measured(f"http://localhost:{port}", Overrides(), file)
        assert {("POST", "/from-profile", "s3cr3t-key")} == seen
        assert "s3cr3t" not in result.to_text() + json.dumps(result.to_dict())
        file.write_text(profile)
        with pytest.raises(InvalidInput, match=r"headers\[0\].valueFrom.secretKeyRef: there is no Secret 'login'"):
            measured(f"http://localhost:{port}", Overrides(), file)


def test_an_objective_that_is_missed(tmp_path: Path) -> None:
    """By the measured latency, for certain."""
    with serving(delay=0.1) as (port, _):
        result = measured(f"http://127.0.0.1:{port}/score", options(tmp_path, latency=("p95=5ms",)))
    assert (ObjectiveState.MISSED, True) == (result.state, result.certain)
    assert "over the objective of 5ms" in result.message


def test_answers_that_report_errors_meet_nothing(tmp_path: Path) -> None:
    """Their latency is not that of answers."""
    with serving(b'{"error": "no field x"}') as (port, _):
        result = measured(f"http://127.0.0.1:{port}/score", options(tmp_path))
    assert result.state is ObjectiveState.NOT_KNOWN
    assert "look like reports of errors; the latency is not that of answers" in result.message
    assert not any("size" in note for note in result.notes)


def test_a_closed_loop_ends_after_the_most_requests(tmp_path: Path) -> None:
    """A few more may be sent, because they are counted ten times a second; this many take longer than the warm-up."""
    with serving() as (port, _):
        began = time.monotonic()
        result = measured(
            f"http://127.0.0.1:{port}/score", options(tmp_path, rate=None, concurrency=1, duration="1h"), maximum=2_000
        )
        assert time.monotonic() - began < 60
    ended = [note for note in result.notes if "ended before its time, after 2,000 requests" in note]
    assert ended, f"{result.state} {result.message} {result.load}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Return a server's certificate, and the file of the private CA that it is its own."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {folder}/key.pem -out {folder}/ca.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context, folder / "ca.pem"


def test_https_with_a_private_authority(tmp_path: Path, certificate: tuple[ssl.SSLContext, Path]) -> None:
    """A server that nobody vouches for is not measured; where it speaks plain HTTP, the message says so."""
    context, authority = certificate
    with serving(tls=context) as (port, requests):
        unknown = measured(f"https://127.0.0.1:{port}/score", options(tmp_path))
        assert not requests
        trusted = measured(f"https://127.0.0.1:{port}/score", options(tmp_path), ca=authority)
        plain = measured(f"http://127.0.0.1:{port}/score", options(tmp_path))
    with serving() as (port, _):
        no_tls = measured(f"https://127.0.0.1:{port}/score", options(tmp_path))
    assert (ObjectiveState.NOT_KNOWN, None) == (unknown.state, unknown.load)
    assert "its certificate is not trusted: self-signed certificate; --ca-bundle names a file" in unknown.message
    assert trusted.state is ObjectiveState.MET
    assert plain.message.endswith("the port speaks TLS: write https:// in --url")
    assert no_tls.message.endswith("the port speaks no TLS: write http:// in --url")


def test_a_client_certificate_of_the_file_is_presented(
    tmp_path: Path, certificate: tuple[ssl.SSLContext, Path]
) -> None:
    """From its Secret of type kubernetes.io/tls; the server's authority comes from the option, as without it."""
    _, authority = certificate
    key = authority.with_name("key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    profile = yaml.safe_load(PROFILE)
    tls = {"caBundle": authority.read_text(), "clientCertificate": {"secretName": "client-tls"}}
    profile["spec"]["endpoint"]["http"] |= {"scheme": "HTTPS", "tls": tls}
    content = {"tls.crt": authority.read_text(), "tls.key": key.read_text()}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "client-tls"}}
    file = tmp_path / "profile.yaml"
    file.write_text(yaml.safe_dump_all([secret | {"stringData": content}, profile]))
    with serving(tls=context) as (port, _):
        presented = measured(f"https://127.0.0.1:{port}", Overrides(), file, ca=authority)
        file.write_text(yaml.safe_dump(profile))
        with pytest.raises(InvalidInput) as refused:
            measured(f"https://127.0.0.1:{port}", Overrides(), file)
    assert presented.state is ObjectiveState.MET, presented.message
    assert "there is no Secret 'client-tls' with the key 'tls.crt' in the file" in str(refused.value)


SERVER = f"""\
import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
from tests.integration.local.test_latency import _Handler, _Server
_Handler.requests = set()
_Server(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
"""


def wait_until_listening(port: int) -> None:
    """Wait for a server that was just started."""
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)
        else:
            return


def command(*arguments: str) -> subprocess.Popen[str]:
    """Start the command."""
    line = [sys.executable, "-m", "modelprofiler.cli", "run", "--wait", "100", *arguments]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_server_that_dies_meanwhile_is_named(tmp_path: Path) -> None:
    """With exit code 1 and one sentence; what it answered before is shown."""
    port, rows = unused_port(), tmp_path / "rows.txt"
    rows.write_text("{}\n")
    url = f"http://127.0.0.1:{port}/score"
    load = ("--url", url, "--dataset", str(rows), "--rate", "40", "--latency", "p95=5s", "--duration", "5s")
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)]) as server:
        wait_until_listening(port)
        process = command(*load, "--warmup", "0s", "--output", "json")
        assert process.stderr is not None
        try:
            while "the first request took" not in (line := process.stderr.readline()):
                assert line or process.poll() is None
            time.sleep(2)
        finally:
            server.kill()
        out, err = process.communicate(timeout=60)
    result = json.loads(out)["result"]
    assert (1, "Missed") == (process.returncode, result["objectives"]), err
    assert f"http://127.0.0.1:{port} answers no more; errorPercent is " in result["message"]
    assert "by refused" in result["message"]


def test_ctrl_c_ends_the_load(tmp_path: Path) -> None:
    """With an exit code of its own, one sentence, and nothing that still sends."""
    rows = tmp_path / "rows.txt"
    rows.write_text("{}\n")
    with serving() as (port, _):
        url = f"http://127.0.0.1:{port}/score"
        process = command("--url", url, "--dataset", str(rows), "--concurrency", "1", "--latency", "p95=5s")
        assert process.stderr is not None
        while "the first request took" not in (line := process.stderr.readline()):
            assert line or process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (130, "") == (process.returncode, out)
    assert err.endswith("modelprofiler: interrupted; the load has ended, and nothing of it is kept\n")
    assert "Traceback" not in err


def test_a_connection_that_is_refused_is_one_sentence(tmp_path: Path) -> None:
    """At once, with the address."""
    port = unused_port()
    result = measured(f"http://127.0.0.1:{port}/score", options(tmp_path))
    expected = f"http://127.0.0.1:{port} was not measured: no connection can be opened: Connection refused"
    assert (ObjectiveState.NOT_KNOWN, expected) == (result.state, result.message)


def test_the_spec_of_a_profile_stays_whole(tmp_path: Path) -> None:
    """Only the endpoint is another one."""
    file = tmp_path / "profile.yaml"
    file.write_text(PROFILE)
    spec: ModelProfileSpec = running_server("https://[::1]:9/x?y=z", str(file), Overrides()).spec
    endpoint = spec.endpoint.http
    assert ("HTTPS", 9, "/x?y=z", "X-Key") == (endpoint.scheme, endpoint.port, endpoint.path, endpoint.headers[0].name)
    assert spec.objectives.max_time_to_ready is not None
