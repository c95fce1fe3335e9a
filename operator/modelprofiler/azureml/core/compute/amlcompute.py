"""The SDK's import path of `AmlCompute`."""

from modelprofiler.azureml.core.compute import AmlCompute
from modelprofiler.azureml.exceptions import ComputeTargetException

__all__ = ["AmlCompute", "ComputeTargetException"]
