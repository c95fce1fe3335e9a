"""The exceptions of this package.

::

    ModelProfilerError
    ├── InvalidInput            what a user wrote cannot be used; carries every problem with its path
    ├── Retryable               the same call may succeed later; the caller limits the retries
    │   ├── ClusterUnavailable  the API server did not answer, or asked to come back later
    │   ├── Conflict            the object changed since it was read
    │   │   └── AlreadyExists   there is an object of this name
    │   ├── MetricsUnavailable  a metrics source did not answer, or not in time
    │   └── Unreadable          what belongs to a profile is nothing that can be read
    ├── Refused                 the API server rejected the request; repeating it changes nothing
    │   ├── NotFound
    │   ├── NameTaken           an object of somebody else has the name of one that is to be created
    │   ├── QuotaExceeded       a ResourceQuota of the namespace has too little left; it may have more later
    │   ├── WebhookFailed       an admission webhook did not answer; it may answer later
    │   └── NotAllowed          the account lacks a right; an API server that has just started may say so of every right
    ├── UploadFailed            files could not be copied onto a volume: no storage, no space or no permission
    ├── DatasetError            a dataset cannot be read, or has no rows
    ├── MachineBusy             another run is using this machine
    ├── RecordUnreadable        the record of a run does not exist or cannot be read
    ├── LoadError               the load could not be generated, whatever the server did
    ├── LimitsUnavailable       this machine cannot limit a process's CPU and memory
    ├── StartFailed             a server process could not be started at all
    └── EnvironmentFailed       the Python environment of an entry script could not be built

Foreign exceptions are translated once, where the foreign library is called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass


class ModelProfilerError(Exception):
    """Anything this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of what a user wrote.

    Attributes
    ----------
    path
        The field, as Kubernetes writes it (``spec.load.openLoop.rate``), or the option; empty for the file itself.
    message
        What is wrong and what would be right, in one sentence.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


_PLAIN_KEY = re.compile(r"[A-Za-z0-9_./-]{1,80}")


def field_path(parts: Iterable[int | str], parent: str = "") -> str:
    """Return the path of a field as Kubernetes writes it: ``spec.load.openLoop``, ``values[0]``, ``data["a b"]``.

    A key that is no word is quoted and cut, as it may hold anything.

    Parameters
    ----------
    parts
        Keys of objects and positions in lists, from the outside in.
    parent
        The path that they begin at.
    """
    path = parent
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            path += f".{part}" if path else part
        else:
            path += f"[{json.dumps(part[:80])}]"
    return path


class InvalidInput(ModelProfilerError):
    """What a user wrote cannot be used; `problems` has all of its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


class Retryable(ModelProfilerError):
    """The same call may succeed later."""


class ClusterUnavailable(Retryable):
    """The API server did not answer, or asked to come back later."""


class Conflict(Retryable):
    """The object changed since it was read."""


class AlreadyExists(Conflict):
    """There is an object of this name."""


class MetricsUnavailable(Retryable):
    """A metrics source did not answer, or not in time."""


class Unreadable(Retryable):
    """What belongs to a profile is nothing that can be read; somebody may have made it so."""


class Refused(ModelProfilerError):
    """The API server rejected the request.

    Attributes
    ----------
    status
        The HTTP status code of its answer.
    """

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class NotFound(Refused):
    """The object does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 404)


class NameTaken(Refused):
    """An object of somebody else has the name of one that is to be created."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 409)


class UploadFailed(ModelProfilerError):
    """Files could not be copied onto a volume: no storage, no room, or no right to create one."""


class QuotaExceeded(Refused):
    """A ResourceQuota of the namespace has too little left; it may have more when something else has ended."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 403)


class WebhookFailed(Refused):
    """An admission webhook did not answer, so that nothing is admitted that it is asked about."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 500)


class NotAllowed(Refused):
    """The account lacks a right, or the API server has just started and has not read yet who has which rights."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 403)


class DatasetError(ModelProfilerError):
    """A dataset cannot be read, or has no rows."""


class MachineBusy(ModelProfilerError):
    """Another run is using this machine; two runs would disturb each other."""


class RecordUnreadable(ModelProfilerError):
    """The record of a run does not exist or cannot be read."""


class LoadError(ModelProfilerError):
    """The load could not be generated, whatever the server did."""


class LimitsUnavailable(ModelProfilerError):
    """The CPU and memory of a process cannot be limited on this machine or by this user; the message says why."""


class StartFailed(ModelProfilerError):
    """A server process could not be started: no such command, no such folder, or no permission."""


class EnvironmentFailed(ModelProfilerError):
    """The Python environment of an entry script could not be built: no uv, network, time or space."""
