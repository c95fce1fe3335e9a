"""What this version cannot do yet: asked for, it is refused with a sentence, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from modelprofiler.api.spec import DatasetFormat, ModelProfileSpec, Source
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
        *_dataset(spec),
        *_load(spec),
    ]


def _server(spec: ModelProfileSpec, environment: Environment) -> Iterator[Problem]:
    if spec.server.workload_ref is not None:
        yield Problem(
            "spec.server.workloadRef", "is not supported yet; copy the workload's pod template into server.template"
        )
    script = spec.server.entry_script
    if script is None or environment != "Cluster":
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
            f"only {CLUSTER_PYTHON} is supported yet in a cluster; for another one build an image and name it in "
            "environment.image",
        )


def _sources(spec: ModelProfileSpec) -> Iterator[tuple[str, Source]]:
    if spec.model is not None and spec.model.source is not None:
        yield "spec.model.source", spec.model.source
    if spec.server.entry_script is not None:
        yield "spec.server.entryScript.source", spec.server.entry_script.source
    yield "spec.dataset.source", spec.dataset.source


def _source(path: str, source: Source, environment: Environment) -> Iterator[Problem]:
    if source.persistent_volume_claim is not None:
        yield Problem(f"{path}.persistentVolumeClaim", "is not supported yet; put the files into a ConfigMap")
    if source.uri is not None:
        yield Problem(f"{path}.uri", "is not supported yet; put the files into a ConfigMap")
    if source.path is not None and environment == "Cluster":
        yield Problem(
            f"{path}.path",
            "is a path on your own machine, which a cluster cannot read; "
            "`modelprofiler init --bundle` makes ConfigMaps of files",
        )


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
