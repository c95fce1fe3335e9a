"""The SDK's import path of `CondaDependencies`."""

from modelprofiler.azureml.serving.conda_dependencies import DEFAULT_PIP_PACKAGE, CondaDependencies

__all__ = ["DEFAULT_PIP_PACKAGE", "CondaDependencies"]
