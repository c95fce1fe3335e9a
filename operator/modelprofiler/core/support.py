"""Fields of a profile that this version cannot honour: each is refused with a sentence and never silently ignored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from modelprofiler.api.pod_template import ROOT, container_name, misshapen
from modelprofiler.api.sources import Source
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.core.requirements import PATH, requirement_problems
from modelprofiler.core.steps import Environment
from modelprofiler.errors import Problem

CLUSTER_PYTHON = "3.11"
"""Python of the scoring-server image."""

LOCAL_VOLUMES = frozenset({"configMap", "emptyDir"})
"""Kinds of volumes that a run on this machine provides, as folders of files; and Secrets that the file has."""


KEYS_OF_FILE = ("configMapKeyRef", "secretKeyRef")
"""What `valueFrom` of a variable may be on this machine: a key of a ConfigMap or Secret in the profile's file."""

GROUPS_OF_FILE = ("configMapRef", "secretRef")
"""The same of an item of `envFrom`."""


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
        *(problem for path, source in sources_of(spec) for problem in _source(path, source, environment)),
        *_threads(spec),
    ]


def unsupported_load(spec: ModelProfileSpec) -> list[Problem]:
    """Return the same for a load that is sent from this machine to a server that is not started: its rows alone."""
    return list(_source("spec.dataset.source", spec.dataset.source, "Local"))


def ignored(spec: ModelProfileSpec, secrets: Collection[str] = ()) -> list[str]:
    """Return a sentence for every field of a profile that has no effect on this machine but does no harm either.

    Parameters
    ----------
    secrets
        Names of the Secrets that are there.
    """
    sentences = list(_ignored_of_script(spec)) + list(_ignored_of_template(spec, secrets))
    if spec.metrics.source != "Auto":
        sentences.append(
            f"metrics.source {spec.metrics.source} is for a cluster; on this machine usage is read from the server "
            "itself"
        )
    if spec.pod_metadata is not None:
        sentences.append("podMetadata is for a cluster; on this machine there are no pods")
    sentences += one_generator(spec)
    if spec.suspend:
        sentences.append("suspend is for a cluster; on this machine the run starts anyway")
    return sentences


def one_generator(spec: ModelProfileSpec) -> list[str]:
    """Return a sentence where a profile asks for several load generators, of which this machine has one."""
    number = spec.load.parallelism
    sentence = f"load.parallelism {number} is for a cluster; on this machine one process sends the whole load"
    return [sentence] if number > 1 else []


def _ignored_of_script(spec: ModelProfileSpec) -> Iterator[str]:
    script = spec.server.entry_script
    if script is None:
        return
    if script.environment.image is not None:
        yield (
            f"image {script.environment.image} is not used on this machine: the environment is made from "
            "requirements, or else with the packages of the scoring-server image"
        )
    if script.environment.package_index is not None:
        yield "packageIndex is not used on this machine: packages come from the indexes that pip is configured with"
    if script.environment.image_pull_secrets:
        yield "imagePullSecrets are not used on this machine"
    if script.placement is not None:
        yield "placement is for a cluster; on this machine the server runs here"


def _ignored_of_template(spec: ModelProfileSpec, secrets: Collection[str]) -> Iterator[str]:
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
    provided |= {volume.get("name") for volume in volumes if secret_of_volume(volume) in secrets}
    for mount in container.get("volumeMounts") or []:
        if isinstance(mount, dict) and mount.get("name") not in provided:
            yield (
                f"volume {mount.get('name')} is not mounted on this machine; {mount.get('mountPath')} is whatever "
                "this machine has there"
            )


def secret_of_volume(volume: Mapping[str, Any]) -> str | None:
    """Return the name of the Secret that is the content of a volume of a template; None for any other volume."""
    secret = volume.get("secret")
    name = secret.get("secretName") if isinstance(secret, dict) else None
    return name if isinstance(name, str) else None


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
            "measure a server that is already running with `modelprofiler run --url`",
        )
    script = spec.server.entry_script
    if script is not None:
        yield from _variables([variable.to_dict() for variable in script.environment.env], f"{PATH}.env")
        yield from _variable_groups([group.to_dict() for group in script.environment.env_from], f"{PATH}.envFrom")
    if (container := profiled_container(spec)) is not None:
        yield from _variables(container.get("env") or [], f"{container_path(spec)}.env")
        yield from _variable_groups(container.get("envFrom") or [], f"{container_path(spec)}.envFrom")


def _server_in_cluster(spec: ModelProfileSpec) -> Iterator[Problem]:
    script = spec.server.entry_script
    if script is None:
        return
    yield from requirement_problems(script.environment)
    version = script.environment.python_version
    if version not in (None, CLUSTER_PYTHON) and script.environment.image is None:
        yield Problem(
            f"{PATH}.pythonVersion",
            f"the scoring-server image has Python {CLUSTER_PYTHON}; for Python {version} name an image that has it in "
            "environment.image, any image with that version of Python",
        )


def _variables(variables: Sequence[Any], path: str) -> Iterator[Problem]:
    for number, variable in enumerate(variables):
        if not isinstance(variable, dict) or not isinstance(variable.get("name"), str):
            yield Problem(f"{path}[{number}]", "must have a name")
            continue
        source = variable.get("valueFrom")
        readable = isinstance(source, dict) and any(isinstance(source.get(kind), dict) for kind in KEYS_OF_FILE)
        if source is not None and not readable:
            kind = next(iter(source), "this") if isinstance(source, dict) else "this"
            yield Problem(
                f"{path}[{number}].valueFrom",
                f"{kind} needs a cluster; on this machine write the value, or a configMapKeyRef or secretKeyRef to a "
                "ConfigMap or Secret of the file",
            )


def _variable_groups(groups: Sequence[Any], path: str) -> Iterator[Problem]:
    for number, group in enumerate(groups):
        if not isinstance(group, dict) or not any(isinstance(group.get(kind), dict) for kind in GROUPS_OF_FILE):
            message = "on this machine only a configMapRef or secretRef to a ConfigMap or Secret of the file is read"
            yield Problem(f"{path}[{number}]", message)


def sources_of(spec: ModelProfileSpec) -> Iterator[tuple[str, Source]]:
    """Yield every source of a profile with its path."""
    if spec.model is not None and spec.model.source is not None:
        yield "spec.model.source", spec.model.source
    if spec.server.entry_script is not None:
        yield "spec.server.entryScript.source", spec.server.entry_script.source
    yield "spec.dataset.source", spec.dataset.source


def _source(path: str, source: Source, environment: Environment) -> Iterator[Problem]:
    in_cluster = environment == "Cluster"
    if source.persistent_volume_claim is not None and not in_cluster:
        yield Problem(
            f"{path}.persistentVolumeClaim",
            "is on a volume of a cluster, which this machine does not mount; copy the files to this machine and give "
            "their path",
        )
    if source.path is not None and in_cluster:
        yield Problem(
            f"{path}.path",
            "is a path on your own machine, which a cluster cannot read; "
            "`modelprofiler init --bundle` makes ConfigMaps of files",
        )


def _threads(spec: ModelProfileSpec) -> Iterator[Problem]:
    container, script = profiled_container(spec), spec.server.entry_script
    groups = script.environment.env_from if script is not None else (container or {}).get("envFrom")
    if spec.search.threads == "Auto" and groups:
        yield Problem(
            "spec.search.threads",
            "Auto replaces no variable that the profile sets, but it cannot see what envFrom sets; write the "
            "variables into env",
        )
