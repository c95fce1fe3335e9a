"""Headers whose values are in Secrets: which a profile has, whether they can be sent, and an endpoint with them.

The values reach the load in variables of its pod, or on the standard input of its process. They are in no profile, no
configuration in a cluster, and no message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelprofiler.api.endpoint import HttpEndpoint, SecretKey
from modelprofiler.errors import Problem

PATH = "spec.endpoint.http.headers"

VARIABLE = "MODELPROFILER_HEADER_"
"""Name of the variable with the value of a header, before its number in the profile."""

LONGEST_VALUE = 8192
"""Characters of a value, as of one that is in the profile: servers take headers of 8 KiB together by default."""

_SENDABLE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]+")
"""Matches what a header may have: text in one line. A surrogate stands for a byte that is not UTF-8."""


@dataclass(frozen=True, slots=True)
class SecretProblem(Problem):
    """Why something in a Secret cannot be used; `missing` where there is no such Secret or key."""

    missing: bool
    secret: str = ""
    """Name of the Secret."""


def secret_headers(endpoint: HttpEndpoint) -> dict[str, SecretKey]:
    """Return the headers whose values are in Secrets: the number of each in the profile, and where its value is."""
    sources = ((str(number), header.value_from) for number, header in enumerate(endpoint.headers))
    return {number: source.secret_key_ref for number, source in sources if source is not None}


def values_in(endpoint: HttpEndpoint, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values that variables have, by the numbers of their headers."""
    numbers = secret_headers(endpoint)
    return {n: environment[VARIABLE + n].strip() for n in numbers if VARIABLE + n in environment}


def header_problems(endpoint: HttpEndpoint, values: Mapping[str, str]) -> Iterator[SecretProblem]:
    """Yield what keeps headers from being sent; no message contains anything of a value."""
    for number, place in secret_headers(endpoint).items():
        path = f"{PATH}[{number}].valueFrom.secretKeyRef"
        value = values.get(number)
        where = f"key {place.key!r} of Secret {place.name!r}"
        if value is None:
            message = f"there is no Secret {place.name!r} with the key {place.key!r}"
            yield SecretProblem(path, message, missing=True, secret=place.name)
        elif not value:
            yield SecretProblem(path, f"{where} is empty", missing=False, secret=place.name)
        elif len(value) > LONGEST_VALUE:
            message = f"{where} has more than {LONGEST_VALUE:,} characters"
            yield SecretProblem(path, message, missing=False, secret=place.name)
        elif not _SENDABLE.fullmatch(value):
            message = f"{where} is not a text in one line of UTF-8, as the value of a header has to be"
            yield SecretProblem(path, message, missing=False, secret=place.name)


def filled(endpoint: HttpEndpoint, values: Mapping[str, str]) -> HttpEndpoint:
    """Return an endpoint whose headers all have values; there are no problems with them."""
    headers = [
        header.model_copy(update={"value": header.value_from.prefix + values[str(number)], "value_from": None})
        if header.value_from is not None
        else header
        for number, header in enumerate(endpoint.headers)
    ]
    return endpoint.model_copy(update={"headers": headers})
