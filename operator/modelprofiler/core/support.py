"""What this version cannot do yet: asked for, it is refused with a sentence, never ignored."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from typing import Any

from modelprofiler.api.load import DatasetFormat
from modelprofiler.api.pod_template import ROOT, container_name, misshapen
from modelprofiler.api.sources import Source
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.core.steps import Environment
from modelprofiler.errors import Problem

CLUSTER_PYTHON = "3.11"
"""Python of the scoring-server image."""


def supported(spec: ModelProfileSpec, environment: Environment) -> list[Problem]:
    """Return one problem, saying what would work, for every field that asks for what cannot be done.

    Parameters
    ----------
    spec
        The profile.
    environment
        Where it is to run: a path is a file of this machine, and no use to a cluster.
    """
    return [
        *_server(spec, environment),
        *(p for path, source in _sources(spec) for p in _source(path, source, environment)),
        *_tls(spec),
        *_dataset(spec),
        *_load(spec),
        *_threads(spec),
    ]


def ignored(spec: ModelProfileSpec) -> list[str]:
    """Return a sentence for everything in a profile that has no meaning on this machine, and does no harm there."""
    found = list(_ignored_of_script(spec)) + list(_ignored_of_template(spec))
    if spec.metrics.source != "Auto":
        found.append(
            f"metrics.source {spec.metrics.source} is for a cluster; here usage is read from the server itself"
        )
    if spec.suspend:
        found.append("suspend is for a cluster; whoever calls run wants it to run")
    return found


def _ignored_of_script(spec: ModelProfileSpec) -> Iterator[str]:
    script = spec.server.entry_script
    if script is None:
        return
    if script.environment.image is not None:
        yield (
            f"image {script.environment.image} is not used here: the environment is made from requirements, or else "
            "with the packages of the scoring-server image"
        )
    if script.environment.image_pull_secrets:
        yield "imagePullSecrets are not used here"


def _ignored_of_template(spec: ModelProfileSpec) -> Iterator[str]:
    container = profiled_container(spec)
    template = spec.server.template
    if container is None or template is None:
        return
    pod = template["spec"]
    yield f"image {container.get('image')} is not used here: the command runs as a process of this machine"
    others = [c["name"] for c in pod["containers"] if c is not container]
    others += [c.get("name") for c in pod.get("initContainers") or []]
    if others:
        yield f"only container {container['name']} runs here, not {', '.join(map(str, others))}"
    kept = {v.get("name") for v in pod.get("volumes") or [] if isinstance(v, dict) and LOCAL_VOLUMES & v.keys()}
    mounts = [m for m in container.get("volumeMounts") or [] if isinstance(m, dict) and m.get("name") not in kept]
    for mount in mounts:
        yield f"volume {mount.get('name')} is not mounted here; {mount.get('mountPath')} is what this machine has there"


LOCAL_VOLUMES = frozenset({"configMap", "emptyDir"})
"""Kinds of volumes that are folders of files here."""


def profiled_container(spec: ModelProfileSpec) -> dict[str, Any] | None:
    """Return the profiled container of a template; None without one, or where it is not a container."""
    template = spec.server.template
    if template is None or misshapen(template):
        return None
    containers = (template.get("spec") or {}).get("containers") or []
    name = container_name(spec)
    return next((c for c in containers if isinstance(c, dict) and c.get("name") == name), None)


def container_path(spec: ModelProfileSpec) -> str:
    """Return the path of the profiled container of a template."""
    container = profiled_container(spec)
    containers = (spec.server.template or {}).get("spec", {}).get("containers") or []
    number = next((i for i, c in enumerate(containers) if c is container), 0)
    return f"{ROOT}.spec.containers[{number}]"


def _server(spec: ModelProfileSpec, environment: Environment) -> Iterator[Problem]:
    if spec.server.workload_ref is not None:
        yield Problem(
            "spec.server.workloadRef", "is not supported yet; copy the workload's pod template into server.template"
        )
    script = spec.server.entry_script
    path = "spec.server.entryScript.environment"
    if environment == "Local":
        if script is not None:
            yield from _variables([v.to_dict() for v in script.environment.env], f"{path}.env")
        if (container := profiled_container(spec)) is not None:
            yield from _variables(container.get("env") or [], f"{container_path(spec)}.env")
            yield from _variable_groups(container.get("envFrom") or [], f"{container_path(spec)}.envFrom")
        return
    if script is None:
        return
    if script.environment.requirements:
        yield Problem(
            f"{path}.requirements",
            "is not supported yet in a cluster; build an image with these packages and name it in environment.image",
        )
    if script.environment.python_version not in (None, CLUSTER_PYTHON):
        yield Problem(
            f"{path}.pythonVersion",
            f"only {CLUSTER_PYTHON} is supported yet in a cluster; for another one build an image and name it in "
            "environment.image",
        )


def _variables(variables: Sequence[Any], path: str) -> Iterator[Problem]:
    for number, variable in enumerate(variables):
        if not isinstance(variable, dict) or not isinstance(variable.get("name"), str):
            yield Problem(f"{path}[{number}]", "a variable needs a name")
            continue
        given = variable.get("valueFrom")
        if given is not None and not (isinstance(given, dict) and isinstance(given.get("configMapKeyRef"), dict)):
            kind = next(iter(given), "this") if isinstance(given, dict) else "this"
            yield Problem(
                f"{path}[{number}].valueFrom",
                f"{kind} needs a cluster; here write the value, or a configMapKeyRef to a ConfigMap of the file",
            )


def _variable_groups(groups: Sequence[Any], path: str) -> Iterator[Problem]:
    for number, group in enumerate(groups):
        if not isinstance(group, dict) or not isinstance(group.get("configMapRef"), dict):
            yield Problem(
                f"{path}[{number}]", "outside of a cluster only a configMapRef to a ConfigMap of the file has values"
            )


def _sources(spec: ModelProfileSpec) -> Iterator[tuple[str, Source]]:
    if spec.model is not None and spec.model.source is not None:
        yield "spec.model.source", spec.model.source
    if spec.server.entry_script is not None:
        yield "spec.server.entryScript.source", spec.server.entry_script.source
    yield "spec.dataset.source", spec.dataset.source


def _source(path: str, source: Source, environment: Environment) -> Iterator[Problem]:
    instead = (
        "put the files into a ConfigMap or onto a PersistentVolumeClaim"
        if environment == "Cluster"
        else "copy the files here and name their path"
    )
    if source.persistent_volume_claim is not None and environment == "Local":
        yield Problem(f"{path}.persistentVolumeClaim", f"is not supported on this machine; {instead}")
    if source.uri is not None:
        yield Problem(f"{path}.uri", f"is not supported {_where(environment)}; {instead}")
    if source.path is not None and environment == "Cluster":
        yield Problem(
            f"{path}.path",
            "is a path on your own machine, which a cluster cannot read; "
            "`modelprofiler init --bundle` makes ConfigMaps of files",
        )


def _tls(spec: ModelProfileSpec) -> Iterator[Problem]:
    tls = spec.endpoint.http.tls
    if tls is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=tls.ca_bundle)
    except (ssl.SSLError, ValueError) as error:
        yield Problem("spec.endpoint.http.tls.caBundle", f"holds a certificate that cannot be read: {error}")


def _threads(spec: ModelProfileSpec) -> Iterator[Problem]:
    container = profiled_container(spec)
    if spec.search.threads == "Auto" and container is not None and container.get("envFrom"):
        yield Problem(
            "spec.search.threads",
            "Auto leaves alone what the profile sets, and cannot see what envFrom does; write the variables into env",
        )


def _where(environment: Environment) -> str:
    return "yet" if environment == "Cluster" else "on this machine"


def _dataset(spec: ModelProfileSpec) -> Iterator[Problem]:
    dataset = spec.dataset
    if dataset.format is not DatasetFormat.LINES:
        yield Problem(
            "spec.dataset.format", f"{dataset.format.value} is not supported yet; use Lines, with a request body a line"
        )
    elif dataset.column is not None:
        yield Problem("spec.dataset.column", "has no meaning with format Lines, where the whole line is the body")
    if dataset.encoding != "Text":
        yield Problem("spec.dataset.encoding", f"{dataset.encoding} is not supported yet; use Text")


def _load(spec: ModelProfileSpec) -> Iterator[Problem]:
    if spec.load.parallelism > 1:
        yield Problem("spec.load.parallelism", "more than one load pod is not supported yet; use 1")
