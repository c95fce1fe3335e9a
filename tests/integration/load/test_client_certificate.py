"""A real server that demands a client's certificate, and what keeps one from being presented."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integration.load.conftest import serving

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.tls import pair_problems

SHORT = {"openLoop": {"rate": "50"}, "warmup": "0s", "duration": "5s"}
CRT, KEY = "tls.crt", "tls.key"
CERTIFICATE, PRIVATE_KEY = "MODELPROFILER_CLIENT_CERTIFICATE", "MODELPROFILER_CLIENT_KEY"


def pair_of(certificate: Path) -> dict[str, str]:
    """Return a certificate and its key, by the keys of a Secret."""
    return {CRT: Path(f"{certificate}.crt").read_text(), KEY: Path(f"{certificate}.key").read_text()}


@pytest.fixture(scope="module")
def client(other_certificate: Path) -> dict[str, str]:
    """Return a client's certificate and its key."""
    return pair_of(other_certificate)


@pytest.fixture(scope="module")
def demanding_server(certificate: Path, other_certificate: Path) -> Iterator[int]:
    """Return the port of a server that ends the connection of whoever has no certificate of the other authority."""
    with serving(str(certificate), f"{other_certificate}.crt") as port:
        yield port


@pytest.fixture
def result_of(
    demanding_server: int, certificate: Path, configuration: Callable[..., LoadConfig], tmp_path: Path
) -> Callable[..., LoadResult]:
    """Return a function that makes a load as a pod does, with these variables and fields."""

    def make(environment: dict[str, str], **more: Any) -> LoadResult:
        bundle = Path(f"{certificate}.crt").read_text()
        tls = {"caBundle": bundle, "clientCertificate": {"secretName": "client-tls"}}
        config = configuration(demanding_server, "keep_alive", SHORT, endpoint={"scheme": "HTTPS", "tls": tls})
        file, result = tmp_path / "config.json", tmp_path / "result"
        file.write_text(json.dumps(config.to_dict() | more))
        arguments = [sys.executable, "-m", "modelprofiler", "load", "--config", str(file), "--result", str(result)]
        subprocess.run(arguments, check=True, timeout=60, env=os.environ | environment, capture_output=True)
        return LoadResult.decode(result.read_text())

    return make


def test_a_server_that_demands_a_certificate_is_measured(
    result_of: Callable[..., LoadResult], client: dict[str, str]
) -> None:
    """The certificate is in variables of the pod, or in the configuration as on standard input."""
    in_variables = result_of({CERTIFICATE: client[CRT], PRIVATE_KEY: client[KEY] + "\n"})
    assert in_variables.status is not None, in_variables.message
    assert (0, True) == (in_variables.status.failures, in_variables.status.requests > 20)
    configured = result_of({}, clientCertificate=client)
    assert configured.status is not None, configured.message
    assert 0 == configured.status.failures


def test_a_certificate_of_another_authority_is_refused(result_of: Callable[..., LoadResult], certificate: Path) -> None:
    """The server closes the connection and does not say why."""
    result = result_of({}, clientCertificate=pair_of(certificate))
    assert ResultKind.SMOKE_FAILED is result.kind
    assert "was not answered: the server closed the connection" in result.message


def test_a_server_that_says_that_it_needs_a_certificate_is_quoted(
    load: Callable[..., LoadResult], certificate: Path, other_certificate: Path
) -> None:
    """By the alert with which it ends the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(f"{other_certificate}.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        tls = {"caBundle": Path(f"{certificate}.crt").read_text()}
        endpoint = {"scheme": "HTTPS", "tls": tls, "timeout": "10s"}
        result = load("x", {"openLoop": {"rate": "50"}}, port=server.server_address[1], endpoint=endpoint)
        server.shutdown()
        thread.join(5)
    assert ResultKind.SMOKE_FAILED is result.kind
    assert "certificate required" in result.message
    assert "name a Secret in endpoint.http.tls.clientCertificate" in result.message


def test_a_certificate_that_is_gone_is_named(result_of: Callable[..., LoadResult], client: dict[str, str]) -> None:
    """Nothing is sent to the server."""
    result = result_of({CERTIFICATE: client[CRT]})
    path = "spec.endpoint.http.tls.clientCertificate.secretName"
    message = f"{path}: there is no Secret 'client-tls' with the key 'tls.key'"
    assert (ResultKind.FAILED, message) == (result.kind, result.message)


def test_what_cannot_be_presented_is_refused_with_the_reason(
    client: dict[str, str], certificate: Path, tmp_path: Path
) -> None:
    """Before anything is sent, without a word of the key, and without asking anybody for a password."""
    tls = {"caBundle": "-----BEGIN CERTIFICATE-----", "clientCertificate": {"secretName": "client-tls"}}
    endpoint = HttpEndpoint.model_validate({"scheme": "HTTPS", "tls": tls})
    encrypted = tmp_path / "encrypted.key"
    command = f"openssl pkcs8 -topk8 -in {certificate}.key -out {encrypted} -passout pass:secret"
    subprocess.run(command.split(), check=True, capture_output=True)
    garbled = client[KEY].replace("\n", "\nAAAA", 2)
    for changes, says in (
        ({KEY: pair_of(certificate)[KEY]}, "tls.key is not the key of the certificate in tls.crt"),
        ({KEY: encrypted.read_text()}, "tls.key is encrypted; use a key without a password, as nobody can enter one"),
        ({KEY: garbled}, "cannot be used ("),
        ({KEY: ""}, "tls.key has no private key in PEM"),
        ({KEY: "\udcff" + client[KEY]}, "cannot be read as PEM"),
        ({CRT: client[KEY]}, "tls.crt has no certificate in PEM"),
        ({CRT: client[CRT] + "x" * 65_536}, "has more than 65,536 characters"),
    ):
        [problem] = pair_problems(endpoint, client | changes)
        assert "spec.endpoint.http.tls.clientCertificate.secretName" == problem.path
        assert says in problem.message
        assert not any(line in problem.message for line in client[KEY].splitlines()[1:-1])
    assert [] == list(pair_problems(endpoint, client))
    assert 2 == len(list(pair_problems(endpoint, {})))
