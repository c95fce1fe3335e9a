"""The model, and how it is served."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.names import (
    API_VERSION_PATTERN,
    INDEX_PATTERN,
    KIND_PATTERN,
    NO_INDEX,
    ContainerName,
    ObjectName,
)
from modelprofiler.api.pods import Placement
from modelprofiler.api.sources import Line, Name, Source
from modelprofiler.api.template_schema import SCHEMA


class Model(ApiModel):
    """The model that is served. Its name, version and digest are recorded with the result."""

    name: Name
    """Name of the model."""
    version: Annotated[str, StringConstraints(max_length=253)] | None = None
    """Version of the model."""
    source: Source | None = None
    """The model's files. They are mounted read-only; the environment variables MODEL_DIR and AZUREML_MODEL_DIR name the
    folder."""


class EnvVar(ApiModel):
    """An environment variable, as in a Pod."""

    name: Name
    """Name of the variable."""
    value: Annotated[str, StringConstraints(max_length=32768)] | None = None
    """Value of the variable."""
    value_from: Annotated[dict[str, Any] | None, Field(json_schema_extra={"preserve": True})] = None
    """Source of the value, as in a Pod: secretKeyRef, configMapKeyRef or fieldRef."""


class LocalObjectReference(ApiModel):
    """The name of an object in the profile's namespace."""

    name: ObjectName
    """Name of the object."""


class VariablesObject(ApiModel):
    """A ConfigMap or a Secret in the profile's namespace whose keys become variables."""

    name: ObjectName
    """Name of the object."""
    optional: bool | None = None
    """Whether the server starts without it."""


class EnvFrom(ApiModel):
    """The environment variables of a whole ConfigMap or Secret, as in a Pod."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("configMapRef", "secretRef")

    prefix: Annotated[str, StringConstraints(max_length=253)] | None = None
    """What the name of each variable begins with, before the key."""
    config_map_ref: VariablesObject | None = None
    """The ConfigMap."""
    secret_ref: VariablesObject | None = None
    """The Secret; `modelprofiler run` takes it from the file of the profile."""


class PackageIndex(ApiModel):
    """An index of Python packages (the simple repository API)."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = ((f"self.url.matches(r'{INDEX_PATTERN}')", NO_INDEX),)

    url: Line
    """Address of the index, such as https://packages.example/simple; without a name and password."""
    secret_ref: ObjectName | None = None
    """Name of a Secret with the keys username and password, for logging in to the index."""
    ca_bundle: Annotated[str, StringConstraints(max_length=8192, pattern="-----BEGIN CERTIFICATE-----")] | None = None
    """CA certificates, as PEM text, used to verify the index instead of those of the image."""

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if not re.search(INDEX_PATTERN, self.url):
            raise ValueError(NO_INDEX)
        return self


class Environment(ApiModel):
    """The image, packages and variables that the scoring script runs with."""

    image: Line | None = None
    """An image with Python, and with azureml-inference-server-http unless requirements or pythonVersion are set. The
    default is the scoring-server image of the installation."""
    requirements: Annotated[list[Line], Field(max_length=256)] = Field(default_factory=list)
    """Python packages, one per item, as lines of a requirements file. With them the environment has the scoring server,
    these packages and what they depend on. Without environment.image it has nothing else; with it, all packages of the
    image stay."""
    python_version: Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}$")] | None = None
    """Python version, such as "3.11". In a cluster it must be the image's version: for one that the scoring-server
    image does not have, set environment.image."""
    package_index: PackageIndex | None = None
    """Where requirements are installed from in a cluster. The default is the index of the installation, or else the
    public one. `modelprofiler run` takes the indexes that pip is configured with."""
    env: Annotated[list[EnvVar], Field(max_length=128)] = Field(default_factory=list)
    """Environment variables of the server container."""
    env_from: Annotated[list[EnvFrom], Field(max_length=16)] = Field(default_factory=list)
    """ConfigMaps and Secrets whose keys become environment variables; those of env take precedence."""
    image_pull_secrets: Annotated[list[LocalObjectReference], Field(max_length=16)] = Field(default_factory=list)
    """Secrets with the credentials for pulling the image."""


class EntryScript(ApiModel):
    """A scoring script that follows Azure ML's contract: init() is called once, run(data) for each request."""

    source: Source
    """The script and the files that it needs."""
    file: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^/].*\.py$")] = "score.py"
    """Name of the script among the files of the source."""
    environment: Environment = Field(default_factory=Environment)
    """The image, packages and variables that the script runs with."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of server processes."""
    placement: Placement | None = None
    """Where the server's pod runs in a cluster."""


class WorkloadReference(ApiModel):
    """A workload of the profile's namespace, whose pod template is copied; the workload itself is never touched."""

    api_version: Annotated[str, StringConstraints(max_length=253, pattern=API_VERSION_PATTERN)]
    """API version of the workload, such as apps/v1."""
    kind: Annotated[str, StringConstraints(max_length=63, pattern=KIND_PATTERN)]
    """Kind of the workload: Deployment, StatefulSet, ReplicaSet or DaemonSet, and others that the chart value
    workloadKinds allows."""
    name: ObjectName
    """Name of the workload."""


class Server(ApiModel):
    """How the model is served: exactly one of entryScript, template and workloadRef must be set."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("entryScript", "template", "workloadRef")

    entry_script: EntryScript | None = None
    """A scoring script, served by azureml-inference-server-http."""
    template: Annotated[dict[str, Any] | None, Field(json_schema_extra={"preserve": True, "properties": SCHEMA})] = None
    """A PodTemplateSpec: any image, any server, with sidecars if needed."""
    workload_ref: WorkloadReference | None = None
    """A running workload whose pod template is copied. The copies carry none of its labels, so that none of its
    Services sends them requests. They talk to whatever the workload talks to, such as databases."""
    container_name: ContainerName | None = None
    """Name of the container to profile, whose CPU and memory are varied. The default is the first container."""
