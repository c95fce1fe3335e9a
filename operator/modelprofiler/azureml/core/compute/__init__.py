"""Compute targets, which are not supported: a profile runs on this machine or in a namespace."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import Unsupported


class ComputeTarget(metaclass=Unsupported):
    """A machine that Azure ML managed."""

    instead = (
        "there are no compute targets; a profile runs on this machine (Workspace.local()) or in a cluster "
        "(Workspace.from_kubernetes(namespace=...))"
    )


class AmlCompute(ComputeTarget):
    """A pool of machines."""


class AksCompute(ComputeTarget):
    """A Kubernetes cluster."""
