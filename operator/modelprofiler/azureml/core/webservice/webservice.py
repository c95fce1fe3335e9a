"""The SDK's import path of the same names."""

from modelprofiler.azureml.core.webservice import Webservice, WebserviceException

__all__ = ["Webservice", "WebserviceException"]
