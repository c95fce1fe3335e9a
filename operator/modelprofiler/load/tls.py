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
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=tls.ca_bundle)
    except (ssl.SSLError, ValueError) as error:
        return [Problem("spec.endpoint.http.tls.caBundle", f"contains a certificate that cannot be read: {error}")]
    return []
