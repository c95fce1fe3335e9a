"""Certificates that a profile brings for its endpoint: those by which the server is verified, and one for the client.

A client's certificate and its key reach the load in the same way as values of headers that are in Secrets: in variables
of its pod, or on the standard input of its process.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import Problem
from modelprofiler.load.secret_headers import SecretProblem, secret_headers

CLIENT_PATH = "spec.endpoint.http.tls.clientCertificate.secretName"

PAIR: Mapping[str, str] = MappingProxyType(
    {"tls.crt": "MODELPROFILER_CLIENT_CERTIFICATE", "tls.key": "MODELPROFILER_CLIENT_KEY"}
)
"""Keys of a Secret of type kubernetes.io/tls, and the variables with their contents."""

LONGEST_PEM = 65_536
"""Characters of either, as of a bundle of authorities: a chain of a few certificates has some 8,000."""

_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)


def certificate_problems(spec: ModelProfileSpec) -> list[Problem]:
    """Return what is wrong with ``endpoint.http.tls.caBundle``; empty where there is none, or it can be read."""
    tls = spec.endpoint.http.tls
    if tls is None:
        return []
    path = "spec.endpoint.http.tls.caBundle"
    if not tls.ca_bundle.isascii():  # OpenSSL takes ASCII text alone; a bundle may have other characters in comments
        return [Problem(path, "contains characters other than ASCII; keep the certificates and remove the comments")]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=tls.ca_bundle)
    except (ssl.SSLError, ValueError) as error:
        return [Problem(path, f"contains a certificate that cannot be read: {error}")]
    return []


def client_secret(endpoint: HttpEndpoint) -> str | None:
    """Return the name of the Secret with the client's certificate; None where none is presented."""
    if endpoint.tls is None or endpoint.tls.client_certificate is None:
        return None
    return endpoint.tls.client_certificate.secret_name


def has_secrets(endpoint: HttpEndpoint) -> bool:
    """Whether anything that the endpoint needs is in Secrets."""
    return bool(secret_headers(endpoint)) or client_secret(endpoint) is not None


def pair_in(endpoint: HttpEndpoint, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the client's certificate and key from variables, by the keys of the Secret."""
    if client_secret(endpoint) is None:
        return {}
    return {key: environment[variable] for key, variable in PAIR.items() if variable in environment}


def pair_problems(endpoint: HttpEndpoint, pair: Mapping[str, str]) -> Iterator[SecretProblem]:
    """Yield what keeps the client's certificate from being presented; no message contains anything of the key."""
    secret = client_secret(endpoint)
    if secret is None:
        return
    missing = [key for key in PAIR if key not in pair]
    for key in missing:
        yield SecretProblem(CLIENT_PATH, f"there is no Secret {secret!r} with the key {key!r}", True, secret)
    if not missing and (problem := _unusable(pair["tls.crt"], pair["tls.key"])):
        yield SecretProblem(CLIENT_PATH, f"Secret {secret!r}: {problem}", False, secret)


def _unusable(certificate: str, key: str) -> str:
    """Return why a certificate and a key cannot be presented; empty where they can."""
    if "-----BEGIN CERTIFICATE-----" not in certificate:
        return "tls.crt has no certificate in PEM"
    if "PRIVATE KEY-----" not in key:
        return "tls.key has no private key in PEM"
    if max(len(certificate), len(key)) > LONGEST_PEM:
        return f"tls.crt or tls.key has more than {LONGEST_PEM:,} characters"
    if _ENCRYPTED.search(key):
        return "tls.key is encrypted; use a key without a password, as nobody can enter one"
    try:
        present(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), {"tls.crt": certificate, "tls.key": key})
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "tls.key is not the key of the certificate in tls.crt"
        return f"tls.crt and tls.key cannot be used ({(error.reason or 'PEM').lower().replace('_', ' ')})"
    except (OSError, ValueError):  # such as a character that is not ASCII
        return "tls.crt and tls.key cannot be read as PEM"
    return ""


def present(context: ssl.SSLContext, pair: Mapping[str, str]) -> None:
    """Let a context present a client's certificate.

    OpenSSL reads certificates only from files. This one has no name and is in memory, since the key must not be on a
    disk.

    Raises
    ------
    ssl.SSLError, OSError, ValueError
        The certificate or the key cannot be used.
    """
    descriptor = os.memfd_create("client-certificate")
    try:
        content = f"{pair['tls.crt']}\n{pair['tls.key']}\n".encode()
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
    finally:
        os.close(descriptor)
