"""The record of a registered model, and the interface of a registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


@dataclass
class ModelRecord:
    """One version of a model, as a registry knows it."""

    name: str
    version: int
    created_time: datetime | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    framework: str | None = None
    framework_version: str | None = None
    url: str | None = None
    resource_configuration: dict[str, Any] | None = None
    sample_input_dataset_id: str | None = None
    sample_output_dataset_id: str | None = None
    datasets: list[dict[str, str]] = field(default_factory=list)
    run_id: str | None = None

    @property
    def id(self) -> str:
        """Name and version, as ``diabetes:1``."""
        return f"{self.name}:{self.version}"


def serialized(record: ModelRecord) -> dict[str, Any]:
    """Return a model as JSON data, with Azure ML's keys."""
    return {
        "createdTime": record.created_time.isoformat() if record.created_time else None,
        "createdBy": None,
        "description": record.description,
        "id": record.id,
        "mimeType": "application/x-python",
        "name": record.name,
        "framework": record.framework,
        "frameworkVersion": record.framework_version,
        "tags": record.tags,
        "properties": record.properties,
        "unpack": False,
        "url": record.url,
        "version": record.version,
        "experimentName": None,
        "runId": record.run_id,
        "runDetails": None,
        "datasets": record.datasets,
        "resourceConfiguration": record.resource_configuration,
        "sampleInputDatasetId": record.sample_input_dataset_id,
        "sampleOutputDatasetId": record.sample_output_dataset_id,
    }


class ModelRegistry(Protocol):
    """Models by name and version.

    Every call raises `ModelNotFoundException` for a model that does not exist.
    """

    def register(self, record: ModelRecord, files: Mapping[str, Path]) -> ModelRecord:
        """Add the next version of a model.

        Parameters
        ----------
        record
            The model; its version is ignored.
        files
            The files, each by its path in the model's directory.
        """

    def get(self, name: str, version: int | None = None) -> ModelRecord:
        """Return a version of a model, or the latest."""

    def list(self, name: str | None = None) -> list[ModelRecord]:
        """Return all versions of a model, or of all models, the latest first."""

    def update(self, record: ModelRecord) -> None:
        """Replace the description, tags, properties and so on of an existing model."""

    def delete(self, name: str, version: int) -> None:
        """Remove a version of a model."""

    def files(self, name: str, version: int) -> Path:
        """Return the directory that contains the model: one file or folder, under the name it was registered with."""
