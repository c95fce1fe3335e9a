"""Compute targets, which are not supported: a profile runs on this machine or in a namespace."""

from __future__ import annotations

from modelprofiler.azureml.exceptions import ComputeTargetException
from modelprofiler.azureml.unsupported import COMPUTE, Unsupported, stand_ins


class ComputeTarget(metaclass=Unsupported):
    """A machine that Azure ML managed."""

    instead = COMPUTE


class AmlCompute(ComputeTarget):
    """A pool of machines."""


class AksCompute(ComputeTarget):
    """A Kubernetes cluster."""


__all__ = ["AksCompute", "AmlCompute", "ComputeTarget", "ComputeTargetException"]

__getattr__ = stand_ins(__name__, COMPUTE)
