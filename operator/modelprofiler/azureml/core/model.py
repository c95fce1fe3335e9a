"""A registered model, and `Model.profile`."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.profile import ModelProfile
from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.exceptions import ModelNotFoundException, UserErrorException, WebserviceException
from modelprofiler.azureml.profiling.request import Options
from modelprofiler.azureml.profiling.start import start
from modelprofiler.azureml.registry.change import check_registration, texts
from modelprofiler.azureml.registry.choose import registry_of
from modelprofiler.azureml.registry.model import RegisteredModel
from modelprofiler.azureml.registry.query import Filter, look_up, search
from modelprofiler.azureml.registry.record import ModelRecord
from modelprofiler.azureml.registry.resource_configuration import ResourceConfiguration
from modelprofiler.azureml.serving.inference_config import InferenceConfig
from modelprofiler.azureml.serving.model_path import files_of, find_model_path
from modelprofiler.azureml.unsupported import DEPLOYMENT, IMAGES, Unsupported
from modelprofiler.azureml.workspace_settings import WorkspaceSettings


class Model(RegisteredModel):
    """A version of a registered model; the constructor looks it up.

    Parameters
    ----------
    workspace
        Where it is registered.
    name, version
        The model; its latest version where no version is given.
    id
        Instead of both: ``diabetes:1``, or ``models:/diabetes/1`` as MLflow writes it.
    tags, properties, model_framework
        What the version must have: names, or [name, value] pairs.

    Raises
    ------
    ModelNotFoundException
        When there is no such model; it is a `WebserviceException` too.
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
        workspace: WorkspaceSettings,
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
        record: ModelRecord | None = named.get("_record")
        if record is None:
            registry = registry_of(workspace)
            record = look_up(registry, name, id, tags, properties, version, run_id, model_framework)
        super().__init__(workspace, record)

    @property
    def sample_input_dataset(self) -> AbstractDataset | None:
        """The requests it was registered with."""
        return self._dataset(self._record.sample_input_dataset_id)

    @property
    def sample_output_dataset(self) -> AbstractDataset | None:
        """The answers it was registered with."""
        return self._dataset(self._record.sample_output_dataset_id)

    @property
    def datasets(self) -> dict[str, builtins.list[AbstractDataset]]:
        """The recorded datasets, by what they were used for."""
        by_use: dict[str, builtins.list[AbstractDataset]] = {}
        for reference in self._record.datasets:
            by_use.setdefault(reference["name"], []).append(Dataset.get_by_id(self.workspace, reference["id"]))
        return by_use

    def _dataset(self, id: str | None) -> AbstractDataset | None:
        return Dataset.get_by_id(self.workspace, id) if id else None

    @staticmethod
    def register(
        workspace: WorkspaceSettings,
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
            The parts of the folder to copy; everything by default.

        Raises
        ------
        WebserviceException
            When the name cannot be used, or a path does not exist.
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
            datasets=[{"name": use, "id": dataset.ensure_saved(workspace)} for use, dataset in datasets or ()],
        )
        return Model(workspace, _record=registry_of(workspace).register(record, files))

    @staticmethod
    def list(
        workspace: WorkspaceSettings,
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
        """Return the models that match every argument, the latest first."""
        if tags is not None and not isinstance(tags, builtins.list):
            raise UserErrorException(
                f'tags must be a list such as ["key", ["key2", "value"]], not {type(tags).__name__}'
            )
        registry = registry_of(workspace)
        records = search(registry, name, tags, properties, run_id, model_framework, dataset_id, latest=latest)
        return [Model(workspace, _record=record) for record in records]

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: WorkspaceSettings | None = None) -> str:
        """Return the path of a model's file or folder.

        A scoring script gets the path of a model that its server was started with. Elsewhere the model is looked up in
        `_workspace`, or else as a path in the current directory.

        Raises
        ------
        ModelNotFoundException
            When there is no such model.
        """
        if version is not None and not isinstance(version, int):
            raise WebserviceException("version should be an int")
        path = find_model_path(model_name, version, os.environ)
        if path is not None:
            return path
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
        workspace: WorkspaceSettings,
        profile_name: str,
        models: Sequence[Model],
        inference_config: InferenceConfig,
        input_dataset: AbstractDataset | str | None,
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
        soak: str | None = None,
        deadline: str | None = None,
        auto_tag: bool = False,
    ) -> ModelProfile:
        """Find the smallest size at which the models answer the requests of a dataset well enough.

        The call returns at once; the run goes on in the background, on this machine or in the cluster.

        Parameters
        ----------
        profile_name
            A name that no other profile has.
        models
            The models that are served; may be empty.
        inference_config
            How they are served.
        input_dataset
            A tabular dataset with one column of strings: each row is the body of a request. A text in JSON is taken for
            a dataset of one row, as the SDK's first `Model.profile` took a sample request.
        cpu, memory_in_gb
            The largest size to try, in cores and in GB (10^9 bytes). Default: 3.5 and 15.0, or what this machine has
            left while the load runs if that is less; in a cluster, what a node can give.
        description
            What the profile is for.
        rate, concurrency, latency, max_slowdown_percent, duration, warmup, soak, deadline, auto_tag
            Options that Azure ML did not have; `modelprofiler.azureml.profiling.request.Options` explains them. By
            default one client sends requests, and the 95th percentile of latency may be at most half above that at
            the largest size.

        Raises
        ------
        UserErrorException
            When a name, a size, the dataset or an option cannot be used.
        WebserviceException
            When the name is taken.
        """
        options = Options(
            rate, concurrency, latency, max_slowdown_percent, duration, warmup, soak, deadline, auto_tag=auto_tag
        )
        start(workspace, profile_name, models, inference_config, input_dataset, cpu, memory_in_gb, description, options)
        return ModelProfile(workspace, profile_name)

    @staticmethod
    def deploy(*_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse: modelprofiler deploys nothing."""
        raise UserErrorException(f"Model.deploy: {DEPLOYMENT}")

    @staticmethod
    def package(*_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse: modelprofiler builds no images."""
        raise UserErrorException(f"Model.package: {IMAGES}")


class ModelPackage(metaclass=Unsupported):
    """An image or a Dockerfile that was made of models."""

    instead = IMAGES


__all__ = ["InferenceConfig", "Model", "ModelPackage"]
