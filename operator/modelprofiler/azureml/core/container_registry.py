"""The SDK's import path of `ContainerRegistry`."""

from modelprofiler.azureml.serving.container_registry import ContainerRegistry

__all__ = ["ContainerRegistry"]
