"""Azure ML's exceptions, as a branch of this package's exception tree.

::

    ModelProfilerError
    └── AzureMLException
        ├── UserErrorException            an argument or file of the caller cannot be used
        │   ├── DatasetValidationError    the data of a dataset cannot be read
        │   └── AuthenticationException
        ├── WebserviceException           about models, profiles and inference configurations
        │   ├── ModelNotFoundException
        │   └── ModelPathNotFoundException  also a FileNotFoundError
        ├── RunEnvironmentException
        ├── ComputeTargetException
        ├── ProjectSystemException
        └── WorkspaceException

The SDK's other exceptions can be imported, too; nothing raises them.

Azure ML raised `WebserviceException` for an unknown model, and documented `ModelNotFoundException`: here the exception
is both.
"""

from __future__ import annotations

import functools
from typing import Any

from modelprofiler.errors import ModelProfilerError


class AzureMLException(ModelProfilerError):
    """Base of everything that this part of the package raises on purpose.

    Parameters
    ----------
    exception_message
        What is wrong and what to do about it.
    """

    def __init__(self, exception_message: str, **details: Any) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.inner_exception = details.get("inner_exception")

    def __str__(self) -> str:
        return self.message


class UserErrorException(AzureMLException):
    """An argument or a file of the caller cannot be used."""


class DatasetValidationError(UserErrorException):
    """The data of a dataset cannot be read."""


class AuthenticationException(UserErrorException):
    """Logging in failed."""


class WebserviceException(AzureMLException):
    """A model, a profile or an inference configuration does not exist or cannot be used.

    Attributes
    ----------
    status_code
        The HTTP status code of the answer that Azure ML's service would have given; None where no code fits.
    """

    def __init__(self, exception_message: str, status_code: int | None = None, **details: Any) -> None:
        super().__init__(exception_message, **details)
        self.status_code = status_code


class ModelNotFoundException(WebserviceException):
    """There is no such model."""


class ModelPathNotFoundException(WebserviceException, FileNotFoundError):
    """The path of a model does not exist."""


class RunEnvironmentException(AzureMLException):
    """Training runs are not supported."""


class ComputeTargetException(AzureMLException):
    """Compute targets are not supported."""


class ProjectSystemException(AzureMLException):
    """The workspace cannot be used."""


class WorkspaceException(AzureMLException):
    """The workspace cannot be used."""


@functools.cache
def __getattr__(name: str) -> Any:
    """Return another exception of the SDK, which nothing here raises, so that a script can catch it."""
    if name.startswith("_") or not name.endswith(("Exception", "Error")):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return type(name, (AzureMLException,), {"__doc__": "An exception of the SDK that nothing here raises."})


__all__ = [
    "AuthenticationException",
    "AzureMLException",
    "ComputeTargetException",
    "DatasetValidationError",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ProjectSystemException",
    "RunEnvironmentException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
]
