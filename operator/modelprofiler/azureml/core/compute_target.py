"""The SDK's import path of the exception about compute targets, which are not supported."""

from modelprofiler.azureml.core.compute import AksCompute, AmlCompute, ComputeTarget
from modelprofiler.azureml.exceptions import ComputeTargetException
from modelprofiler.azureml.unsupported import COMPUTE, stand_ins

__all__ = ["AksCompute", "AmlCompute", "ComputeTarget", "ComputeTargetException"]

__getattr__ = stand_ins(__name__, COMPUTE)
