"""Headers whose values are in Secrets, as variables of the pods that send or check them."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.load.secret_headers import VARIABLE, secret_headers


def header_variables(spec: ModelProfileSpec) -> list[Object]:
    """Return the variables; a Secret that is not there keeps no pod from starting, which then says so itself."""
    return [
        {
            "name": f"{VARIABLE}{number}",
            "valueFrom": {"secretKeyRef": {"name": place.name, "key": place.key, "optional": True}},
        }
        for number, place in secret_headers(spec.endpoint.http).items()
    ]


def add_header_variables(spec: ModelProfileSpec, container: Object) -> None:
    """Give a container the variables, if there are any."""
    if variables := header_variables(spec):
        container["env"] = [*(container.get("env") or []), *variables]
