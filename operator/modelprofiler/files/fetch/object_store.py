"""Files in object stores and hubs (s3, gs, abfs, hf), by fsspec and its drivers: the only module that knows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from modelprofiler.files.fetch.credentials import KEY_FILE, Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.reach import check_reachable
from modelprofiler.files.fetch.target import Target
from modelprofiler.files.fetch.web import shown

SCHEMES = ("s3", "gs", "abfs", "abfss", "hf")
GRPC = "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"
"""The variable by which gcsfs asks Google's gRPC API for the kind of a bucket first. That takes a minute where only
HTTP gets through, or a private CA vouches for the server; whoever has a zonal bucket sets it to true."""
GOOGLE = "https://storage.googleapis.com"
DENIED = {"Forbidden": 403, "AccessDenied": 403, "Unauthorized": 401}
"""Words of drivers that tell no status."""
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
    os.environ.setdefault(GRPC, "false")
    try:
        import fsspec
    except ImportError as error:
        raise FetchFailed("fsspec is not installed: pip install 'modelprofiler[sources]'") from error
    try:
        system, path = fsspec.core.url_to_fs(uri, **_options(uri, credentials))  # type: ignore[no-untyped-call]
    except ImportError as error:
        raise FetchFailed(f"the driver of {urlsplit(uri).scheme} is not installed: {error}") from error
    except Exception as error:  # each driver has exceptions of its own
        raise _failure(uri, error, credentials) from error
    if address := _address(urlsplit(uri).scheme, system):
        check_reachable(address, shown(uri))
    try:
        for name, source in _names(system, path):
            target.write(name, _pieces(system, source))
    except FetchFailed:
        raise
    except Exception as error:  # as above
        raise _failure(uri, error, credentials) from error
    if not target.files:
        raise FetchFailed(f"{shown(uri)} does not exist, or has no files", "SourceNotFound")


def _options(uri: str, credentials: Credentials) -> dict[str, str]:
    """Return the options of a driver that no environment variable has."""
    if urlsplit(uri).scheme == "gs" and KEY_FILE in credentials.variables():
        return {"token": "google_default"}  # without it, a key that is none would be passed over in silence
    return {}


def _address(scheme: str, system: Any) -> str:
    """Return the address of the server of a driver that would try it again for minutes; empty for the others."""
    if scheme == "gs":
        other = os.environ.get("STORAGE_EMULATOR_HOST", "default")
        return GOOGLE if other in ("", "default") else other if "://" in other else f"http://{other}"
    if scheme in ("abfs", "abfss"):
        return str(getattr(getattr(system, "service_client", None), "url", ""))
    return ""


def _names(system: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each file: its name in the folder, and its path in the store."""
    # Not `isfile`, which takes every failure for a no, and would have it tried again for minutes by `find`.
    about = system.info(path.rstrip("/"))
    root = about["name"].rstrip("/")  # a driver may know the folder by a longer or a shorter name
    if about["type"] == "file":
        yield root.rpartition("/")[2], root
        return
    prefix = f"{root}/"
    for key in system.find(root):
        if not key.startswith(prefix):
            raise FetchFailed(f"the listing of {root!r:.200} has {key!r:.200}, which is elsewhere")
        name = key.removeprefix(prefix)
        if name and not key.endswith("/"):  # a store may have an empty object for a folder
            yield name, key


def _pieces(system: Any, path: str) -> Iterator[bytes]:
    with system.open(path, "rb", block_size=PIECE, cache_type="readahead") as file:
        while piece := file.read(PIECE):
            yield piece


def _failure(uri: str, error: Exception, credentials: Credentials) -> FetchFailed:
    status = _status(error)
    # A hub answers with 401 to whoever may not know that there is such a repository.
    if status == 404 or (isinstance(error, FileNotFoundError) and status not in (401, 403)):
        return FetchFailed(f"{shown(uri)} does not exist", "SourceNotFound")
    text = " ".join(credentials.removed_from(f"{type(error).__name__}: {error}").split())[:200]
    if status is None:
        status = next((code for word, code in DENIED.items() if word in text), None)
    if isinstance(error, PermissionError) or status in (401, 403):
        code = f" (status {status})" if status is not None else ""
        return FetchFailed(f"access to {shown(uri)} is denied{code}: {text}")
    if "credential" in text.lower():
        if credentials.values:
            return FetchFailed(f"{shown(uri)} cannot be read with the keys of the Secret: {text}")
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
