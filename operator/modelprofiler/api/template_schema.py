"""The part of a pod template that the CRD describes; the rest of it is an object with unknown fields."""

from __future__ import annotations

from typing import Any


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string"}


def _texts(description: str, item: str) -> dict[str, Any]:
    return {"description": description, "type": "array", "items": _text(item)}


def _loose(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object of which only some fields are described."""
    return {
        "description": description,
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": properties,
    }


def _containers(description: str) -> dict[str, Any]:
    variable = _loose("A variable.", name=_text("Its name."), value=_text("Its value, in quotes."))
    container = _loose(
        "A container.",
        command=_texts("The command, as a list.", "The program, or one of its arguments."),
        args=_texts("Further arguments, as a list.", "An argument."),
        env={"description": "Environment variables.", "type": "array", "items": variable},
    )
    return {"description": description, "type": "array", "items": container}


SCHEMA: dict[str, Any] = {
    "spec": _loose(
        "The spec of the pod, as in a Pod.",
        containers=_containers("The containers, as in a Pod."),
        initContainers=_containers("The init containers, as in a Pod."),
    )
}
"""The fields of a template that YAML most often gets wrong, for the CRD: a number or a boolean as the value of a
variable, a command as one text. Without it the API server would take them, and refuse each pod of the Deployment."""
