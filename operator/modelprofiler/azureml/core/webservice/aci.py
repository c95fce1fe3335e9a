"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import AciServiceDeploymentConfiguration, AciWebservice
from modelprofiler.azureml.unsupported import DEPLOYMENT, stand_ins

__all__ = ["AciServiceDeploymentConfiguration", "AciWebservice"]

__getattr__ = stand_ins(__name__, DEPLOYMENT)
