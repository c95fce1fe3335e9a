"""The part of a pod template that the CRD describes; the rest of it is an object with unknown fields."""

from __future__ import annotations

from typing import Any


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string"}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that also takes null, which a field without a value is in YAML, and which a Pod takes."""
    return schema | {"nullable": True}


def _list(description: str, item: dict[str, Any]) -> dict[str, Any]:
    return _or_null({"description": description, "type": "array", "items": item})


def _loose(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object of which only some fields are described."""
    return {
        "description": description,
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": properties,
    }


def _containers(description: str) -> dict[str, Any]:
    variable = _loose("A variable.", name=_text("Its name."), value=_or_null(_text("Its value, in quotes.")))
    container = _loose(
        "A container.",
        command=_list("The command, as a list.", _text("The program, or one of its arguments.")),
        args=_list("Further arguments, as a list.", _text("An argument.")),
        env=_list("Environment variables.", variable),
    )
    return _list(description, container)


SCHEMA: dict[str, Any] = {
    "spec": _loose(
        "The spec of the pod, as in a Pod.",
        containers=_containers("The containers, as in a Pod."),
        initContainers=_containers("The init containers, as in a Pod."),
    )
}
"""The fields of a template that YAML most often gets wrong, for the CRD: a number or a boolean as the value of a
variable, a command as one text. Without it the API server would take them, and refuse each pod of the Deployment."""
