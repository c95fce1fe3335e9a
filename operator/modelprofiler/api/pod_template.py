"""The parts of the server's pod template that modelprofiler relies on; the API server checks the rest. Pure.

In the resource the template is an object with unknown fields, so nothing has checked its shape before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import Problem

ROOT = "spec.server.template"

Shape: TypeAlias = "type[str] | dict[str, Any] | list[Any]"

_KIND: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number"}

DEFAULT_CONTAINER = "server"
"""Name of the container that runs an entry script."""

_PROBE: Shape = {"httpGet": {"path": str, "scheme": str, "httpHeaders": [{"name": str, "value": str}]}}
_CONTAINER: Shape = {
    "name": str,
    "image": str,
    "command": [str],
    "args": [str],
    "workingDir": str,
    "env": [{"name": str, "value": str, "valueFrom": {"configMapKeyRef": {"name": str, "key": str}}}],
    "envFrom": [{"prefix": str, "configMapRef": {"name": str}}],
    "ports": [{"name": str}],
    "lifecycle": {},
    "volumeMounts": [{"name": str, "mountPath": str, "subPath": str}],
    "securityContext": {"capabilities": {"add": [str]}},
    "resources": {"requests": {}, "limits": {}},
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "livenessProbe": _PROBE,
}
_EXPRESSION: Shape = {"key": str, "operator": str, "values": [str]}
_TERM: Shape = {"matchExpressions": [_EXPRESSION], "matchFields": [_EXPRESSION]}
_GATE: Shape = {"conditionType": str}
_TERMS: Shape = {"nodeSelectorTerms": [_TERM]}
_TEMPLATE: Shape = {
    "metadata": {"annotations": {}, "labels": {}},
    "spec": {
        "readinessGates": [_GATE],
        "nodeName": str,
        "nodeSelector": {},
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]}}
        },
        "tolerations": [{"key": str, "operator": str, "value": str, "effect": str}],
        "volumes": [{"name": str, "configMap": {"name": str, "items": [{"key": str, "path": str}]}}],
        "initContainers": [_CONTAINER],
        "containers": [_CONTAINER],
        "overhead": {},
    },
}
"""The types of the fields that modelprofiler reads: text, an object with some fields, or a list of one shape."""


def container_name(spec: ModelProfileSpec) -> str:
    """Return the name of the profiled container."""
    if spec.server.container_name:
        return spec.server.container_name
    if spec.server.template is not None:
        containers = (spec.server.template.get("spec") or {}).get("containers") or [{}]
        return str(containers[0].get("name", DEFAULT_CONTAINER))
    return DEFAULT_CONTAINER


def problems(spec: ModelProfileSpec) -> list[Problem]:
    """Return the problems of a user's pod template, except for privileges: wrong types, or else missing fields."""
    template = spec.server.template
    return (misshapen(template) if template is not None else []) or _incomplete(spec)


def _incomplete(spec: ModelProfileSpec) -> list[Problem]:
    template = spec.server.template
    if template is None:
        name = spec.server.container_name
        if name not in (None, DEFAULT_CONTAINER):
            return [
                Problem(
                    "spec.server.containerName", f"an entryScript has one container, {DEFAULT_CONTAINER}, not {name}"
                )
            ]
        return []
    pod = template.get("spec")
    if not isinstance(pod, dict) or not isinstance(pod.get("containers"), list) or not pod["containers"]:
        return [Problem(f"{ROOT}.spec.containers", "a PodTemplateSpec needs at least one container")]
    problems = [
        Problem(f"{ROOT}.spec.containers[{i}]", "a container needs a name and an image")
        for i, c in enumerate(pod["containers"])
        if not isinstance(c, dict) or not c.get("name") or not c.get("image")
    ]
    names = [c.get("name") for c in pod["containers"] if isinstance(c, dict)]
    if spec.server.container_name and spec.server.container_name not in names:
        problems.append(
            Problem(
                "spec.server.containerName",
                f"the template has no container {spec.server.container_name!r}; it has {', '.join(map(str, names))}",
            )
        )
    return problems


def misshapen(template: dict[str, Any]) -> list[Problem]:
    """Return the fields that are not text, an object, a list or a quantity although they must be."""
    if problems := list(_misshapen(template, _TEMPLATE, ROOT)):
        return problems
    pod = template.get("spec") or {}
    problems = list(_amounts(pod.get("overhead"), f"{ROOT}.spec.overhead"))
    for group in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(group) or []):
            resources = container.get("resources") or {}
            for kind in ("requests", "limits"):
                path = f"{ROOT}.spec.{group}[{number}].resources.{kind}"
                problems += _amounts(resources.get(kind), path)
    return problems


def _misshapen(value: Any, shape: Shape, path: str) -> Iterator[Problem]:
    """Yield a problem for everything inside a value that has another type than its shape; absence is no problem."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield Problem(path, f"must be an object, not {value!r:.80}")
            return
        for field, inner in shape.items():
            if value.get(field) is not None:
                yield from _misshapen(value[field], inner, f"{path}.{field}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield Problem(path, f"must be a list, {_as_list(value, shape)}not {value!r:.80}")
            return
        for number, item in enumerate(value):
            yield from _misshapen(item, shape[0], f"{path}[{number}]")
    elif not isinstance(value, str):
        yield Problem(path, not_text(value))


def _as_list(value: Any, shape: list[Any]) -> str:
    """Return, for a command written as one text, how it is written as a list."""
    return f"such as {json.dumps(value.split()):.200}, " if shape == [str] and isinstance(value, str) else ""


def not_text(value: Any) -> str:
    """Return why a value that is not text is refused: YAML has read it as a number, a boolean or something else."""
    if isinstance(value, bool | int | float):
        return f"must be text, and {json.dumps(value)} is {_KIND[type(value)]}: write it in quotes"
    return f"must be text, not {value!r:.80}"


def _amounts(amounts: dict[str, Any] | None, path: str) -> Iterator[Problem]:
    for resource, amount in (amounts or {}).items():
        try:
            Quantity(amount)
        except ValueError as error:
            yield Problem(f"{path}.{resource}", str(error))
