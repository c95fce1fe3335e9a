"""What is served, and how."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from modelprofiler.api.model import ApiModel
from modelprofiler.api.sources import Line, Name, Source


class Model(ApiModel):
    """The model that is served; recorded with the result."""

    name: Name
    """Name of the model."""
    version: Annotated[str, StringConstraints(max_length=253)] | None = None
    """Version of the model."""
    source: Source | None = None
    """The model's files, mounted read-only at MODEL_DIR (AZUREML_MODEL_DIR is the same)."""


class EnvVar(ApiModel):
    """An environment variable, as in a Pod."""

    name: Name
    """Name of the variable."""
    value: Annotated[str, StringConstraints(max_length=32768)] | None = None
    """Its value."""
    value_from: Annotated[dict[str, Any] | None, Field(json_schema_extra={"preserve": True})] = None
    """Where its value comes from, as in a Pod (secretKeyRef, configMapKeyRef, fieldRef)."""


class LocalObjectReference(ApiModel):
    """An object of the same namespace, by name."""

    name: Name
    """Name of the object."""


class Environment(ApiModel):
    """What score.py runs in."""

    image: Line | None = None
    """Image with azureml-inference-server-http; without it the installation's default scoring-server image."""
    requirements: Annotated[list[Line], Field(max_length=256)] = Field(default_factory=list)
    """Python packages, as in a requirements file."""
    python_version: Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}$")] | None = None
    """Version of Python, such as "3.11"."""
    env: Annotated[list[EnvVar], Field(max_length=128)] = Field(default_factory=list)
    """Environment variables of the server."""
    image_pull_secrets: Annotated[list[LocalObjectReference], Field(max_length=16)] = Field(default_factory=list)
    """Secrets to pull the image with."""


class EntryScript(ApiModel):
    """A scoring script in the Azure ML contract: init() once, run(data) for each request."""

    source: Source
    """The script and the files beside it."""
    file: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[^/].*\.py$")] = "score.py"
    """The script's file among those of the source."""
    environment: Environment = Field(default_factory=Environment)
    """What the script runs in."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Server processes."""


class WorkloadReference(ApiModel):
    """A workload whose pod template is copied, never touched."""

    api_version: Name
    """Such as apps/v1."""
    kind: Name
    """Such as Deployment."""
    name: Name
    """Name of the workload in the profile's namespace."""


class Server(ApiModel):
    """How the model is served: exactly one of entryScript, template, workloadRef."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("entryScript", "template", "workloadRef")

    entry_script: EntryScript | None = None
    """A scoring script under azureml-inference-server-http."""
    template: Annotated[dict[str, Any] | None, Field(json_schema_extra={"preserve": True})] = None
    """A PodTemplateSpec: any server, any image, sidecars."""
    workload_ref: WorkloadReference | None = None
    """A workload whose pod template is copied."""
    container_name: Annotated[str, StringConstraints(max_length=63)] | None = None
    """The container whose resources are varied; the first one by default."""
