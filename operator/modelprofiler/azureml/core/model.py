"""A registered model."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.inference_config import InferenceConfig
from modelprofiler.azureml.core.model_path import copied, files_of, find_model_path
from modelprofiler.azureml.core.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.core.webservice import DEPLOYS_NOTHING
from modelprofiler.azureml.core.workspace import Workspace
from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.exceptions import ModelNotFoundException, UserErrorException, WebserviceException
from modelprofiler.azureml.registry.change import check_registration, retag, texts
from modelprofiler.azureml.registry.query import Filter, look_up, search
from modelprofiler.azureml.registry.record import ModelRecord, serialized

if TYPE_CHECKING:
    from modelprofiler.azureml.core.profile import ModelProfile


class Model:
    """A version of a registered model; the constructor looks it up.

    Parameters
    ----------
    workspace
        Where it is registered.
    name, version
        The model; the latest version where none is given.
    id
        Instead, name and version as ``diabetes:1``, or ``models:/diabetes/1`` as MLflow writes it.
    tags, properties, model_framework
        What the version must have: names, or [name, value].

    Raises
    ------
    ModelNotFoundException
        When there is none; it is a `WebserviceException` too.
    """

    class Framework:
        """Names of frameworks."""

        CUSTOM = "Custom"
        TENSORFLOW = "TensorFlow"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        TFKERAS = "TfKeras"
        PYTORCH = "PyTorch"
        MULTI = "Multi"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: Filter | None = None,
        properties: Filter | None = None,
        version: int | str | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **named: Any,
    ) -> None:
        self.workspace = workspace
        record: ModelRecord | None = named.get("_record")
        if record is None:
            record = look_up(workspace.registry, name, id, tags, properties, version, run_id, model_framework)
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

    @property
    def sample_input_dataset(self) -> AbstractDataset | None:
        """Requests it was registered with."""
        return self._dataset(self._record.sample_input_dataset_id)

    @property
    def sample_output_dataset(self) -> AbstractDataset | None:
        """Answers it was registered with."""
        return self._dataset(self._record.sample_output_dataset_id)

    @property
    def datasets(self) -> dict[str, builtins.list[AbstractDataset]]:
        """Datasets by what they were used for."""
        found: dict[str, builtins.list[AbstractDataset]] = {}
        for reference in self._record.datasets:
            found.setdefault(reference["name"], []).append(Dataset.get_by_id(self.workspace, reference["id"]))
        return found

    def _dataset(self, id: str | None) -> AbstractDataset | None:
        return Dataset.get_by_id(self.workspace, id) if id else None

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, AbstractDataset]] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: AbstractDataset | None = None,
        sample_output_dataset: AbstractDataset | None = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> Model:
        """Register the next version of a model.

        Parameters
        ----------
        model_path
            A file or a folder; it is copied under its own name.
        child_paths
            What of the folder is taken; by default everything.

        Raises
        ------
        WebserviceException
            When the name cannot be used, or a path is not there.
        """
        check_registration(model_name, model_framework, model_framework_version)
        files = files_of(Path(model_path), child_paths)
        print(f"Registering model {model_name}")
        record = ModelRecord(
            name=model_name,
            version=0,
            description=description,
            tags=texts(tags),
            properties=texts(properties),
            framework=model_framework,
            framework_version=model_framework_version,
            resource_configuration=resource_configuration.serialize() if resource_configuration else None,
            sample_input_dataset_id=sample_input_dataset.ensure_saved(workspace) if sample_input_dataset else None,
            sample_output_dataset_id=sample_output_dataset.ensure_saved(workspace) if sample_output_dataset else None,
            datasets=[{"name": use, "id": each.ensure_saved(workspace)} for use, each in datasets or ()],
        )
        return Model(workspace, _record=workspace.registry.register(record, files))

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: Filter | None = None,
        properties: Filter | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """Return the models that have all that is given, the latest first."""
        if tags is not None and not isinstance(tags, builtins.list):
            raise UserErrorException(
                f'tags must be a list such as ["key", ["key2", "value"]], not {type(tags).__name__}'
            )
        found = search(workspace.registry, name, tags, properties, run_id, model_framework, dataset_id, latest=latest)
        return [Model(workspace, _record=record) for record in found]

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: Workspace | None = None) -> str:
        """Return the path of a model's file or folder.

        A scoring script finds the models it was started with; elsewhere `_workspace`, or else a path of that name in
        the current directory, is looked at.

        Raises
        ------
        ModelNotFoundException
            When there is none.
        """
        if version is not None and not isinstance(version, int):
            raise WebserviceException("version should be an int")
        found = find_model_path(model_name, version, os.environ)
        if found is not None:
            return found
        if _workspace is not None:
            return Model(_workspace, model_name, version=version).files()
        if version is None and Path(model_name).exists():
            return model_name
        raise ModelNotFoundException(
            f"Model {model_name} not found: neither among the models that this server was started with nor in the "
            f"current working directory {Path.cwd()}"
        )

    @staticmethod
    def profile(
        workspace: Workspace,
        profile_name: str,
        models: Sequence[Model],
        inference_config: InferenceConfig,
        input_dataset: AbstractDataset | None,
        cpu: float | None = None,
        memory_in_gb: float | None = None,
        description: str | None = None,
        *,
        rate: float | str | None = None,
        concurrency: int | None = None,
        latency: Mapping[str, str] | None = None,
        max_slowdown_percent: float | None = None,
        duration: str | None = None,
        warmup: str | None = None,
        deadline: str | None = None,
        auto_tag: bool = False,
    ) -> ModelProfile:
        """Find the smallest size at which the models answer the requests of a dataset well enough.

        It returns at once; the run goes on in the background, on this machine or in the cluster.

        Parameters
        ----------
        profile_name
            A name that no other profile has.
        models
            The models that are served; may be empty.
        inference_config
            How they are served.
        input_dataset
            A tabular dataset with one column of strings: each row is the body of a request.
        cpu, memory_in_gb
            Largest size that is tried, in cores and in GB (10^9 bytes); by default 3.5 and 15.0, or what this
            machine has beside the load where that is less; in a cluster, what a node can give.
        description
            What the profile is for.
        rate, concurrency, latency, max_slowdown_percent, duration, warmup, deadline, auto_tag
            What the original did not let a caller say; see `modelprofiler.azureml.profiling.request.Options`. By
            default one client asks at a time, and the 95th percentile of latency may be half above that at the largest
            size.

        Raises
        ------
        UserErrorException
            When a name, a size, the dataset or an option cannot be used.
        WebserviceException
            When the name is taken.
        """
        from modelprofiler.azureml.profiling.request import Options
        from modelprofiler.azureml.profiling.start import start

        options = Options(
            rate, concurrency, latency, max_slowdown_percent, duration, warmup, deadline, auto_tag=auto_tag
        )
        return start(
            workspace, profile_name, models, inference_config, input_dataset, cpu, memory_in_gb, description, options
        )

    @staticmethod
    def deploy(*_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse: nothing is deployed here."""
        raise UserErrorException(DEPLOYS_NOTHING)

    @staticmethod
    def package(*_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse: no image is built here."""
        raise UserErrorException("modelprofiler builds no images; build one with your own Dockerfile")

    def files(self) -> str:
        """Return the path of the model's file or folder on this machine."""
        directory = self.workspace.registry.files(self.name, self.version)
        (entry,) = directory.iterdir()
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
        """Replace what is given of the model's tags, description, samples and size."""
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
        self.workspace.registry.update(self._record)
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
            For a property that is there already: it never changes.
        """
        record = self.workspace.registry.get(self.name, self.version)
        gone = [remove_tags] if isinstance(remove_tags, str) else remove_tags or ()
        for name in retag(record, texts(add_tags), gone, texts(add_properties)):
            print(f"Tag with key {name} not found.")
        self.workspace.registry.update(record)
        self._show(record)

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, in place of those of the same names."""
        self.update_tags_properties(add_tags=tags)
        print("Model tag add operation complete.")

    def remove_tags(self, tags: str | Sequence[str]) -> None:
        """Remove tags."""
        self.update_tags_properties(remove_tags=tags)
        print("Model tag remove operation complete.")

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which then never change."""
        self.update_tags_properties(add_properties=properties)
        print("Model properties add operation complete.")

    def add_dataset_references(self, datasets: Sequence[tuple[str, AbstractDataset]]) -> None:
        """Record datasets and what they were used for."""
        self._record.datasets += [{"name": use, "id": each.ensure_saved(self.workspace)} for use, each in datasets]
        self.workspace.registry.update(self._record)

    def delete(self) -> None:
        """Remove this version of the model."""
        self.workspace.registry.delete(self.name, self.version)

    def serialize(self) -> dict[str, Any]:
        """Return the model as JSON data, with the original's keys."""
        return serialized(self._record)

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )


__all__ = ["InferenceConfig", "Model"]
