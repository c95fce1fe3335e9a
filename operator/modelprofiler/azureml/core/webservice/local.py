"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import LocalWebservice, LocalWebserviceDeploymentConfiguration

__all__ = ["LocalWebservice", "LocalWebserviceDeploymentConfiguration"]
