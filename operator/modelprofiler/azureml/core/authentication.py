"""Azure ML's logins: they are accepted and not used, since nothing here needs one.

A cluster is reached with the kubeconfig.
"""

from __future__ import annotations

from typing import Any


class AbstractAuthentication:
    """A login that is not used."""

    def __init__(self, *_arguments: Any, **_named: Any) -> None:
        pass


class InteractiveLoginAuthentication(AbstractAuthentication):
    """A login in a browser; not used."""


class AzureCliAuthentication(AbstractAuthentication):
    """The login of the Azure command line; not used."""


class ServicePrincipalAuthentication(AbstractAuthentication):
    """The login of a service principal; not used."""


class MsiAuthentication(AbstractAuthentication):
    """The login of a managed identity; not used."""


class TokenAuthentication(AbstractAuthentication):
    """A login by a token; not used."""
