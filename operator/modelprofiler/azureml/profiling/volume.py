"""Files of a run that no ConfigMap holds: how large a volume has to be for them, and how they travel there."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from modelprofiler.core.sources import FilesDigest

BLOCK = 2**16
"""Bytes sent at once."""

SMALLEST = 2**26
SLACK = 1.2
"""A file system needs room of its own."""

MIB = 2**20


@dataclass(frozen=True)
class Volume:
    """Files that go onto a volume.

    Attributes
    ----------
    files
        Where each is on this machine, by its path on the volume.
    """

    files: Mapping[str, Path]

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.files.values())

    @property
    def request(self) -> str:
        """How much storage to ask for."""
        return f"{-(-int(SMALLEST + SLACK * self.size) // MIB)}Mi"

    @cached_property
    def digest(self) -> str:
        """The sha256 of names and contents."""
        found = FilesDigest()
        for name in sorted(self.files):
            path = self.files[name]
            found.add(name, path.stat().st_size, _parts(path))
        return str(found)

    def archive(self) -> Iterator[bytes]:
        """Yield a tar archive of the files, part by part; nothing in it says whose they are."""
        for name in sorted(self.files):
            path = self.files[name]
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            yield entry.tobuf(tarfile.PAX_FORMAT)
            yield from _parts(path)
            yield bytes(-entry.size % tarfile.BLOCKSIZE)
        # Two empty blocks are the end; the reader waits for a whole record.
        yield bytes(tarfile.RECORDSIZE * 2)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(BLOCK):
            yield part
