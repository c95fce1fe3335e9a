"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import AksEndpoint, AksServiceDeploymentConfiguration, AksWebservice
from modelprofiler.azureml.unsupported import DEPLOYMENT, stand_ins

__all__ = ["AksEndpoint", "AksServiceDeploymentConfiguration", "AksWebservice"]

__getattr__ = stand_ins(__name__, DEPLOYMENT)
