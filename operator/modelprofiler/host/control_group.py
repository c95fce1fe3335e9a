"""What both versions of control groups have in common: reading counters cheaply, holding processes, ending them all.

`cgroup_v1` and `cgroup_v2` say which files; `cgroup` chooses between them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from modelprofiler.errors import LimitsUnavailable

CPU_PERIOD_MICROSECONDS = 100_000
"""As the kubelet has it. A quota is this much time a core; the kernel takes none below 1 ms (10m)."""
LEAST_QUOTA_MICROSECONDS = 1_000
KILL_SECONDS = 5.0
"""How long processes may take to die of SIGKILL: one in the middle of a read from a disk takes its time."""
REMOVE_SECONDS = 2.0
"""How long the kernel may still call a group busy of which the last process has just ended."""
BUFFER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters and levels of a group of processes at one time; what the kernel does not tell is None.

    Attributes
    ----------
    time
        Seconds since the epoch.
    cpu_seconds
        CPU time used since the group was made, seconds.
    periods, throttled_periods
        CFS periods in which something wanted to run, and those of them in which the quota was used up.
    memory_current
        Memory charged to the group, page cache included, bytes.
    working_set
        Of it, what cannot be given back at once: all but inactive page cache, as cAdvisor and the kubelet count.
    memory_peak
        The largest memory charged since the group was made, page cache included, bytes.
    anonymous, page_cache
        Two parts of memory, bytes.
    oom_kills
        Processes that the kernel killed for memory.
    threads
        Threads of all processes.
    """

    time: float
    cpu_seconds: float | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    memory_current: int | None = None
    working_set: int | None = None
    memory_peak: int | None = None
    anonymous: int | None = None
    page_cache: int | None = None
    oom_kills: int | None = None
    threads: int | None = None


class KeptFile:
    """A small file of the kernel that is read ten times a second: opened once, read again from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def text(self) -> str | None:
        """Return what it says now; None when it is not there, or no longer."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._descriptor, BUFFER_BYTES, 0).decode()
        except OSError:
            return None

    def number(self) -> int | None:
        """Return the number that is all it says; None when it says something else."""
        text = (self.text() or "").strip()
        return int(text) if text.isdecimal() else None

    def close(self) -> None:
        """Close it; the next reading opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def keyed(text: str | None, *keys: str) -> tuple[int | None, ...]:
    """Return the numbers of `keys` in a file of lines like ``nr_periods 12``; None for those it does not have."""
    found = dict.fromkeys(keys, -1)
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key in found:
            found[key] = int(value)
    return tuple(None if value < 0 else value for value in found.values())


def less(value: int | None, part: int | None) -> int | None:
    """Return `value` without `part`, at least zero; None when either is not known."""
    return None if value is None or part is None else max(0, value - part)


class Cgroup(ABC):
    """A control group of its own for one server: its limits, its counters, its processes.

    Parameters
    ----------
    directories
        What was made for it, in every hierarchy that takes part.
    joined
        The directories of which a process becomes a member.
    """

    version: ClassVar[str]

    def __init__(self, directories: Iterable[Path], joined: Iterable[Path]) -> None:
        self.directories = tuple(directories)
        self._joined = tuple(joined)
        self._highest = 0

    @property
    def join_files(self) -> tuple[Path, ...]:
        """The files into which a process writes its own number to become a member."""
        return tuple(directory / "cgroup.procs" for directory in self._joined)

    def add(self, pid: int) -> None:
        """Make a running process a member; what it forked before stays where it is.

        Raises
        ------
        LimitsUnavailable
            The kernel did not take it.
        """
        for path in self.join_files:
            write(path, str(pid))

    @abstractmethod
    def set_cpu(self, millicores: int | None) -> None:
        """Limit CPU to `millicores` in every 100 ms, also while processes run; None: no limit.

        Raises
        ------
        LimitsUnavailable
            The kernel did not take it.
        """

    @abstractmethod
    def set_memory(self, size: int | None) -> None:
        """Limit memory to `size` bytes, swap included: there is none; None: no limit.

        Raises
        ------
        LimitsUnavailable
            The kernel did not take it: an older kernel refuses less than is in use.
        """

    @abstractmethod
    def read(self) -> Reading:
        """Return all counters as they are now; cheap enough for ten times a second."""

    @abstractmethod
    def take_peak(self) -> int | None:
        """Return the largest memory charged since this was last asked, page cache included, in bytes.

        None where the kernel only keeps the largest of all time and that has not changed. Only one may ask.
        """

    def pids(self) -> set[int]:
        """Return the processes in it, those in groups that they made themselves included."""
        return {pid for directory in self._joined for pid in processes(directory)} - {os.getpid()}

    def kill(self, seconds: float = KILL_SECONDS) -> bool:
        """End every process in it, also those forked meanwhile; return whether all were gone within `seconds`."""
        end = time.monotonic() + seconds
        pause = 0.002
        while self.pids():
            if time.monotonic() >= end:
                return False
            self._kill_once()
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return True

    @abstractmethod
    def _kill_once(self) -> None:
        """Send SIGKILL to every process in it, so that none escapes by forking."""

    def close(self) -> None:
        """Close the files that were kept open for reading."""
        for value in vars(self).values():
            if isinstance(value, KeptFile):
                value.close()

    def remove(self, seconds: float = REMOVE_SECONDS) -> bool:
        """Remove the group, which must be empty; return whether it is gone. To remove it twice is no error."""
        self.close()
        end = time.monotonic() + seconds
        while left := [directory for directory in self.directories if not removed(directory)]:
            if time.monotonic() >= end:
                return not left
            time.sleep(0.01)
        return True


def processes(directory: Path) -> set[int]:
    """Return the processes in a group and in those below it; those of another PID namespace are not seen."""
    found: set[int] = set()
    for folder, _, _ in os.walk(directory):
        with contextlib.suppress(OSError):
            found.update(map(int, (Path(folder) / "cgroup.procs").read_text().split()))
    return found - {0}


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes that may have ended meanwhile."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def removed(directory: Path) -> bool:
    """Remove a group and those below it; return whether it is gone."""
    for folder, _, _ in os.walk(directory, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not directory.exists()


def write(path: Path, value: str) -> None:
    """Write a setting.

    Raises
    ------
    LimitsUnavailable
        The kernel did not take it.
    """
    try:
        path.write_text(value)
    except OSError as error:
        why = {
            errno.EBUSY: "more is in use",
            errno.EINVAL: "not a value that the kernel or a group above allows",
            errno.EACCES: "no permission",
            errno.EPERM: "no permission",
            errno.ESRCH: "no such process",
        }.get(error.errno or 0, error.strerror or str(error))
        raise LimitsUnavailable(f"{path} did not take {value!r}: {why}") from error


def quota_microseconds(millicores: int) -> int:
    """Return the CPU time in each period that is `millicores`."""
    return max(LEAST_QUOTA_MICROSECONDS, millicores * CPU_PERIOD_MICROSECONDS // 1000)
