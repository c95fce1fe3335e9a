"""Linked services, which do not exist here."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import SERVICES, Unsupported, stand_ins


class LinkedService(metaclass=Unsupported):
    """Another service of Azure that is linked to a workspace."""

    instead = SERVICES


class SynapseWorkspaceLinkedServiceConfiguration(LinkedService):
    """A Synapse workspace that is linked to a workspace."""


__getattr__ = stand_ins(__name__, SERVICES)
