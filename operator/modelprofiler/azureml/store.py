"""The directory that holds what is registered: plain files and JSON, written atomically, by one writer at a time.

::

    <home>/                              MODELPROFILER_HOME, by default ~/.modelprofiler
      models/<name>/<version>/           model.json, and the model below files/
      datastores/<name>/                 uploaded files
      datastores.json                    other directories used as datastores, and the default datastore
      datasets/<id>.json                 the definition of a dataset
      registrations/<name>/<version>.json  a name and version of a dataset
      environments/<name>/<version>.json
      wheels/<file>                        wheels of add_private_pip_wheel
      mlflow/<server>/<name>/<version>/  files of models, downloaded from an MLflow server
  profiles/<name>/                   a run: see profiling/local_run.py
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from modelprofiler.azureml.exceptions import UserErrorException

HOME_VARIABLE = "MODELPROFILER_HOME"
LOCK_SECONDS = 30.0
"""Longest wait for another writer. Large files are copied before the lock is taken, so a writer holds it for
milliseconds."""

POLL_SECONDS = 0.02
"""How often a waiting writer looks: well above the milliseconds for which the lock is held."""

Json = dict[str, Any]


class Store:
    """The directory of one user's models, datasets, environments and profiles."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls) -> Store:
        """Return the store that MODELPROFILER_HOME names, or the one in the home directory."""
        home = os.environ.get(HOME_VARIABLE)
        return cls(Path(home).expanduser().absolute() if home else Path.home() / ".modelprofiler")

    def path(self, *parts: str) -> Path:
        """Return a path in the store.

        Raises
        ------
        UserErrorException
            When the parts, which may be names that somebody else has chosen, lead out of the store.
        """
        path = self.root.joinpath(*parts)
        if any("\0" in part for part in parts) or not Path(os.path.normpath(path)).is_relative_to(self.root):
            raise UserErrorException(f"{'/'.join(parts)[:200]!r} leads out of {self.root}; use a name without '..'")
        return path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process and thread from writing. Calls must not be nested.

        Raises
        ------
        UserErrorException
            When another writer keeps the lock for longer than `LOCK_SECONDS`.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path(".lock"), timeout=LOCK_SECONDS)
        try:
            lock.acquire(poll_interval=POLL_SECONDS)
        except Timeout:
            raise UserErrorException(
                f"another process has been writing to {self.root} for {LOCK_SECONDS:.0f} s; try again when it is done"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def read(self, *parts: str) -> Json | None:
        """Return the content of a JSON file, or None where there is no such file."""
        return read_json(self.path(*parts))

    def write(self, data: Json, *parts: str) -> None:
        """Write a JSON file."""
        write_json(self.path(*parts), data)

    def versions(self, *parts: str) -> list[int]:
        """Return the versions in a directory, ascending: the files and directories whose names are numbers."""
        directory = self.path(*parts)
        entries = directory.iterdir() if directory.is_dir() else iter(())
        return sorted(int(p.stem) for p in entries if p.stem.isdigit())

    def names(self, *parts: str) -> list[str]:
        """Return the names of the directories in a directory, sorted."""
        directory = self.path(*parts)
        return sorted(p.name for p in directory.iterdir() if p.is_dir()) if directory.is_dir() else []

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Make a directory on the same file system, for the caller to rename; remove it if it was not renamed."""
        self.root.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix=".staging-", dir=self.root))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def read_json(path: Path) -> Json | None:
    """Return the content of a JSON file, or None where there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UserErrorException(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UserErrorException(f"{path} is not a JSON object")
    return data


def write_json(path: Path, data: Json) -> None:
    """Write a JSON file atomically: a reader sees the old content or the new one."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
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
