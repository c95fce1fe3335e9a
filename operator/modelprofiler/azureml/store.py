"""A directory with what was registered: plain files and JSON, written whole or not at all, one writer at a time.

::

    <home>/                              MODELPROFILER_HOME, by default ~/.modelprofiler
      models/<name>/<version>/           model.json and files/
      datastores/<name>/                 the files that were uploaded
      datastores.json                    datastores elsewhere on this machine, and which is the default
      datasets/<id>.json                 what makes up a dataset
      registrations/<name>/<version>.json  names of datasets
      environments/<name>/<version>.json
      profiles/<name>/                   state.json, profile.yaml and what the run reads and writes
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException

HOME_VARIABLE = "MODELPROFILER_HOME"
LOCK_SECONDS = 30.0
"""Longest wait for another writer. Large files are copied before the lock is taken, so it is held for milliseconds."""

Json = dict[str, Any]


class Store:
    """The directory of one user's models, datasets, environments and profiles."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls) -> Store:
        """Return the store that MODELPROFILER_HOME names, or the one in the home directory."""
        given = os.environ.get(HOME_VARIABLE)
        return cls(Path(given).expanduser().absolute() if given else Path.home() / ".modelprofiler")

    def path(self, *parts: str) -> Path:
        """Return a path in the store."""
        return self.root.joinpath(*parts)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from writing; not to be nested.

        Raises
        ------
        UserErrorException
            When another process keeps the lock for longer than `LOCK_SECONDS`.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with self.path(".lock").open("a") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise UserErrorException(
                            f"another process has been writing to {self.root} for {LOCK_SECONDS:.0f} s; "
                            "try again when it is done"
                        ) from None
                    time.sleep(0.02)
            yield

    def read(self, *parts: str) -> Json | None:
        """Return the content of a JSON file, or None where there is none."""
        return read_json(self.path(*parts))

    def write(self, data: Json, *parts: str) -> None:
        """Write a JSON file."""
        write_json(self.path(*parts), data)

    def versions(self, *parts: str) -> list[int]:
        """Return the versions of something, ascending."""
        directory = self.path(*parts)
        found = directory.iterdir() if directory.is_dir() else iter(())
        return sorted(int(p.stem) for p in found if p.stem.isdigit())

    def names(self, *parts: str) -> list[str]:
        """Return the names of the directories in a directory, sorted."""
        directory = self.path(*parts)
        return sorted(p.name for p in directory.iterdir() if p.is_dir()) if directory.is_dir() else []

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Make a directory on the same file system, to be renamed to where it belongs; it is removed otherwise."""
        self.root.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix=".staging-", dir=self.root))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def read_json(path: Path) -> Json | None:
    """Return the content of a JSON file, or None where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UserErrorException(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UserErrorException(f"{path} holds no JSON object")
    return data


def write_json(path: Path, data: Json) -> None:
    """Write a JSON file whole or not at all: a reader sees the old content or the new one."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
