"""The workload that a user names: what kubectl calls it, and what its pod template says about the server. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelprofiler.api.names import API_VERSION_PATTERN, KIND_PATTERN, OBJECT_PATTERN
from modelprofiler.api.objects import Object
from modelprofiler.errors import Problem

TARGET = "TYPE/NAME"
"""How messages name the argument."""

EXAMPLE = "such as deployment/recommender"

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[a-z0-9-]+)*")
"""A resource as kubectl takes it: ``deployment``, ``deploy``, ``rollouts.v1alpha1.argoproj.io``."""

_HTTP_NAME = re.compile(r"http1?(-.*)?|.*-http1?")
_PROBES = ("readinessProbe", "startupProbe", "livenessProbe")


@dataclass(frozen=True)
class Target:
    """A workload as the user names it."""

    resource: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource}/{self.name}"


def target_of(words: list[str]) -> Target | Problem:
    """Return the workload that TYPE/NAME or TYPE NAME names."""
    if not words:
        return Problem(TARGET, f"is required: the workload to profile, {EXAMPLE}")
    parts = words[0].split("/") if len(words) == 1 else words
    if len(parts) != 2 or any("/" in part for part in parts):
        return Problem(TARGET, f"must be TYPE/NAME or TYPE NAME, {EXAMPLE}, not {' '.join(words)[:80]!r}")
    resource, name = parts
    if not _TYPE.fullmatch(resource):
        return Problem(TARGET, f"{resource[:80]!r} is not a type of workload; write one, {EXAMPLE}")
    if not re.fullmatch(OBJECT_PATTERN, name):
        return Problem(TARGET, f"{name[:80]!r} is not the name of a workload; write TYPE/NAME, {EXAMPLE}")
    return Target(resource, name)


@dataclass(frozen=True)
class Workload:
    """A workload as the API server has it.

    Attributes
    ----------
    api_version, kind, name
        What a profile refers to.
    containers
        The containers of its pod template.
    fingerprint
        Identifies the specification of its pods.
    namespace
        Where it is; empty where it does not say.
    """

    api_version: str
    kind: str
    name: str
    containers: tuple[Object, ...]
    fingerprint: str
    namespace: str = ""

    @property
    def reference(self) -> Object:
        """What spec.server.workloadRef is."""
        return {"apiVersion": self.api_version, "kind": self.kind, "name": self.name}

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def made_by_kserve(data: Object, target: Target) -> Target | None:
    """Return the Deployment that KServe makes of an InferenceService in its standard mode; None for any other object.

    The operator copies its pod template, too.
    """
    group = str(data.get("apiVersion")).rpartition("/")[0]
    is_one = (group, data.get("kind")) == ("serving.kserve.io", "InferenceService")
    return Target("deployments.apps", f"{target.name}-predictor") if is_one else None


def workload_of(data: Object, target: Target, maker: Object | None = None) -> Workload | Problem:
    """Return what an object of the cluster is as a workload, or why it is none.

    Parameters
    ----------
    data
        The object that has the pod template.
    target
        What the user has named.
    maker
        The object of that name, where it is another one.
    """
    identity = maker or data
    api_version, kind = identity.get("apiVersion"), identity.get("kind")
    is_object = isinstance(api_version, str) and isinstance(kind, str)
    if (
        not is_object
        or not re.fullmatch(API_VERSION_PATTERN, str(api_version))
        or not re.fullmatch(KIND_PATTERN, str(kind))
    ):
        return Problem(TARGET, f"{target} is not one object of Kubernetes")
    pod = _at(data, "spec", "template", "spec")
    containers = [c for c in _items(pod, "containers") if isinstance(c.get("name"), str)]
    if not containers:
        return Problem(TARGET, f"{kind} {target.name} has no pod template (spec.template); {_instead(data)}")
    text = json.dumps(pod, sort_keys=True, default=str)
    fingerprint = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    namespace = str((data.get("metadata") or {}).get("namespace") or "")
    return Workload(str(api_version), str(kind), target.name, tuple(containers), fingerprint, namespace)


def _instead(data: Object) -> str:
    """Return what to name instead of an object without a template: what made it, where that is known."""
    owners = _items(data.get("metadata"), "ownerReferences")
    owner = next((o for o in owners if o.get("controller") and o.get("kind") and o.get("name")), None)
    return f"name {owner['kind']}/{owner['name']}, which it belongs to" if owner else f"name what has one, {EXAMPLE}"


def container_of(workload: Workload, name: str | None) -> Object | Problem:
    """Return the container that is profiled: the named one, or else the first."""
    if name is None:
        return workload.containers[0]
    names = [container["name"] for container in workload.containers]
    container = next((c for c in workload.containers if c["name"] == name), None)
    return container or Problem("--container", f"{workload} has no container {name[:80]!r}; it has {', '.join(names)}")


def port_of(workload: Workload, container: Object) -> int | Problem:
    """Return the port that serves requests, where the container leaves no doubt about it."""
    ports = {
        int(port["containerPort"]): str(port.get("name") or "")
        for port in _items(container, "ports")
        if isinstance(port.get("containerPort"), int) and port.get("protocol", "TCP") == "TCP"
    }
    candidates = list(ports) or sorted(set(_probed(container)))
    http = [number for number, name in ports.items() if _HTTP_NAME.fullmatch(name)]
    for choice in (candidates, http):
        if len(choice) == 1:
            return choice[0]
    where = f"container {container['name']} of {workload}"
    if not candidates:
        return Problem("--port", f"is required: {where} declares no port")
    listed = ", ".join(f"{number} ({ports[number]})" if ports.get(number) else str(number) for number in candidates)
    return Problem("--port", f"is required: {where} has several ports: {listed}")


def _probed(container: Object) -> Iterator[int]:
    """Yield the ports that the kubelet asks by HTTP, where they are numbers."""
    for probe in _PROBES:
        port = _at(container, probe, "httpGet").get("port")
        if isinstance(port, int):
            yield port


def _at(data: Any, *path: str) -> Object:
    """Return the object at a path; an empty one where there is none."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _items(data: Any, name: str) -> list[Object]:
    """Return the objects of a list, whatever else it contains."""
    items = data.get(name) if isinstance(data, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
