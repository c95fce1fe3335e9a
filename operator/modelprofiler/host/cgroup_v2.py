"""Control groups, version 2: one hierarchy, in a part of it that this process may write to."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from modelprofiler.host.control_group import (
    CPU_PERIOD_MICROSECONDS,
    Cgroup,
    KeptFile,
    Reading,
    keyed,
    less,
    quota_microseconds,
    signal_all,
    write,
)

REQUIRED = frozenset({"cpu", "memory"})
SERVER = "server"
"""The group that processes are in. The one above it has none, and so may pass controllers on, and keeps them from
being taken away: systemd does that at the top, where nobody below asks for them."""


class CgroupV2(Cgroup):
    """A group that holds nothing but another one, in which the processes are.

    Parameters
    ----------
    directory
        The outer one, in which cpu and memory are available.
    """

    version = "v2"

    def __init__(self, directory: Path) -> None:
        inner = directory / SERVER
        super().__init__((directory,), (inner,))
        self._outer = directory
        self._cpu_max = inner / "cpu.max"
        self._memory_max = inner / "memory.max"
        self._swap_max = inner / "memory.swap.max"
        self._peak_path = inner / "memory.peak"
        self._peak_descriptor: int | None = None
        self._peak_resets = True
        self._peak_before = 0
        self._cpu_stat = KeptFile(inner / "cpu.stat")
        self._current = KeptFile(inner / "memory.current")
        self._peak = KeptFile(self._peak_path)
        self._memory_stat = KeptFile(inner / "memory.stat")
        self._events = KeptFile(inner / "memory.events")
        self._tasks = KeptFile(inner / "pids.current")
        self._threads_path = inner / "cgroup.threads"

    def set_cpu(self, millicores: int | None) -> None:  # noqa: D102 - as Cgroup says
        quota = "max" if millicores is None else str(quota_microseconds(millicores))
        write(self._cpu_max, f"{quota} {CPU_PERIOD_MICROSECONDS}")

    def set_memory(self, size: int | None) -> None:  # noqa: D102 - as Cgroup says
        if self._swap_max.exists():  # absent where the kernel does not count swap
            write(self._swap_max, "max" if size is None else "0")
        write(self._memory_max, "max" if size is None else str(size))

    def read(self) -> Reading:  # noqa: D102 - as Cgroup says
        began = time.time()
        cpu = self._cpu_stat.text()
        taken = (began + time.time()) / 2  # the time that belongs to the counter of CPU; the rest need not be so exact
        microseconds, periods, throttled = keyed(cpu, "usage_usec", "nr_periods", "nr_throttled")
        current, peak = self._current.number(), self._peak.number()
        inactive, anonymous, cache = keyed(self._memory_stat.text(), "inactive_file", "anon", "file")
        (kills,) = keyed(self._events.text(), "oom_kill")
        self._highest = max(self._highest, peak or 0)
        return Reading(
            time=taken,
            cpu_seconds=None if microseconds is None else microseconds / 1e6,
            periods=periods,
            throttled_periods=throttled,
            memory_current=current,
            working_set=less(current, inactive),
            memory_peak=self._highest or None,
            anonymous=anonymous,
            page_cache=cache,
            oom_kills=kills,
            threads=self._threads(),
        )

    def take_peak(self) -> int | None:
        """Return the peak since last asked, see `Cgroup.take_peak`.

        Since Linux 6.12 whoever writes to memory.peak reads, through the same descriptor, the peak since then.
        """
        if self._peak_resets:
            try:
                if self._peak_descriptor is None:
                    self._peak_descriptor = os.open(self._peak_path, os.O_RDWR | os.O_CLOEXEC)
                peak = int(os.pread(self._peak_descriptor, 64, 0))
                os.pwrite(self._peak_descriptor, b"reset\n", 0)
            except (OSError, ValueError):
                self._peak_resets = False  # an older kernel: memory.peak cannot be written, or is not there
            else:
                return peak
        peak_now = self._peak.number()
        if peak_now is None or peak_now <= self._peak_before:
            return None
        self._peak_before = peak_now
        return peak_now

    def close(self) -> None:  # noqa: D102 - as Cgroup says
        super().close()
        if self._peak_descriptor is not None:
            os.close(self._peak_descriptor)
            self._peak_descriptor = None

    def _threads(self) -> int | None:
        """Count threads: the controller pids knows, where it is available."""
        if (number := self._tasks.number()) is not None:
            return number
        try:
            return len(self._threads_path.read_bytes().split())
        except OSError:
            return None

    def _kill_once(self) -> None:
        """Let the kernel do it (since Linux 5.14); before that, one after the other while all stand still."""
        with contextlib.suppress(OSError):
            (self._outer / "cgroup.kill").write_text("1")
            return
        with contextlib.suppress(OSError):
            (self._outer / "cgroup.freeze").write_text("1")
        signal_all(self.pids(), signal.SIGKILL)  # a frozen process of version 2 dies at once
        with contextlib.suppress(OSError):
            (self._outer / "cgroup.freeze").write_text("0")
