"""What an endpoint has in Secrets (values of headers, a client's certificate), as variables of the pods that use it."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.load.secret_headers import VARIABLE, secret_headers
from modelprofiler.load.tls import PAIR, client_secret


def header_variables(spec: ModelProfileSpec) -> list[Object]:
    """Return the variables; a Secret that is not there keeps no pod from starting, which then says so itself."""
    headers = secret_headers(spec.endpoint.http).items()
    variables = [(f"{VARIABLE}{number}", place.name, place.key) for number, place in headers]
    if (secret := client_secret(spec.endpoint.http)) is not None:
        variables += [(variable, secret, key) for key, variable in PAIR.items()]
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": name, "key": key, "optional": True}}}
        for variable, name, key in variables
    ]


def add_header_variables(spec: ModelProfileSpec, container: Object) -> None:
    """Give a container the variables, if there are any."""
    if variables := header_variables(spec):
        container["env"] = [*(container.get("env") or []), *variables]
