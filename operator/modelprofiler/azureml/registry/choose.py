"""The model registry of a workspace."""

from __future__ import annotations

from modelprofiler.azureml.registry.local import LocalRegistry
from modelprofiler.azureml.registry.mlflow import MlflowRegistry
from modelprofiler.azureml.registry.record import ModelRegistry
from modelprofiler.azureml.store import Store
from modelprofiler.azureml.workspace_settings import WorkspaceSettings


def registry_of(workspace: WorkspaceSettings) -> ModelRegistry:
    """Return the registry that holds the models of a workspace."""
    return registry_at(workspace.tracking_uri, workspace.store)


def registry_at(tracking_uri: str | None, store: Store) -> ModelRegistry:
    """Return the MLflow registry at an address, or the one in the store where there is no address."""
    return MlflowRegistry(tracking_uri, store) if tracking_uri else LocalRegistry(store)
