"""Values of headers, and a client's certificate, in Secrets of the same file, for a load that this machine sends."""

from __future__ import annotations

from modelprofiler.errors import Problem
from modelprofiler.files.document import Document
from modelprofiler.files.sources import MissingObject
from modelprofiler.load.secret_headers import header_problems, secret_headers
from modelprofiler.load.tls import PAIR, client_secret, pair_problems


def header_values(document: Document) -> dict[str, str]:
    """Return the values that the Secrets of a file have, by the numbers of their headers."""
    values = {}
    for number, place in secret_headers(document.profile.spec.endpoint.http).items():
        content = document.secrets.get(place.name, {}).get(place.key)
        if content is not None:
            values[number] = content.decode(errors="surrogateescape").strip()
    return values


def client_pair(document: Document) -> dict[str, str]:
    """Return the client's certificate and key that a Secret of a file has, by its keys."""
    secret = document.secrets.get(client_secret(document.profile.spec.endpoint.http) or "", {})
    return {key: secret[key].decode(errors="surrogateescape") for key in PAIR if key in secret}


def secret_header_problems(document: Document) -> list[Problem]:
    """Return what keeps the headers of a file, and a client's certificate, from being sent."""
    endpoint = document.profile.spec.endpoint.http
    problems: list[Problem] = []
    for problem in (
        *header_problems(endpoint, header_values(document)),
        *pair_problems(endpoint, client_pair(document)),
    ):
        message = f"{problem.message} in the file"
        problems.append(MissingObject(problem.path, message, "Secret", problem.secret) if problem.missing else problem)
    return problems
