"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import (
    DeploymentConfiguration,
    Webservice,
    WebserviceDeploymentConfiguration,
    WebserviceException,
)
from modelprofiler.azureml.unsupported import DEPLOYMENT, stand_ins

__all__ = ["DeploymentConfiguration", "Webservice", "WebserviceDeploymentConfiguration", "WebserviceException"]

__getattr__ = stand_ins(__name__, DEPLOYMENT)
