"""The SDK's import path of `DataPath`."""

from modelprofiler.azureml.data.datastore import DataPath

__all__ = ["DataPath"]
