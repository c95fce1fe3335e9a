"""Secrets of a workspace, which are not kept here."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import Unsupported


class Keyvault(metaclass=Unsupported):
    """The secrets of a workspace."""

    instead = (
        "there is no key vault here; read the secret from an environment variable, and give it to a scoring script "
        "with Environment.environment_variables"
    )
