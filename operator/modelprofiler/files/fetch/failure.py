"""Why files could not be fetched."""

from __future__ import annotations

from typing import Literal

from modelprofiler.errors import ModelProfilerError

Why = Literal["SourceNotFound", "SourceUnreadable"]


class FetchFailed(ModelProfilerError):
    """An address has no files, or they cannot be read; never with a credential in the message."""

    def __init__(self, message: str, reason: Why = "SourceUnreadable") -> None:
        self.reason = reason
        super().__init__(message)


def denied(what: str, status: int) -> FetchFailed:
    """Return the failure of a request that was answered with an error."""
    if status == 404:
        return FetchFailed(f"{what} does not exist (status 404)", "SourceNotFound")
    if status in (401, 403):
        return FetchFailed(f"access to {what} is denied (status {status}); secretRef names the Secret that allows it")
    return FetchFailed(f"{what} cannot be read (status {status})")
