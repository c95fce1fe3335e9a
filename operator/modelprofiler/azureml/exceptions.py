"""The original's exceptions, within this package's one tree.

::

    ModelProfilerError
    └── AzureMLException
        ├── UserErrorException            what the caller wrote cannot be used
        │   ├── DatasetValidationError    the data of a dataset cannot be read
        │   └── AuthenticationException
        ├── WebserviceException           about models, profiles and inference configurations
        │   ├── ModelNotFoundException
        │   └── ModelPathNotFoundException  also a FileNotFoundError
        ├── RunEnvironmentException
        ├── ComputeTargetException
        ├── ProjectSystemException
        └── WorkspaceException

The original raised `WebserviceException` for an unknown model and documented `ModelNotFoundException`: here it is both.
"""

from __future__ import annotations

from typing import Any

from modelprofiler.errors import ModelProfilerError


class AzureMLException(ModelProfilerError):
    """Anything that this part of the package raises on purpose.

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
    """What the caller wrote cannot be used."""


class DatasetValidationError(UserErrorException):
    """The data of a dataset cannot be read."""


class AuthenticationException(UserErrorException):
    """Logging in failed."""


class WebserviceException(AzureMLException):
    """A model, a profile or an inference configuration is not there or cannot be used.

    Attributes
    ----------
    status_code
        The HTTP status code that the original's service would have answered, where it tells something.
    """

    def __init__(self, exception_message: str, status_code: int | None = None, **details: Any) -> None:
        super().__init__(exception_message, **details)
        self.status_code = status_code


class ModelNotFoundException(WebserviceException):
    """There is no such model."""


class ModelPathNotFoundException(WebserviceException, FileNotFoundError):
    """A path that holds a model is not there."""


class RunEnvironmentException(AzureMLException):
    """There is no run."""


class ComputeTargetException(AzureMLException):
    """There are no compute targets."""


class ProjectSystemException(AzureMLException):
    """The workspace cannot be used."""


class WorkspaceException(AzureMLException):
    """The workspace cannot be used."""


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
