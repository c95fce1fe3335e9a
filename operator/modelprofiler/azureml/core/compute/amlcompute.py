"""The SDK's import path of `AmlCompute`."""

from modelprofiler.azureml.core.compute import AmlCompute
from modelprofiler.azureml.exceptions import ComputeTargetException
from modelprofiler.azureml.unsupported import COMPUTE, stand_ins

__all__ = ["AmlCompute", "ComputeTargetException"]

__getattr__ = stand_ins(__name__, COMPUTE)
