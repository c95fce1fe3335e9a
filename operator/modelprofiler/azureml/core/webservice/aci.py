"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import AciServiceDeploymentConfiguration, AciWebservice

__all__ = ["AciServiceDeploymentConfiguration", "AciWebservice"]
