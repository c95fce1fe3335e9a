"""Values of headers that are in Secrets of the same file, for a load that this machine sends."""

from __future__ import annotations

from modelprofiler.errors import Problem
from modelprofiler.files.document import Document
from modelprofiler.files.sources import MissingObject
from modelprofiler.load.secret_headers import header_problems, secret_headers


def header_values(document: Document) -> dict[str, str]:
    """Return the values that the Secrets of a file have, by the numbers of their headers."""
    values = {}
    for number, place in secret_headers(document.profile.spec.endpoint.http).items():
        content = document.secrets.get(place.name, {}).get(place.key)
        if content is not None:
            values[number] = content.decode(errors="surrogateescape").strip()
    return values


def secret_header_problems(document: Document) -> list[Problem]:
    """Return what keeps the headers of a file from being sent."""
    endpoint = document.profile.spec.endpoint.http
    places = secret_headers(endpoint)
    problems: list[Problem] = []
    for problem in header_problems(endpoint, header_values(document)):
        name = next(place.name for number, place in places.items() if f"[{number}]" in problem.path)
        message = f"{problem.message} in the file"
        problems.append(MissingObject(problem.path, message, "Secret", name) if problem.missing else problem)
    return problems
