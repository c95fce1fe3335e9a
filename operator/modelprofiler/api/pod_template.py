"""The parts of the server's pod template that modelprofiler relies on; the API server checks the rest. Pure.

In the resource the template is an object with unknown fields, so nothing has checked its shape before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import Problem

ROOT = "spec.server.template"

_KIND: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number"}

DEFAULT_CONTAINER = "server"
"""Name of the container that runs an entry script."""

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
    """Return the fields that are not an object, a list or a quantity although they must be."""
    problems = list(_misshapen(template, _POD, ROOT))
    if problems:
        return problems
    pod = template.get("spec") or {}
    problems += _amounts(pod.get("overhead"), f"{ROOT}.spec.overhead")
    for group in ("initContainers", "containers"):
        for number, container in enumerate(pod.get(group) or []):
            path = f"{ROOT}.spec.{group}[{number}]"
            if not isinstance(container, dict):
                problems.append(Problem(path, f"must be an object, not {container!r:.80}"))
                continue
            wrong_types = list(_misshapen(container, _CONTAINER, path))
            problems += wrong_types
            if not wrong_types:
                problems += [*_variables(container.get("env"), f"{path}.env"), *_arguments(container, path)]
            resources = {} if wrong_types else container.get("resources") or {}
            for kind in ("requests", "limits"):
                problems += _amounts(resources.get(kind), f"{path}.resources.{kind}")
    return problems


def _misshapen(value: dict[str, Any], shapes: dict[str, type], path: str) -> Iterator[Problem]:
    for field, kind in shapes.items():
        inner: Any = value
        for name in field.split("."):
            inner = inner.get(name) if isinstance(inner, dict) else None
        if inner is not None and not isinstance(inner, kind):
            expected = "an object" if kind is dict else "a list"
            yield Problem(f"{path}.{field}", f"must be {expected}, not {inner!r:.80}")


def _variables(variables: list[Any] | None, path: str) -> Iterator[Problem]:
    """Yield a problem for every variable whose name or value is not text, as the API server would."""
    for number, variable in enumerate(variables or []):
        for field in ("name", "value"):
            value = variable.get(field) if isinstance(variable, dict) else None
            if value is not None and not isinstance(value, str):
                yield Problem(f"{path}[{number}].{field}", not_text(value))


def _arguments(container: dict[str, Any], path: str) -> Iterator[Problem]:
    """Yield a problem for a command or arguments that are not a list of texts."""
    for field in ("command", "args"):
        value = container.get(field)
        if value is None:
            continue
        if not isinstance(value, list):
            example = json.dumps(value.split()) if isinstance(value, str) else '["python3", "app.py"]'
            yield Problem(f"{path}.{field}", f"must be a list, such as {example:.200}, not {value!r:.80}")
            continue
        for number, argument in enumerate(value):
            if not isinstance(argument, str):
                yield Problem(f"{path}.{field}[{number}]", not_text(argument))


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
