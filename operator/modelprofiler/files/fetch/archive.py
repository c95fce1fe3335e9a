"""A layer of an image or an artifact, unpacked: the regular files, and links to them, of an archive of any origin."""

from __future__ import annotations

import gzip
import io
import posixpath
import tarfile
from pathlib import Path
from typing import BinaryIO, cast

from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.target import Target
from modelprofiler.files.fetch.web import CHUNK

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""What compressed files begin with."""
MOST_TIMES, ALWAYS_ALLOWED = 100, 2**30
"""How many times its own size a layer may unpack to, and how many bytes it may unpack to in any case. Weights shrink to
a half at best, and text to a tenth; only an archive that is made to fill the disk shrinks to less than a hundredth."""
LONGEST_HEADER = 2 * CHUNK
"""Bytes of the header of a member, which is read as a whole: real ones have less than 10 kB."""
MOST_MEMBERS = 1_000_000
"""Files and folders of an archive at most: several times as many as the largest images have."""
LONGEST_CHAIN = 40
"""Links that lead to a link: as many as the kernel follows."""
REMOVED, REMOVED_ALL = ".wh.", ".wh..wh..opq"
"""Names by which a layer of an image removes a file, or all files of a folder, of the layers below."""


class Unpacker:
    """Puts the archives of an image on top of each other into a folder.

    Parameters
    ----------
    prefix
        The folder of the archives whose files are wanted; empty for all.
    """

    def __init__(self, target: Target, prefix: str) -> None:
        self._target = target
        self._prefix = prefix
        self._links: dict[str, str] = {}

    def add(self, layer: Path) -> None:
        """Unpack the next layer.

        Raises
        ------
        FetchFailed
            It is no archive, a name or a link leads out of the folder, or it unpacks to too much.
        """
        try:
            with layer.open("rb") as file, _Bounded(file, layer.stat().st_size) as content:
                self._unpack(content)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise FetchFailed(f"a layer cannot be unpacked: {error}"[:300]) from error

    def finish(self) -> None:
        """Give every symbolic link the content of the file that it leads to.

        Raises
        ------
        FetchFailed
            It leads to no file.
        """
        for name, leads_to in self._links.items():
            for _ in range(LONGEST_CHAIN):
                if leads_to not in self._links:
                    break
                leads_to = self._links[leads_to]
            self._target.link(name, leads_to)

    def _unpack(self, content: _Bounded) -> None:
        with tarfile.open(fileobj=cast("BinaryIO", content), mode="r:") as archive:
            own: set[str] = set()
            for number, member in enumerate(archive):
                if number >= MOST_MEMBERS:
                    raise FetchFailed(f"a layer has more than {MOST_MEMBERS:,} files")
                archive.members.clear()  # type: ignore[attr-defined]  # each is kept, a kilobyte, and is not needed again
                name = self._below_prefix(member.name)
                if name is None:
                    continue
                if not self._removes(name, own):
                    own.add(name)
                    self._take(archive, member, name, content)

    def _below_prefix(self, member: str) -> str | None:
        """Return the name of a member below the prefix; None for what is elsewhere."""
        name = "/".join(part for part in member.split("/") if part not in ("", "."))
        if name.startswith(self._prefix) and name != self._prefix.rstrip("/"):
            return name.removeprefix(self._prefix)
        return None

    def _removes(self, name: str, own: set[str]) -> bool:
        """Remove what a member says that this layer removes; whether it says so."""
        folder, _, last = name.rpartition("/")
        if last == REMOVED_ALL:
            self._remove(folder, own)
        elif last.startswith(REMOVED):
            self._remove(posixpath.join(folder, last.removeprefix(REMOVED)), set())
        else:
            return False
        return True

    def _remove(self, name: str, kept: set[str]) -> None:
        for known in [*self._target.names_below(name), *self._links]:
            if known not in kept and (known == name or not name or known.startswith(f"{name}/")):
                self._links.pop(known, None)
                self._target.remove(known)

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, content: _Bounded) -> None:
        if member.issym() or member.islnk():
            leads_to = self._destination(member, name)
            if member.islnk() and leads_to not in self._links:
                self._links.pop(name, None)
                self._target.link(name, leads_to)  # the file as it is in this layer, whatever later ones make of it
            else:
                self._target.remove(name)
                self._links[name] = leads_to
        elif member.isfile():
            file = archive.extractfile(member)
            assert file is not None, "a regular file has a content"
            content.allow(member.size)
            self._links.pop(name, None)
            self._target.write(name, iter(lambda: file.read(CHUNK), b""))

    def _destination(self, member: tarfile.TarInfo, name: str) -> str:
        """Return where a link leads, below the prefix; the names in an image are absolute, or those of a hard link."""
        leads_to = member.linkname
        if member.issym() and not leads_to.startswith("/"):
            leads_to = posixpath.join(posixpath.dirname(self._prefix + name), leads_to)
        inside = posixpath.normpath(leads_to.removeprefix("/") if self._prefix or member.islnk() else leads_to)
        if not inside.startswith(self._prefix) or inside.startswith(("/", "../")) or inside in (".", ".."):
            raise FetchFailed(f"a layer has the link {name!r:.200} to {member.linkname!r:.200}, which leads out of it")
        return inside.removeprefix(self._prefix)


class _Bounded(io.RawIOBase):
    """A layer without its compression, of which only so much is read, and little at once."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._most = max(ALWAYS_ALLOWED, MOST_TIMES * size)
        self._written = 0
        begin = file.read(len(ZSTD))
        file.seek(0)
        if begin == ZSTD:
            raise FetchFailed("a layer is compressed with zstd, which is not read; push it with gzip, or uncompressed")
        self._file: BinaryIO = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if begin.startswith(GZIP) else file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise FetchFailed(f"a layer has a header of {size:,} bytes, which no file needs")
        self._check(self._file.tell() + size)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._check(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def allow(self, size: int) -> None:
        """Take the size of a file that will be written: a sparse one is larger than what is read for it."""
        self._written += size
        self._check(self._written)

    def _check(self, size: int) -> None:
        if size > self._most:
            raise FetchFailed(f"a layer unpacks to more than {self._most:,} bytes, {MOST_TIMES} times its own size")
