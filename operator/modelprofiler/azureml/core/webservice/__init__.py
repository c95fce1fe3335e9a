"""Web services, which are not supported; the size of a deployment can still be written down."""

from __future__ import annotations

from typing import Any

from modelprofiler.azureml.exceptions import WebserviceException
from modelprofiler.azureml.unsupported import DEPLOYMENT, Unsupported, stand_ins


class Webservice(metaclass=Unsupported):
    """A deployed model."""

    instead = DEPLOYMENT


class DeploymentConfiguration:
    """The size of a deployment: the arguments of `deploy_configuration`."""

    def __init__(self, cpu_cores: float | None = None, memory_gb: float | None = None, **others: Any) -> None:
        self.cpu_cores = cpu_cores
        self.memory_gb = memory_gb
        self.others = others


WebserviceDeploymentConfiguration = DeploymentConfiguration
AciServiceDeploymentConfiguration = DeploymentConfiguration
AksServiceDeploymentConfiguration = DeploymentConfiguration
LocalWebserviceDeploymentConfiguration = DeploymentConfiguration


class _Deployable(metaclass=Unsupported):
    instead = DEPLOYMENT

    @staticmethod
    def deploy_configuration(
        cpu_cores: float | None = None, memory_gb: float | None = None, **others: Any
    ) -> DeploymentConfiguration:
        """Return the size of a deployment."""
        return DeploymentConfiguration(cpu_cores, memory_gb, **others)


class AciWebservice(_Deployable):
    """A model deployed to a container instance."""


class AksWebservice(_Deployable):
    """A model deployed to Kubernetes."""


class AksEndpoint(_Deployable):
    """A model deployed to Kubernetes, in versions."""


class LocalWebservice(_Deployable):
    """A model deployed to this machine."""


__all__ = [
    "AciServiceDeploymentConfiguration",
    "AciWebservice",
    "AksEndpoint",
    "AksServiceDeploymentConfiguration",
    "AksWebservice",
    "DeploymentConfiguration",
    "LocalWebservice",
    "LocalWebserviceDeploymentConfiguration",
    "Webservice",
    "WebserviceDeploymentConfiguration",
    "WebserviceException",
]

__getattr__ = stand_ins(__name__, DEPLOYMENT)
