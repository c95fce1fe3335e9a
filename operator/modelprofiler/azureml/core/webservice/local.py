"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import LocalWebservice, LocalWebserviceDeploymentConfiguration
from modelprofiler.azureml.unsupported import DEPLOYMENT, stand_ins

__all__ = ["LocalWebservice", "LocalWebserviceDeploymentConfiguration"]

__getattr__ = stand_ins(__name__, DEPLOYMENT)
