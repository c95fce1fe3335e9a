"""Files that a script copies onto a volume: the size of the volume, and the archive in which they travel."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from modelprofiler.core.sources import FilesDigest

MIB = 2**20

BLOCK = 2**16
"""Bytes that are sent at once: 64 KiB, one message of the exec protocol."""

SMALLEST = 64 * MIB
SLACK = 1.2
"""A volume has `SMALLEST` bytes and `SLACK` times the size of the files: a file system takes room for its own data.
Both are estimates on the safe side: ext4 reserves 5 % by default."""


@dataclass(frozen=True)
class Volume:
    """Files that go onto a volume.

    Attributes
    ----------
    files
        The path of each file on this machine, by its path on the volume.
    """

    files: Mapping[str, Path]

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.files.values())

    @property
    def request(self) -> str:
        """The storage to request, as a Kubernetes quantity."""
        return f"{-(-int(SMALLEST + SLACK * self.size) // MIB)}Mi"

    @cached_property
    def digest(self) -> str:
        """The sha256 of names and contents."""
        digest = FilesDigest()
        for name in sorted(self.files):
            path = self.files[name]
            digest.add(name, path.stat().st_size, _blocks(path))
        return str(digest)

    def archive(self) -> Iterator[bytes]:
        """Yield a tar archive of the files, block by block, without their owners and times."""
        for name in sorted(self.files):
            path = self.files[name]
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            yield entry.tobuf(tarfile.PAX_FORMAT)
            yield from _blocks(path)
            yield bytes(-entry.size % tarfile.BLOCKSIZE)
        # Two empty blocks mark the end; the reader waits for a whole record.
        yield bytes(tarfile.RECORDSIZE * 2)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
