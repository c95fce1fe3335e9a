"""A stand-in for the API server, to which a real kubectl talks: as much of the API as `kubectl modelprofile` uses.

It keeps objects, takes server-side apply as a replacement, and plays the operator: after each time that the profile was
read, the next of the statuses that a test has given it is the profile's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]

GROUPS = {
    "": ("v1", [("configmaps", "configmap", "ConfigMap", "cm"), ("pods", "pod", "Pod", "po")]),
    "apps": ("v1", [("deployments", "deployment", "Deployment", "deploy")]),
    "serving.kserve.io": ("v1beta1", [("inferenceservices", "inferenceservice", "InferenceService", "isvc")]),
    "argoproj.io": ("v1alpha1", [("rollouts", "rollout", "Rollout", "ro")]),
    "modelprofiler.io": ("v1alpha1", [("modelprofiles", "modelprofile", "ModelProfile", "mprof")]),
}
"""Groups with their version and resources: plural, singular, kind and short name."""


def openapi(group: str) -> Object:
    """Return the OpenAPI document of a group, which says that the API server itself validates fields of a PATCH."""
    version, kinds = GROUPS[group]
    paths: Object = {}
    for plural, _, kind, _ in [*kinds, *([("namespaces", "", "Namespace", "")] if not group else [])]:
        gvk = {"group": group, "version": version, "kind": kind}
        parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
        responses = {"200": {"description": "OK"}}
        operation = {"x-kubernetes-group-version-kind": gvk, "parameters": parameters, "responses": responses}
        paths[f"/{plural}/{{name}}"] = {"patch": operation}
    return {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "0"}, "paths": paths}


def place(group: str) -> str:
    """Return where a group is served."""
    version = GROUPS[group][0]
    return f"apis/{group}/{version}" if group else f"api/{version}"


@dataclass
class Standin:
    """The objects, by resource, namespace and name, and the requests for them.

    Attributes
    ----------
    statuses
        What the profile's status becomes, one after the other; the last one stays.
    refusals
        Answers of the API server to a method and a resource, instead of its own.
    groups
        The groups that it knows.
    """

    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    statuses: list[Object] = field(default_factory=list)
    refusals: dict[tuple[str, str], Object] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    groups: tuple[str, ...] = tuple(GROUPS)
    port: int = 0

    def put(self, resource: str, data: Object) -> None:
        """Keep an object."""
        metadata = data["metadata"]
        self.objects[resource, metadata.setdefault("namespace", "default"), metadata["name"]] = data

    def kubeconfig(self, file: Path, namespace: str = "default") -> Path:
        """Write a kubeconfig for it, with one context."""
        cluster = {"server": f"http://127.0.0.1:{self.port}"}
        data = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "standin", "cluster": cluster}],
            "users": [{"name": "user", "user": {}}],
            "contexts": [
                {"name": "standin", "context": {"cluster": "standin", "user": "user", "namespace": namespace}}
            ],
            "current-context": "standin",
        }
        file.write_text(json.dumps(data))
        return file

    def answer(self, method: str, path: str, query: Object, body: bytes) -> tuple[int, Object]:
        """Return the status code and the object that answer a request."""
        self.requests.append((method, path))
        if (discovered := self._discovery(path)) is not None:
            return 200, discovered
        parts = path.strip("/").split("/")
        if "namespaces" not in parts:
            return 404, _failure(404, "NotFound", "the server could not find the requested resource")
        at = parts.index("namespaces")
        if len(parts) == at + 2:
            return 200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": parts[at + 1]}}
        namespace, resource, name = parts[at + 1], parts[at + 2], parts[at + 3]
        if (refusal := self.refusals.get((method, resource))) is not None:
            return int(refusal["code"]), refusal
        key = (resource, namespace, name)
        if method == "PATCH":
            return 200, self._applied(key, json.loads(body), kept="dryRun" not in query)
        if key not in self.objects:
            return 404, _failure(404, "NotFound", f'{resource} "{name}" not found')
        if resource == "modelprofiles" and self.statuses:
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            generation = self.objects[key]["metadata"]["generation"]
            if "provenance" in status:  # as the operator does, which begins a run for the value that it finds
                value = (self.objects[key]["metadata"].get("annotations") or {}).get("modelprofiler.io/rerun")
                status = {**status, "provenance": {"rerun": value} | status["provenance"]}
            self.objects[key]["status"] = {"observedGeneration": generation} | status
        return 200, self.objects[key]

    def _applied(self, key: tuple[str, str, str], data: Object, *, kept: bool) -> Object:
        before = self.objects.get(key, {"metadata": {}})
        generation = before["metadata"].get("generation", 0) + (before.get("spec") != data.get("spec"))
        added = {"namespace": key[1], "uid": "11111111-2222", "generation": generation, "resourceVersion": "1"}
        data = {**data, "metadata": {**data["metadata"], **added}}
        if "status" in before:
            data["status"] = before["status"]
        if kept:
            self.objects[key] = data
        return data

    def _discovery(self, path: str) -> Object | None:
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            versions = [(group, GROUPS[group][0]) for group in self.groups if group]
            groups = []
            for group, version in versions:
                served = {"groupVersion": f"{group}/{version}", "version": version}
                groups.append({"name": group, "versions": [served], "preferredVersion": served})
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        if path == "/openapi/v3":
            return {
                "paths": {place(group): {"serverRelativeURL": f"/openapi/v3/{place(group)}"} for group in self.groups}
            }
        for group in self.groups:
            version, kinds = GROUPS[group]
            if path == f"/openapi/v3/{place(group)}":
                return openapi(group)
            if path == f"/{place(group)}":
                resources = [
                    {
                        "name": plural,
                        "singularName": singular,
                        "namespaced": True,
                        "kind": kind,
                        "verbs": ["get", "list", "patch", "create", "watch"],
                        "shortNames": [short],
                    }
                    for plural, singular, kind, short in kinds
                ]
                name = f"{group}/{version}" if group else version
                return {"kind": "APIResourceList", "groupVersion": name, "resources": resources}
        return None


def _failure(code: int, reason: str, message: str) -> Object:
    """Return an answer that refuses a request, as the API server writes it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


refused = _failure


@contextmanager
def serving() -> Iterator[Standin]:
    """Serve on a port of this machine."""
    standin = Standin()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            code, data = standin.answer(self.command, parts.path, parse_qs(parts.query), self.rfile.read(length))
            body = json.dumps(data).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = do_POST = _do  # noqa: N815 - as http.server names them

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    standin.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
