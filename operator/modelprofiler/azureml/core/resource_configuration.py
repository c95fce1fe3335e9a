"""The SDK's import path of `ResourceConfiguration`."""

from modelprofiler.azureml.registry.resource_configuration import ResourceConfiguration

__all__ = ["ResourceConfiguration"]
