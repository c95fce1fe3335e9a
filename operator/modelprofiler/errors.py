"""The exceptions of this package.

::

    ModelProfilerError
    ├── InvalidInput            what a user wrote; carries every problem found, with its path
    ├── Retryable               the same call may succeed later; whoever catches it bounds the retries
    │   ├── ClusterUnavailable  the API server did not answer, or asked to come back later
    │   ├── Conflict            the object changed since it was read
    │   └── MetricsUnavailable  a metrics source did not answer, or not in time
    ├── Refused                 the API server understood the request and said no; trying again changes nothing
    │   ├── NotFound
    │   └── QuotaExceeded       a ResourceQuota of the namespace has too little left; it may have more later
    ├── UploadFailed            files could not be copied onto a volume: no storage, no room, or no right to
    ├── DatasetError            a dataset cannot be read, or has no rows
    ├── MachineBusy             another run has the machine
    ├── RecordUnreadable        the record of a run is not there, or is not one
    ├── LoadError               the load could not be generated, whatever the server did
    ├── LimitsUnavailable       this machine cannot hold a process to CPU and memory limits
    ├── StartFailed             a server process could not be started at all
    └── EnvironmentFailed       the Python environment of an entry script could not be built, whatever it asks

Foreign exceptions are translated once, where the foreign library is called.
"""

from __future__ import annotations

from dataclasses import dataclass


class ModelProfilerError(Exception):
    """Anything this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what a user wrote.

    Attributes
    ----------
    path
        Where, as Kubernetes writes it: ``spec.load.openLoop.rate``.
    message
        What is wrong and what would be right, in one sentence.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidInput(ModelProfilerError):
    """What a user wrote cannot be used; `problems` holds everything that is wrong at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


class Retryable(ModelProfilerError):
    """The same call may succeed later."""


class ClusterUnavailable(Retryable):
    """The API server did not answer, or asked to come back later."""


class Conflict(Retryable):
    """The object changed since it was read."""


class MetricsUnavailable(Retryable):
    """A metrics source did not answer, or not in time."""


class Refused(ModelProfilerError):
    """The API server understood the request and said no.

    Attributes
    ----------
    status
        The HTTP status code it answered.
    """

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class NotFound(Refused):
    """The object is not there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 404)


class UploadFailed(ModelProfilerError):
    """Files could not be copied onto a volume: no storage, no room, or no right to create one."""


class QuotaExceeded(Refused):
    """A ResourceQuota of the namespace has too little left; it may have more when something else has ended."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 403)


class DatasetError(ModelProfilerError):
    """A dataset cannot be read, or has no rows."""


class MachineBusy(ModelProfilerError):
    """Another run has the machine, and two runs would disturb each other."""


class RecordUnreadable(ModelProfilerError):
    """The record of a run is not there, or is not one."""


class LoadError(ModelProfilerError):
    """The load could not be generated, whatever the server did."""


class LimitsUnavailable(ModelProfilerError):
    """A process cannot be held to CPU and memory limits here, or not by this user; one sentence says why."""


class StartFailed(ModelProfilerError):
    """A server process could not be started at all: no such command, no such folder, no permission."""


class EnvironmentFailed(ModelProfilerError):
    """The Python environment of an entry script could not be built: no uv, no network, no time, no room."""
