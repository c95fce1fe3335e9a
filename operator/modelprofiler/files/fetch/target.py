"""The folder that files are fetched into: no name leads out of it, and what is written is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from modelprofiler.files.fetch.failure import FetchFailed

MOST_BYTES = 200 * 2**30
"""Bytes of a source at most: more than the largest models that one server loads."""
MOST_FILES = 100_000
"""Files of a source at most, so that a bucket named by mistake is not downloaded as a whole."""


class Target:
    """Takes the files of one source."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self._left = most_bytes
        self._most = most_bytes
        self._files = 0
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, parts: Iterable[bytes]) -> Path:
        """Write a file.

        Raises
        ------
        FetchFailed
            The name leads out of the folder, there are too many files or bytes, or the disk is full.
        """
        path = self.folder / self.checked(name)
        self._files += 1
        if self._files > MOST_FILES:
            raise FetchFailed(f"there are more than {MOST_FILES:,} files; name a folder with those that are needed")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for part in parts:
                    self._left -= len(part)
                    if self._left < 0:
                        raise FetchFailed(f"the files have more than {self._most:,} bytes")
                    file.write(part)
        except OSError as error:
            raise FetchFailed(f"{name!r:.200} cannot be written: {error.strerror or error}") from error
        return path

    @staticmethod
    def checked(name: str) -> str:
        """Return a name in its shortest form.

        Raises
        ------
        FetchFailed
            It leads out of the folder.
        """
        path = PurePosixPath(name)
        parts = [part for part in path.parts if part != "."]
        if path.is_absolute() or not parts or ".." in parts or "\0" in name or len(name) > 1024:
            raise FetchFailed(f"a file has the name {name!r:.200}, which leads out of the folder")
        return "/".join(parts)

    @property
    def files(self) -> int:
        """How many were written."""
        return self._files
