"""The SDK's import path of `AksCompute`."""

from modelprofiler.azureml.core.compute import AksCompute
from modelprofiler.azureml.unsupported import COMPUTE, stand_ins

__all__ = ["AksCompute"]

__getattr__ = stand_ins(__name__, COMPUTE)
