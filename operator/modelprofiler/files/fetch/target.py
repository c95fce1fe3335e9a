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
        self._names: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, parts: Iterable[bytes]) -> Path:
        """Write a file.

        Raises
        ------
        FetchFailed
            The name leads out of the folder, there are too many files or bytes, or the disk is full.
        """
        path = self._place(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # a link may have the same content, and keeps it
            with path.open("wb") as file:
                for part in parts:
                    self._left -= len(part)
                    if self._left < 0:
                        raise FetchFailed(f"the files have more than {self._most:,} bytes")
                    file.write(part)
        except OSError as error:
            raise FetchFailed(f"{name!r:.200} cannot be written: {error.strerror or error}") from error
        return path

    def link(self, name: str, leads_to: str) -> None:
        """Give a second name to a file that was written.

        Raises
        ------
        FetchFailed
            There is no such file, a name leads out of the folder, or there are too many files.
        """
        source = self.folder / self.checked(leads_to)
        if not source.is_file():
            what = "is a folder" if source.is_dir() else "does not exist"
            raise FetchFailed(f"{name!r:.200} is a link to {leads_to!r:.200}, which {what}")
        path = self._place(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.hardlink_to(source)
        except OSError as error:
            raise FetchFailed(f"{name!r:.200} cannot be written: {error.strerror or error}") from error

    def remove(self, name: str) -> None:
        """Remove a file that was written, if there is one of this name."""
        if (known := self.checked(name)) in self._names:
            self._names.remove(known)
            (self.folder / known).unlink()

    def names_below(self, name: str) -> list[str]:
        """Return the names of all files that were written in a folder, or of the one file of this name."""
        return [known for known in self._names if not name or known == name or known.startswith(f"{name}/")]

    def _place(self, name: str) -> Path:
        checked = self.checked(name)
        self._names.add(checked)
        if len(self._names) > MOST_FILES:
            raise FetchFailed(f"there are more than {MOST_FILES:,} files; name a folder with those that are needed")
        return self.folder / checked

    @staticmethod
    def checked(name: str) -> str:
        """Return a name in its shortest form.

        Raises
        ------
        FetchFailed
            It leads out of the folder, or is not UTF-8.
        """
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise FetchFailed(f"a file has the name {name!r:.200}, which is not UTF-8") from error
        path = PurePosixPath(name)
        parts = [part for part in path.parts if part != "."]
        if path.is_absolute() or not parts or ".." in parts or "\0" in name or len(name) > 1024:
            raise FetchFailed(f"a file has the name {name!r:.200}, which leads out of the folder")
        return "/".join(parts)

    @property
    def files(self) -> int:
        """How many were written."""
        return len(self._names)
