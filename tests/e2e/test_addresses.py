"""Datasets and models from addresses: an https server with a private CA, and one that speaks S3, inside the cluster."""

import base64
import json
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.e2e.support import ONE_SIZE, Object, Profile, Run, cost_profile

ROWS = "".join(f"{number}\n" for number in range(20))
TOKEN = "let-me-in"
PORT = 8443

SERVER = """
import http.server, ssl

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != "Bearer let-me-in":
            self.send_error(403)
            return
        super().do_GET()

server = http.server.ThreadingHTTPServer(("", 8443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Address:
    """Where the server is, and its certificate, which is its own CA."""

    host: str
    certificate: str
    key: str


@pytest.fixture(scope="module")
def address(kubectl: Run, module_namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Address:
    """Make the server's Service, whose address is known before the server runs; the local cluster has no DNS."""
    spec = {"selector": {"app": "files"}, "ports": [{"port": PORT}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "files"}, "spec": spec}
    created = kubectl("--namespace", module_namespace, "create", "-f", "-", "-o", "json", input=json.dumps(service))
    host = json.loads(created.stdout)["spec"]["clusterIP"]
    stem = tmp_path_factory.mktemp("tls") / "server"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=files"
        f" -addext subjectAltName=IP:{host} -keyout {stem}.key -out {stem}.crt"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    crt, key = (stem.with_suffix(suffix).read_text(encoding="ascii") for suffix in (".crt", ".key"))
    return Address(host, crt, key)


@pytest.fixture(scope="module")
def files(kubectl: Run, module_namespace: str, address: Address) -> Address:
    """Serve the rows over https to requests with the token."""
    pair = {"tls.key": address.key, "tls.crt": address.certificate}
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in pair.items()}
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "files",
                "image": "modelprofiler/scoring-server:dev",
                "imagePullPolicy": "IfNotPresent",
                "command": ["python", "-c", SERVER],
                "workingDir": "/files",
                "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                "securityContext": restricted,
                "volumeMounts": [
                    {"name": "files", "mountPath": "/files", "readOnly": True},
                    {"name": "tls", "mountPath": "/tls", "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "files", "configMap": {"name": "rows"}},
            {"name": "tls", "secret": {"secretName": "tls"}},
        ],
    }
    documents: list[Object] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rows"}, "data": {"rows.txt": ROWS}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, "data": encoded},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "token"},
            "stringData": {"Authorization": f"Bearer {TOKEN}"},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "files", "labels": {"app": "files"}}, "spec": pod},
    ]
    kubectl("--namespace", module_namespace, "create", "-f", "-", input="\n".join(map(json.dumps, documents)))
    kubectl("--namespace", module_namespace, "wait", "pod/files", "--for=condition=Ready", "--timeout=60s", timeout=70)
    wait_until_open(address.host)
    return address


def wait_until_open(host: str) -> None:
    """Wait until the Service leads to the pod, which kube-proxy learns a moment after the pod is ready.

    Where the tests cannot reach the Service's address, they give it as long.
    """
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, PORT), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return


def from_address(name: str, host: str, file: str = "rows.txt", **source: str) -> Object:
    """Return a profile whose rows come from the server."""
    uri = {"uri": f"https://{host}:{PORT}/{file}"} | source
    return cost_profile(name, dataset={"source": {"uri": uri}}, resources=ONE_SIZE)


def test_rows_come_from_an_https_server_with_a_private_ca_and_a_token(
    apply: Callable[[Object, str], Profile], module_namespace: str, files: Address
) -> None:
    """The token is a header from a Secret; neither status nor report contains it."""
    profile = apply(
        from_address("by-address", files.host, caBundle=files.certificate, secretRef="token"), module_namespace
    )
    status = profile.succeeded()
    assert status.dataset is not None
    assert 20 == status.dataset.rows
    assert TOKEN not in json.dumps(profile.fetch())
    assert TOKEN not in json.dumps(profile.report())


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("no-token", {}, "403"),
        ("no-ca", {"secretRef": "token"}, "certificate"),
        ("no-secret", {"secretRef": "none"}, "the Secret of secretRef does not exist"),
        ("no-file", {"secretRef": "token", "file": "none.txt"}, "404"),
    ],
)
def test_what_cannot_be_downloaded_is_refused_before_a_server_starts(
    apply: Callable[[Object, str], Profile],
    module_namespace: str,
    files: Address,
    name: str,
    source: dict[str, str],
    sentence: str,
) -> None:
    """With the field's path and the server's status, and without the token."""
    bundle = {} if name == "no-ca" else {"caBundle": files.certificate}
    profile = apply(from_address(name, files.host, **bundle, **source), module_namespace)
    status = profile.wait_for("Accepted", "False")
    message = next(c.message for c in status.conditions if c.type == "Accepted")
    assert "spec.dataset.source.uri" in message
    assert sentence in message
    assert TOKEN not in message
    assert not profile.children("deployments,services")
