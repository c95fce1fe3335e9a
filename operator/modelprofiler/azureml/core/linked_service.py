"""Linked services, which do not exist here."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import Unsupported


class LinkedService(metaclass=Unsupported):
    """Another service of Azure that is linked to a workspace."""

    instead = (
        "no other service can be linked; copy the requests to this machine, and use "
        "Dataset.Tabular.from_delimited_files(path)"
    )


class SynapseWorkspaceLinkedServiceConfiguration(LinkedService):
    """A Synapse workspace that is linked to a workspace."""
