"""Which registry a workspace has."""

from __future__ import annotations

from modelprofiler.azureml.registry.local import LocalRegistry
from modelprofiler.azureml.registry.record import ModelRegistry
from modelprofiler.azureml.store import Store


def registry_at(tracking_uri: str | None, store: Store) -> ModelRegistry:
    """Return the MLflow registry at an address, or the local one where there is none."""
    if tracking_uri:
        from modelprofiler.azureml.registry.mlflow import MlflowRegistry

        return MlflowRegistry(tracking_uri, store)
    return LocalRegistry(store)
