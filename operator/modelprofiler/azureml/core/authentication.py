"""Azure ML's logins: they are accepted and not used, since nothing here needs one.

A cluster is reached with the kubeconfig.
"""

from __future__ import annotations

from typing import Any, NoReturn

from modelprofiler.azureml.exceptions import AuthenticationException
from modelprofiler.azureml.unsupported import LOGIN


class AbstractAuthentication:
    """A login that is not used."""

    def __init__(self, *_arguments: Any, **_named: Any) -> None:
        pass

    def get_authentication_header(self) -> NoReturn:
        """Refuse: no service here takes a token of Azure."""
        raise AuthenticationException(f"get_authentication_header: {LOGIN}")

    def get_token(self, *_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse, as `get_authentication_header`."""
        raise AuthenticationException(f"get_token: {LOGIN}")


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


class AzureMLTokenAuthentication(AbstractAuthentication):
    """The login of a training run; not used."""


class ArcTokenAuthentication(AbstractAuthentication):
    """The login of a connected cluster; not used."""
