"""The SDK's import path of `AksCompute`."""

from modelprofiler.azureml.core.compute import AksCompute

__all__ = ["AksCompute"]
