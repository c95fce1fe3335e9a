"""Fields of a profile that this version cannot honour: each is refused with a sentence and never silently ignored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelprofiler.api.pod_template import ROOT, container_name, misshapen
from modelprofiler.api.sources import Source
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.core.steps import Environment
from modelprofiler.errors import Problem

CLUSTER_PYTHON = "3.11"
"""Python of the scoring-server image."""

LOCAL_VOLUMES = frozenset({"configMap", "emptyDir"})
"""Kinds of volumes that a run on this machine provides, as folders of files."""


def unsupported(spec: ModelProfileSpec, environment: Environment) -> list[Problem]:
    """Return one problem for every field that asks for something unsupported; its message says what would work.

    Parameters
    ----------
    spec
        The profile.
    environment
        Where it is to run. A `path`, for example, names a file of this machine, which a cluster cannot read.
    """
    server = _server_in_cluster(spec) if environment == "Cluster" else _server_on_this_machine(spec)
    return [
        *server,
        *(problem for path, source in _sources(spec) for problem in _source(path, source, environment)),
        *_threads(spec),
    ]


def ignored(spec: ModelProfileSpec) -> list[str]:
    """Return a sentence for every field of a profile that has no effect on this machine but does no harm either."""
    sentences = list(_ignored_of_script(spec)) + list(_ignored_of_template(spec))
    if spec.metrics.source != "Auto":
        sentences.append(
            f"metrics.source {spec.metrics.source} is for a cluster; on this machine usage is read from the server "
            "itself"
        )
    if spec.pod_metadata is not None:
        sentences.append("podMetadata is for a cluster; on this machine there are no pods")
    if spec.load.parallelism > 1:
        sentences.append(
            f"load.parallelism {spec.load.parallelism} is for a cluster; on this machine one process sends the whole "
            "load"
        )
    if spec.suspend:
        sentences.append("suspend is for a cluster; on this machine the run starts anyway")
    return sentences


def _ignored_of_script(spec: ModelProfileSpec) -> Iterator[str]:
    script = spec.server.entry_script
    if script is None:
        return
    if script.environment.image is not None:
        yield (
            f"image {script.environment.image} is not used on this machine: the environment is made from "
            "requirements, or else with the packages of the scoring-server image"
        )
    if script.environment.image_pull_secrets:
        yield "imagePullSecrets are not used on this machine"
    if script.placement is not None:
        yield "placement is for a cluster; on this machine the server runs here"


def _ignored_of_template(spec: ModelProfileSpec) -> Iterator[str]:
    container = profiled_container(spec)
    template = spec.server.template
    if container is None or template is None:
        return
    pod = template["spec"]
    yield f"image {container.get('image')} is not used on this machine: the command runs as a process"
    others = [c["name"] for c in pod["containers"] if c is not container]
    others += [c.get("name") for c in pod.get("initContainers") or []]
    if others:
        yield f"only container {container['name']} runs on this machine, not {', '.join(map(str, others))}"
    volumes = [v for v in pod.get("volumes") or [] if isinstance(v, dict)]
    provided = {volume.get("name") for volume in volumes if LOCAL_VOLUMES & volume.keys()}
    for mount in container.get("volumeMounts") or []:
        if isinstance(mount, dict) and mount.get("name") not in provided:
            yield (
                f"volume {mount.get('name')} is not mounted on this machine; {mount.get('mountPath')} is whatever "
                "this machine has there"
            )


def profiled_container(spec: ModelProfileSpec) -> dict[str, Any] | None:
    """Return the profiled container of a template; None without a template, or where the entry is no container."""
    template = spec.server.template
    if template is None or misshapen(template):
        return None
    containers = (template.get("spec") or {}).get("containers") or []
    name = container_name(spec)
    return next((c for c in containers if isinstance(c, dict) and c.get("name") == name), None)


def container_path(spec: ModelProfileSpec) -> str:
    """Return the path of the profiled container of a template, for a `Problem`."""
    container = profiled_container(spec)
    containers = (spec.server.template or {}).get("spec", {}).get("containers") or []
    number = next((i for i, c in enumerate(containers) if c is container), 0)
    return f"{ROOT}.spec.containers[{number}]"


def _server_on_this_machine(spec: ModelProfileSpec) -> Iterator[Problem]:
    if spec.server.workload_ref is not None:
        yield Problem(
            "spec.server.workloadRef",
            "names a workload of a cluster, which `modelprofiler run` cannot read; apply the profile with kubectl, or "
            "measure a server that runs already with `modelprofiler run --url`",
        )
    script = spec.server.entry_script
    if script is not None:
        yield from _variables(
            [variable.to_dict() for variable in script.environment.env], "spec.server.entryScript.environment.env"
        )
    if (container := profiled_container(spec)) is not None:
        yield from _variables(container.get("env") or [], f"{container_path(spec)}.env")
        yield from _variable_groups(container.get("envFrom") or [], f"{container_path(spec)}.envFrom")


def _server_in_cluster(spec: ModelProfileSpec) -> Iterator[Problem]:
    script = spec.server.entry_script
    if script is None:
        return
    path = "spec.server.entryScript.environment"
    if script.environment.requirements:
        yield Problem(
            f"{path}.requirements",
            "is not supported yet in a cluster; build an image with these packages and name it in environment.image",
        )
    if script.environment.python_version not in (None, CLUSTER_PYTHON):
        yield Problem(
            f"{path}.pythonVersion",
            f"only {CLUSTER_PYTHON} is supported yet in a cluster; for another version build an image and name it in "
            "environment.image",
        )


def _variables(variables: Sequence[Any], path: str) -> Iterator[Problem]:
    for number, variable in enumerate(variables):
        if not isinstance(variable, dict) or not isinstance(variable.get("name"), str):
            yield Problem(f"{path}[{number}]", "must have a name")
            continue
        source = variable.get("valueFrom")
        if source is not None and not (isinstance(source, dict) and isinstance(source.get("configMapKeyRef"), dict)):
            kind = next(iter(source), "this") if isinstance(source, dict) else "this"
            yield Problem(
                f"{path}[{number}].valueFrom",
                f"{kind} needs a cluster; on this machine write the value, or a configMapKeyRef to a ConfigMap of the "
                "file",
            )


def _variable_groups(groups: Sequence[Any], path: str) -> Iterator[Problem]:
    for number, group in enumerate(groups):
        if not isinstance(group, dict) or not isinstance(group.get("configMapRef"), dict):
            yield Problem(f"{path}[{number}]", "on this machine only a configMapRef to a ConfigMap of the file is read")


def _sources(spec: ModelProfileSpec) -> Iterator[tuple[str, Source]]:
    if spec.model is not None and spec.model.source is not None:
        yield "spec.model.source", spec.model.source
    if spec.server.entry_script is not None:
        yield "spec.server.entryScript.source", spec.server.entry_script.source
    yield "spec.dataset.source", spec.dataset.source


def _source(path: str, source: Source, environment: Environment) -> Iterator[Problem]:
    in_cluster = environment == "Cluster"
    alternative = "copy the files to this machine and give their path"
    if source.persistent_volume_claim is not None and not in_cluster:
        yield Problem(f"{path}.persistentVolumeClaim", f"is not supported on this machine; {alternative}")
    if source.uri is not None and not in_cluster:
        yield Problem(f"{path}.uri", f"is not supported on this machine; {alternative}")
    if source.secret is not None and not in_cluster:
        yield Problem(f"{path}.secret", f"is not supported on this machine; {alternative}")
    if source.path is not None and in_cluster:
        yield Problem(
            f"{path}.path",
            "is a path on your own machine, which a cluster cannot read; "
            "`modelprofiler init --bundle` makes ConfigMaps of files",
        )


def _threads(spec: ModelProfileSpec) -> Iterator[Problem]:
    container = profiled_container(spec)
    if spec.search.threads == "Auto" and container is not None and container.get("envFrom"):
        yield Problem(
            "spec.search.threads",
            "Auto replaces no variable that the profile sets, but it cannot see what envFrom sets; write the "
            "variables into env",
        )
