"""Files in object stores and hubs (s3, gs, abfs, hf), by fsspec and its drivers: the only module that knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.target import Target
from modelprofiler.files.fetch.web import shown

SCHEMES = ("s3", "gs", "abfs", "abfss", "hf")
LONGEST_CHAIN = 10
"""Errors behind an error that are looked at: drivers have two or three, and a chain may be a circle."""
PIECE = 4 * 2**20
"""Bytes that are read at once; a driver keeps two or three such pieces."""


def fetch(uri: str, target: Target, credentials: Credentials) -> None:
    """Download an object, or everything below a prefix.

    Raises
    ------
    FetchFailed
        There is nothing, access is denied, or the driver is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise FetchFailed("fsspec is not installed: pip install 'modelprofiler[sources]'") from error
    try:
        system, path = fsspec.core.url_to_fs(uri)  # type: ignore[no-untyped-call]  # fsspec has no types
    except ImportError as error:
        raise FetchFailed(f"the driver of {urlsplit(uri).scheme} is not installed: {error}") from error
    except Exception as error:  # each driver has exceptions of its own
        raise _failure(uri, error, credentials) from error
    try:
        for name, source in _names(system, path):
            target.write(name, _pieces(system, source))
    except FetchFailed:
        raise
    except Exception as error:  # as above
        raise _failure(uri, error, credentials) from error
    if not target.files:
        raise FetchFailed(f"{shown(uri)} does not exist, or has no files", "SourceNotFound")


def _names(system: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each file: its name in the folder, and its path in the store."""
    path = path.rstrip("/")
    if system.isfile(path):
        yield path.rpartition("/")[2], path
        return
    prefix = f"{path}/"
    for key in system.find(path):
        name = key.removeprefix(prefix)
        if name and not key.endswith("/"):  # a store may have an empty object for a folder
            yield name, key


def _pieces(system: Any, path: str) -> Iterator[bytes]:
    with system.open(path, "rb", block_size=PIECE, cache_type="readahead") as file:
        while piece := file.read(PIECE):
            yield piece


def _failure(uri: str, error: Exception, credentials: Credentials) -> FetchFailed:
    status = _status(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        return FetchFailed(f"{shown(uri)} does not exist", "SourceNotFound")
    text = credentials.removed_from(f"{type(error).__name__}: {error}")[:200]
    denials = ("403", "Forbidden", "AccessDenied", "401")
    if isinstance(error, PermissionError) or status in (401, 403) or any(word in text for word in denials):
        code = f" (status {status})" if status is not None else ""
        return FetchFailed(f"access to {shown(uri)} is denied{code}: {text}")
    if "credential" in text.lower():
        return FetchFailed(f"{shown(uri)} needs credentials; secretRef names the Secret that has them: {text}")
    return FetchFailed(f"{shown(uri)} cannot be read: {text}")


def _status(error: BaseException) -> int | None:
    """Return the status of the answer that a driver's error was raised for; each driver keeps it elsewhere."""
    seen: BaseException | None = error
    for _ in range(LONGEST_CHAIN):
        if seen is None:
            return None
        response = getattr(seen, "response", None)
        metadata = response.get("ResponseMetadata") if isinstance(response, dict) else None
        inner = metadata.get("HTTPStatusCode") if isinstance(metadata, dict) else getattr(response, "status_code", None)
        for status in (inner, *(getattr(seen, name, None) for name in ("status_code", "status", "code"))):
            if isinstance(status, int) and 400 <= status < 600:
                return status
        seen = seen.__cause__ or seen.__context__
    return None
