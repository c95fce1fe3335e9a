"""A version of a registered model: its record, its tags and its files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.registry.change import retag, texts
from modelprofiler.azureml.registry.choose import registry_of
from modelprofiler.azureml.registry.record import ModelRecord, serialized
from modelprofiler.azureml.registry.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.serving.model_path import copied
from modelprofiler.azureml.workspace_settings import WorkspaceSettings


class RegisteredModel:
    """A version of a registered model; `modelprofiler.azureml.core.Model` adds the SDK's calls that look one up.

    Parameters
    ----------
    workspace
        Where it is registered.
    record
        Its record in the registry.
    """

    def __init__(self, workspace: WorkspaceSettings, record: ModelRecord) -> None:
        self.workspace = workspace
        self._show(record)

    def _show(self, record: ModelRecord) -> None:
        self._record = record
        self.name = record.name
        self.version = record.version
        self.id = record.id
        self.description = record.description
        self.tags = record.tags
        self.properties = record.properties
        self.created_time = record.created_time
        self.url = record.url
        self.run_id = record.run_id
        self.model_framework = record.framework
        self.model_framework_version = record.framework_version

    @property
    def resource_configuration(self) -> ResourceConfiguration | None:
        """The size it was registered with."""
        return ResourceConfiguration.deserialize(self._record.resource_configuration)

    def directory(self) -> Path:
        """Return the directory on this machine that holds the model's file or folder."""
        return registry_of(self.workspace).files(self.name, self.version)

    def files(self) -> str:
        """Return the path of the model's file or folder on this machine."""
        (entry,) = self.directory().iterdir()
        return str(entry)

    def download(
        self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False, exists_ok: bool | None = None
    ) -> str:
        """Copy the model to a directory, and return its path there."""
        return copied(Path(self.files()), Path(target_dir), replace=exist_ok or bool(exists_ok))

    def update(
        self,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        sample_input_dataset: AbstractDataset | None = None,
        sample_output_dataset: AbstractDataset | None = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> None:
        """Replace the tags, description, samples and size of the model, each where the argument is not None."""
        if tags is not None:
            self._record.tags = texts(tags)
        if description is not None:
            self._record.description = description
        if sample_input_dataset is not None:
            self._record.sample_input_dataset_id = sample_input_dataset.ensure_saved(self.workspace)
        if sample_output_dataset is not None:
            self._record.sample_output_dataset_id = sample_output_dataset.ensure_saved(self.workspace)
        if resource_configuration is not None:
            self._record.resource_configuration = resource_configuration.serialize()
        registry_of(self.workspace).update(self._record)
        self._show(self._record)

    def update_tags_properties(
        self,
        add_tags: Mapping[str, Any] | None = None,
        remove_tags: str | Sequence[str] | None = None,
        add_properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Add and remove tags, and add properties.

        Raises
        ------
        WebserviceException
            When a property exists already: a property never changes.
        """
        registry = registry_of(self.workspace)
        record = registry.get(self.name, self.version)
        names = [remove_tags] if isinstance(remove_tags, str) else remove_tags or ()
        for name in retag(record, texts(add_tags), names, texts(add_properties)):
            print(f"Tag with key {name} not found.")
        registry.update(record)
        self._show(record)

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags; a tag of the same name is replaced."""
        self.update_tags_properties(add_tags=tags)
        print("Model tag add operation complete.")

    def remove_tags(self, tags: str | Sequence[str]) -> None:
        """Remove tags."""
        self.update_tags_properties(remove_tags=tags)
        print("Model tag remove operation complete.")

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which never change afterwards."""
        self.update_tags_properties(add_properties=properties)
        print("Model properties add operation complete.")

    def add_dataset_references(self, datasets: Sequence[tuple[str, AbstractDataset]]) -> None:
        """Record datasets, each with what it was used for."""
        self._record.datasets += [
            {"name": use, "id": dataset.ensure_saved(self.workspace)} for use, dataset in datasets
        ]
        registry_of(self.workspace).update(self._record)

    def delete(self) -> None:
        """Remove this version of the model."""
        registry_of(self.workspace).delete(self.name, self.version)

    def serialize(self) -> dict[str, Any]:
        """Return the model as JSON data, with the SDK's keys."""
        return serialized(self._record)

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )
