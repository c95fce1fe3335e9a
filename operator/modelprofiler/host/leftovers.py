"""Files, sockets and memory segments in the shared folders of this machine that an earlier server of a run left behind.

A pod has such folders of its own. Here a server that is killed leaves its lock file or its socket in /tmp, or a segment
in /dev/shm, and the next one does not start. Only what was not there when the run began is ever removed, and only what
the server itself names, or what nobody uses any more.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from modelprofiler.host.procfs import PROC

SHARED = (Path("/tmp"), Path("/var/tmp"), Path("/run"), Path("/dev/shm"))  # noqa: S108 - the folders themselves
SEGMENTS = Path("/dev/shm")  # noqa: S108 - where Linux has the segments of shm_open(3)
MOST_ENTRIES = 20_000
"""Entries that are looked at in all folders together; a machine with more has no snapshot, and nothing is removed."""
DEPTH = 2
"""Levels of folders that are looked at: /tmp/NAME and /run/PROGRAM/NAME."""
_NAMED = re.compile(r"/[^\s'\"`,;:()\[\]<>]+")
_SEGMENT = re.compile(r"File exists: '/?([\w.-]+)'")
_ABOUT_SEGMENTS = re.compile(r"(?i)shared memory|shm")


class Leftovers:
    """What servers leave behind in shared folders.

    Parameters
    ----------
    folders
        The folders.
    segments
        The one that has memory segments.
    proc
        Where the kernel tells of processes and sockets.
    """

    def __init__(self, folders: tuple[Path, ...] = SHARED, segments: Path = SEGMENTS, proc: Path = PROC) -> None:
        self._folders = folders
        self._segments = segments
        self._proc = proc
        self._before = self._entries()
        self._known: set[Path] = set()

    def remove_known(self) -> None:
        """Remove again what was in the way of an earlier start."""
        for path in self._known:
            self._remove(path)

    def remove(self, words: str) -> list[Path]:
        """Remove what keeps a server from starting, and return it.

        Parameters
        ----------
        words
            What the server said when it ended.
        """
        if self._before is None:
            return []
        candidates = {Path(os.path.normpath(text)) for text in _NAMED.findall(words)}
        candidates |= {self._segments / name for name in _SEGMENT.findall(words)}
        now = self._entries() or frozenset()
        new = {path for path in now - self._before if _is_own(path)}
        left = new & candidates
        if "in use" in words:
            bound = set(_lines(self._proc / "net/unix", " /"))
            left |= {path for path in new if _is_socket(path) and str(path) not in bound}
        if not left and _ABOUT_SEGMENTS.search(words):
            in_use = self._mapped()
            left |= {path for path in new if path.parent == self._segments and str(path) not in in_use}
        removed = sorted(path for path in left if self._remove(path))
        self._known |= set(removed)
        return removed

    def _entries(self) -> frozenset[Path] | None:
        """Return every entry of the folders; None where there are too many."""
        entries: set[Path] = set()
        for path in (path for folder in self._folders for path in _below(folder, DEPTH)):
            entries.add(path)
            if len(entries) > MOST_ENTRIES:
                return None
        return frozenset(entries)

    def _mapped(self) -> set[str]:
        """Return the segments that a process maps."""
        mapped: set[str] = set()
        for process in self._proc.glob("[0-9]*"):
            mapped |= set(_lines(process / "maps", " /"))
        return mapped

    @staticmethod
    def _remove(path: Path) -> bool:
        """Remove a file; folders are left alone."""
        with contextlib.suppress(OSError):
            path.unlink()
            return True
        return False


def _lines(path: Path, separator: str) -> Iterator[str]:
    """Yield the path at the end of each line of a file of the kernel that has one."""
    with contextlib.suppress(OSError):
        for line in path.read_bytes().decode("utf-8", "replace").splitlines():
            if separator in line:
                yield "/" + line.partition(separator)[2]


def _below(folder: Path, depth: int) -> Iterator[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path)
            if depth > 1 and entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path), depth - 1)


def _is_own(path: Path) -> bool:
    """Whether a file belongs to this user, as one does that a server of this user made.

    One in a folder of another user does not count: that user could put a link in the folder's place meanwhile.
    """
    with contextlib.suppress(OSError):
        return path.lstat().st_uid == os.geteuid() and path.parent.lstat().st_uid in {0, os.geteuid()}
    return False


def _is_socket(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISSOCK(path.lstat().st_mode)
    return False
