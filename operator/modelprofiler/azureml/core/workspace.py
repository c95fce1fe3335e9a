"""A workspace: where models, data and environments are registered, and where profiles run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.model import Model
from modelprofiler.azureml.data.abstract_dataset import AbstractDataset
from modelprofiler.azureml.data.datastore import LocalDatastore, all_datastores, default_datastore, get_datastore
from modelprofiler.azureml.registry.choose import registry_of
from modelprofiler.azureml.registry.record import ModelRegistry
from modelprofiler.azureml.serving.environment import Environment
from modelprofiler.azureml.unsupported import COMPUTE, RUNS, SECRETS, WORKSPACES, refusal
from modelprofiler.azureml.workspace_settings import KUBERNETES, LOCAL, TRACKING_URI_VARIABLE, WorkspaceSettings


class Workspace(WorkspaceSettings):
    """Where models, data and environments are registered, and where profiles run.

    What is registered is kept in a directory of this machine (`Store`), whatever the workspace; models are kept in
    MLflow where a tracking URI is set. Profiles run on this machine, or in a namespace of a cluster when the resource
    group is ``kubernetes`` or ``kubernetes:CONTEXT``. Any other subscription, group and workspace name is only a label,
    so that an old script keeps its own. `WorkspaceSettings` documents the parameters.
    """

    @property
    def registry(self) -> ModelRegistry:
        """The registry that holds the models."""
        return registry_of(self)

    @property
    def datastores(self) -> dict[str, LocalDatastore]:
        """The datastores by name."""
        return all_datastores(self)

    def get_default_datastore(self) -> LocalDatastore:
        """Return the default datastore."""
        return default_datastore(self)

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default."""
        get_datastore(self, name).set_as_default()

    @property
    def datasets(self) -> dict[str, AbstractDataset]:
        """The registered datasets by name, each in its latest version."""
        return Dataset.get_all(self)

    @property
    def environments(self) -> dict[str, Environment]:
        """The registered environments by name, each in its latest version."""
        return Environment.list(self)

    @property
    def models(self) -> dict[str, Model]:
        """The registered models by name, each in its latest version."""
        return {model.name: model for model in Model.list(self, latest=True)}

    compute_targets: Mapping[str, Any] = MappingProxyType({})
    webservices: Mapping[str, Any] = MappingProxyType({})
    images: Mapping[str, Any] = MappingProxyType({})
    experiments: Mapping[str, Any] = MappingProxyType({})
    linked_services: Mapping[str, Any] = MappingProxyType({})
    """What Azure ML kept in a workspace and nothing here does: there are none of each."""

    get_default_keyvault = refusal("get_default_keyvault", SECRETS)
    create = staticmethod(refusal("Workspace.create", WORKSPACES))
    list = staticmethod(refusal("Workspace.list", WORKSPACES))
    delete = refusal("delete", WORKSPACES)
    get_run = refusal("get_run", RUNS)
    get_default_compute_target = refusal("get_default_compute_target", COMPUTE)


__all__ = ["KUBERNETES", "LOCAL", "TRACKING_URI_VARIABLE", "Workspace"]
