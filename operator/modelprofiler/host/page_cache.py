"""Files of a server in the page cache: what it maps of them, and how to have it read them itself.

A page of a file is charged to whoever reads it first. Where that was another program, a server that maps the file uses
the page without being charged, and the same size reads the disk for every request on a machine that has not read the
file before.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from modelprofiler.host.procfs import PROC

LARGE = 1 << 20
"""Bytes from which a file is worth evicting or counting; smaller ones are scripts and settings."""
MOST_FILES = 10_000
"""Files that are looked at; a model has at most some hundreds."""
MOST_PROCESSES = 256
"""Processes of a server whose mappings are read; more than any server has workers."""
NO_DATA = re.compile(r"\.so(?:\.|$)|^/dev/|^/memfd:| \(deleted\)$")
"""Libraries, shared memory, and files that cannot be opened again."""
HEADER = re.compile(r"^[0-9a-f]+-[0-9a-f]+ (\S{4}) [0-9a-f]+ \S+ \d+\s*(.*)$")
"""The first line of a mapping in smaps: addresses, permissions, offset, device, inode, path (proc_pid_smaps(5)). Memory
that is no file's has no path, or one in brackets."""


def evict(files: Iterable[Path]) -> int:
    """Ask the kernel to drop files from the page cache, and return how many bytes they have.

    It works for every file that this user can read (posix_fadvise(2)). Pages that a process maps at the moment stay.

    Parameters
    ----------
    files
        Files, and folders whose files are taken; links are followed, as a server follows them.
    """
    total = 0
    for path in _large_files(files):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.fdatasync(descriptor)  # pages that are not written yet cannot be dropped
                if hasattr(os, "posix_fadvise"):
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                    total += os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
    return total


def _large_files(paths: Iterable[Path]) -> Iterator[Path]:
    seen = 0
    for path in paths:
        members = (
            (Path(folder) / name for folder, _, names in os.walk(path) for name in names) if path.is_dir() else [path]
        )
        for member in members:
            seen += 1
            if seen > MOST_FILES:
                return
            with contextlib.suppress(OSError):
                status = member.stat()
                if stat.S_ISREG(status.st_mode) and status.st_size >= LARGE:
                    yield member


def _members(path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder and in the folders below it."""
    if not path.is_dir():
        yield path
    for folder, _, names in os.walk(path):
        yield from (Path(folder) / name for name in names)


def mapped_data(pids: Iterable[int], proc: Path = PROC) -> Mapping[Path, int]:
    """Return the data files that processes map, with the bytes of them that are in use.

    Programs and libraries are left out, which other programs of the machine use, too. A page that several processes map
    is counted once, in parts (the proportional set size).

    Parameters
    ----------
    pids
        The processes of a server.
    proc
        Where procfs is mounted.
    """
    used: dict[Path, int] = {}
    for pid in sorted(pids)[:MOST_PROCESSES]:
        current = None
        for line in _lines(proc / str(pid) / "smaps"):
            if match := HEADER.match(line):
                permissions, name = match.groups()
                data = name.startswith("/") and "x" not in permissions and not NO_DATA.search(name)
                current = Path(name) if data else None
            elif current is not None and line.startswith("Pss:"):
                used[current] = used.get(current, 0) + int(line.split()[1]) * 1024
    return {path: size for path, size in used.items() if size >= LARGE}


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(errors="surrogateescape") as file:
            yield from file
    except OSError:  # it has ended, or belongs to another user
        return
