"""Certificates that a profile brings for its endpoint."""

from __future__ import annotations

import ssl

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import Problem


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
