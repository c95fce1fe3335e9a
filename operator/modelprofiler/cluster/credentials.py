"""What is needed to log in to the API server. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Credentials:
    """How to reach and log in to the API server."""

    server: str
    ca_file: str | None
    token: str | None
    certificate_file: str | None
    key_file: str | None
