"""Whether a pod template has the shape that is relied on here; the rest of it the API server checks. Pure.

Nothing looks into a PodTemplateSpec before: in the resource it is an object with unknown fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelprofiler.api.quantities import Quantity
from modelprofiler.errors import Problem

ROOT = "spec.server.template"

_POD: dict[str, type] = {
    "metadata": dict,
    "metadata.annotations": dict,
    "spec": dict,
    "spec.nodeSelector": dict,
    "spec.volumes": list,
    "spec.initContainers": list,
    "spec.containers": list,
    "spec.overhead": dict,
}
_CONTAINER: dict[str, type] = {
    "env": list,
    "volumeMounts": list,
    "securityContext": dict,
    "securityContext.capabilities": dict,
    "securityContext.capabilities.add": list,
    "resources": dict,
    "resources.requests": dict,
    "resources.limits": dict,
}


def problems(template: dict[str, Any] | None) -> list[Problem]:
    """Return what is not an object, a list or a quantity where one is needed."""
    if template is None:
        return []
    found = list(_misshapen(template, _POD, ROOT))
    if found:
        return found
    pod = template.get("spec") or {}
    found += _amounts(pod.get("overhead"), f"{ROOT}.spec.overhead")
    for group in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(group) or []):
            path = f"{ROOT}.spec.{group}[{number}]"
            if not isinstance(container, dict):
                found.append(Problem(path, f"must be an object, not {container!r:.80}"))
                continue
            wrong = list(_misshapen(container, _CONTAINER, path))
            found += wrong
            resources = {} if wrong else container.get("resources") or {}
            for kind in ("requests", "limits"):
                found += _amounts(resources.get(kind), f"{path}.resources.{kind}")
    return found


def _misshapen(value: dict[str, Any], shapes: dict[str, type], path: str) -> Iterator[Problem]:
    for where, kind in shapes.items():
        inner: Any = value
        for name in where.split("."):
            inner = inner.get(name) if isinstance(inner, dict) else None
        if inner is not None and not isinstance(inner, kind):
            wanted = "an object" if kind is dict else "a list"
            yield Problem(f"{path}.{where}", f"must be {wanted}, not {inner!r:.80}")


def _amounts(amounts: dict[str, Any] | None, path: str) -> Iterator[Problem]:
    for resource, amount in (amounts or {}).items():
        try:
            Quantity(amount)
        except ValueError as error:
            yield Problem(f"{path}.{resource}", str(error))
