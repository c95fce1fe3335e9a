"""Secrets of a workspace, which are not kept here."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import SECRETS, Unsupported


class Keyvault(metaclass=Unsupported):
    """The secrets of a workspace."""

    instead = SECRETS
