"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import AksEndpoint, AksServiceDeploymentConfiguration, AksWebservice

__all__ = ["AksEndpoint", "AksServiceDeploymentConfiguration", "AksWebservice"]
