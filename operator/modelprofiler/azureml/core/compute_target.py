"""The SDK's import path of the exception about compute targets, which are not supported."""

from modelprofiler.azureml.core.compute import AksCompute, AmlCompute, ComputeTarget
from modelprofiler.azureml.exceptions import ComputeTargetException

__all__ = ["AksCompute", "AmlCompute", "ComputeTarget", "ComputeTargetException"]
