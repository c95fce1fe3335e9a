"""What both versions of control groups share: reading counters cheaply, adding processes, killing all of them.

`cgroup_v1` and `cgroup_v2` know the files; `cgroup` chooses between them.
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
"""The CFS period that the kubelet sets, so that throttling is the same here as in a pod."""
MIN_QUOTA_MICROSECONDS = 1_000
"""The kernel refuses a smaller quota (sched-bwc.rst); with this period it is 10m of CPU."""
KILL_SECONDS = 5.0
"""How long processes may take to die of SIGKILL; chosen so that one that waits for a disk can finish its read."""
REMOVE_SECONDS = 2.0
"""How long the kernel may report a group as busy after its last process ended; usually milliseconds."""
BUFFER_BYTES = 1 << 16
"""More than any file read here: memory.stat, the longest, has some 2 KiB."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters and levels of a group of processes at one time; None for what the kernel does not report.

    Attributes
    ----------
    time
        Seconds since the epoch.
    cpu_seconds
        CPU time used since the group was made, in seconds.
    periods, throttled_periods
        CFS periods in which a process was runnable, and those of them in which the group was throttled.
    memory_current
        Memory charged to the group, page cache included, in bytes.
    working_set
        The memory that cannot be reclaimed at once: all but inactive page cache, as cAdvisor and the kubelet
        compute it, in bytes.
    memory_peak
        The largest memory charged since the group was made, page cache included, in bytes.
    anonymous, page_cache
        Two parts of the memory charged, in bytes.
    oom_kills
        Processes that the kernel killed because memory ran out.
    threads
        Threads of all processes.
    mapped_file
        The part of the page cache that processes map, in bytes.
    held
        What the kernel cannot give back without the processes, in bytes: anonymous memory and files in memory, with
        version 2 also the kernel's own memory for them.
    major_faults
        Page faults for which a page was read from disk.
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
    mapped_file: int | None = None
    held: int | None = None
    major_faults: int | None = None


class KeptFile:
    """A small kernel file that is read ten times a second: it is opened once and read from its start each time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def text(self) -> str | None:
        """Return the current content; None when the file does not exist, or no longer does."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._descriptor, BUFFER_BYTES, 0).decode()
        except OSError:
            return None

    def number(self) -> int | None:
        """Return the content as a number; None when it is not one."""
        text = (self.text() or "").strip()
        return int(text) if text.isdecimal() else None

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def keyed_numbers(text: str | None, *keys: str) -> tuple[int | None, ...]:
    """Return the numbers of `keys` in a file of lines like ``nr_periods 12``; None for a missing key."""
    values = dict.fromkeys(keys, -1)
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if key in values:
            values[key] = int(value)
    return tuple(None if value < 0 else value for value in values.values())


def difference(value: int | None, part: int | None) -> int | None:
    """Return `value` minus `part`, at least zero; None when either is not known."""
    return None if value is None or part is None else max(0, value - part)


def total(*parts: int | None) -> int | None:
    """Return the sum of parts; None when one of them is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


class Cgroup(ABC):
    """The control group of one server: its limits, its counters and its processes.

    Parameters
    ----------
    directories
        The directories that were made for it, one in each hierarchy.
    joined
        Those of them that processes are put into.
    """

    version: ClassVar[str]

    def __init__(self, directories: Iterable[Path], joined: Iterable[Path]) -> None:
        self.directories = tuple(directories)
        self._joined = tuple(joined)
        self._highest = 0

    @property
    def join_files(self) -> tuple[Path, ...]:
        """The files into which a process writes its number to join the group."""
        return tuple(directory / "cgroup.procs" for directory in self._joined)

    def add(self, pid: int) -> None:
        """Move a running process into the group; processes that it has already forked stay where they are.

        Raises
        ------
        LimitsUnavailable
            The kernel refused it.
        """
        for path in self.join_files:
            write(path, str(pid))

    @abstractmethod
    def set_cpu(self, millicores: int | None) -> None:
        """Limit CPU to `millicores` in every period of 100 ms, also while processes run; None removes the limit.

        Raises
        ------
        LimitsUnavailable
            The kernel refused it.
        """

    @abstractmethod
    def set_memory(self, size: int | None) -> None:
        """Limit memory to `size` bytes and allow no swap; None removes the limit.

        Raises
        ------
        LimitsUnavailable
            The kernel refused it: version 1 does so when more is in use.
        """

    @abstractmethod
    def read(self) -> Reading:
        """Return the current counters; cheap enough to be called ten times a second."""

    @abstractmethod
    def take_peak(self) -> int | None:
        """Return the largest memory charged since the previous call, page cache included, in bytes.

        None where the kernel keeps only the peak of the group's lifetime and that has not risen. There can be only one
        caller, because each call resets the peak.
        """

    def pids(self) -> set[int]:
        """Return the processes in the group and in the groups below it, which processes may have made themselves."""
        return {pid for directory in self._joined for pid in processes(directory)} - {os.getpid()}

    def kill(self, seconds: float = KILL_SECONDS) -> bool:
        """Kill every process in the group, also those forked meanwhile; return whether all ended within `seconds`."""
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
        """Send SIGKILL to every process in the group, so that none escapes by forking."""

    def close(self) -> None:
        """Close the files that are kept open for reading."""
        for value in vars(self).values():
            if isinstance(value, KeptFile):
                value.close()

    def remove(self, seconds: float = REMOVE_SECONDS) -> bool:
        """Remove the group, which must be empty; return whether it is gone. A second call is not an error."""
        self.close()
        end = time.monotonic() + seconds
        while [directory for directory in self.directories if not remove_tree(directory)]:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        return True


def processes(directory: Path) -> set[int]:
    """Return the processes in a group and in the groups below it, without those of other PID namespaces."""
    pids: set[int] = set()
    for folder, _, _ in os.walk(directory):
        with contextlib.suppress(OSError):
            pids.update(map(int, (Path(folder) / "cgroup.procs").read_text().split()))
    return pids - {0}  # 0 stands for a process of another PID namespace


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may have ended meanwhile."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def remove_tree(directory: Path) -> bool:
    """Remove a group and the groups below it; return whether it is gone."""
    for folder, _, _ in os.walk(directory, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return not directory.exists()


def write(path: Path, value: str) -> None:
    """Write a setting into a kernel file.

    Raises
    ------
    LimitsUnavailable
        The kernel refused it.
    """
    try:
        path.write_text(value)
    except OSError as error:
        why = {
            errno.EBUSY: "more is already in use",
            errno.EINVAL: "the kernel or a parent group does not allow this value",
            errno.EACCES: "no permission",
            errno.EPERM: "no permission",
            errno.ESRCH: "no such process",
        }.get(error.errno or 0, error.strerror or str(error))
        raise LimitsUnavailable(f"cannot write {value!r} to {path}: {why}") from error


def quota_microseconds(millicores: int) -> int:
    """Return the CPU time in each period that amounts to `millicores`."""
    return max(MIN_QUOTA_MICROSECONDS, millicores * CPU_PERIOD_MICROSECONDS // 1000)
