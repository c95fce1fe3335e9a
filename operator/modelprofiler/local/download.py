"""Files at an address, on this machine: downloaded before anything starts, each into a folder of the run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from modelprofiler.api.sources import Source, UriSource
from modelprofiler.core.support import sources_of
from modelprofiler.errors import InvalidInput, ModelProfilerError, Problem
from modelprofiler.files.document import Document
from modelprofiler.files.fetch.apart import Stopped, fetch_apart
from modelprofiler.files.fetch.drivers import missing_need
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.host.programs import own_command, own_environment
from modelprofiler.report.formats import format_bytes

PROGRESS_SECONDS = 5.0
"""Between two lines about a download, as about a load."""


def uri_sources(document: Document, *, only: str | None = None) -> list[tuple[str, UriSource]]:
    """Return the sources of a profile that are addresses and have not been downloaded, with their paths.

    Parameters
    ----------
    only
        The path of the only source that is asked for; None for all.
    """
    sources: list[tuple[str, Source]] = [s for s in sources_of(document.profile.spec) if only in (None, s[0])]
    return [(path, s.uri) for path, s in sources if s.uri is not None and path not in document.fetched]


def address_problems(
    document: Document, environment: Mapping[str, str] = os.environ, *, only: str | None = None
) -> list[Problem]:
    """Return why addresses cannot be downloaded from, as far as that is known without asking them."""
    problems = []
    for path, source in uri_sources(document, only=only):
        keys = document.secrets.get(source.secret_ref or "", {})
        if need := missing_need(source.uri, {*environment, *keys}):
            problems.append(Problem(f"{path}.uri", need))
    return problems


def address_notes(document: Document) -> list[str]:
    """Return which files are not checked before a run begins, one sentence each."""
    return [f"{path}.uri: the files are downloaded and checked when a run begins" for path, _ in uri_sources(document)]


def download(
    document: Document,
    directory: Path,
    progress: Callable[[str], None],
    stop: threading.Event | None = None,
    *,
    only: str | None = None,
) -> Document:
    """Download the files of every address, and return the document that knows where they are.

    Parameters
    ----------
    directory
        The run's own folder, which the files are put into.
    progress
        Called with a sentence at the beginning of each download and every few seconds.
    stop
        Set by another thread to end the download early.
    only
        As for `uri_sources`.

    Raises
    ------
    InvalidInput
        With every address that cannot be read.
    ModelProfilerError
        It was stopped.
    """
    problems: list[Problem] = []
    fetched = dict(document.fetched)
    for number, (path, source) in enumerate(uri_sources(document, only=only)):
        folder = directory / "fetched" / str(number)
        keys = document.secrets.get(source.secret_ref) if source.secret_ref is not None else None
        credentials = _written(keys, directory / "credentials" / str(number)) if keys is not None else None
        try:
            fetch_apart(
                own_command("modelprofiler", "fetch"),
                source.uri,
                folder,
                credentials=credentials,
                ca_bundle=source.ca_bundle or "",
                environment=own_environment(),
                watch=_Watch(path, progress, stop or threading.Event()),
            )
            fetched[path] = folder
        except FetchFailed as error:
            problems.append(Problem(f"{path}.uri", str(error)))
        except Stopped:
            raise ModelProfilerError("the files were not downloaded, because the run was stopped") from None
        finally:
            _removed(credentials)
    if problems:
        raise InvalidInput(problems)
    return replace(document, fetched=fetched)


class _Watch:
    """Reports how far a download has come."""

    def __init__(self, path: str, progress: Callable[[str], None], stop: threading.Event) -> None:
        self._path, self._progress, self._stop = path, progress, stop
        self._next = time.monotonic() + PROGRESS_SECONDS
        progress(f"downloading the files of {path}")

    def __call__(self, size: int) -> bool:
        """Take the bytes that are there; return whether to go on."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            self._progress(f"downloading the files of {self._path}: {format_bytes(size)} so far")
        return not self._stop.is_set()


def _written(keys: Mapping[str, bytes], folder: Path) -> Path:
    """Write the keys of a Secret as a pod has them, for this user alone."""
    folder.mkdir(mode=0o700, parents=True)
    for key, value in keys.items():
        (folder / key).touch(mode=0o600)
        (folder / key).write_bytes(value)
    return folder


def _removed(folder: Path | None) -> None:
    if folder is not None:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
