"""Control groups of version 2: one hierarchy, used in a part of it that this process may write to."""

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
    difference,
    keyed_numbers,
    quota_microseconds,
    signal_all,
    total,
    write,
)

REQUIRED = frozenset({"cpu", "memory"})
HELD = ("shmem", "slab_unreclaimable", "kernel_stack", "pagetables", "sock")
"""Keys of memory.stat for what is held besides anonymous memory (cgroup-v2.rst, memory.stat)."""
SERVER = "server"
"""Name of the inner group, which has the processes. The outer one has none and enables the controllers for it: systemd
disables those at the top that no group below has enabled."""


class CgroupV2(Cgroup):
    """A group that contains only another group, which has the processes.

    Parameters
    ----------
    directory
        The outer group, in which cpu and memory are available.
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
        if self._swap_max.exists():  # absent where the kernel does not account swap
            write(self._swap_max, "max" if size is None else "0")
        write(self._memory_max, "max" if size is None else str(size))

    def read(self) -> Reading:  # noqa: D102 - as Cgroup says
        began = time.time()
        cpu = self._cpu_stat.text()
        taken = (began + time.time()) / 2  # of the CPU counter; the others do not need this precision
        microseconds, periods, throttled = keyed_numbers(cpu, "usage_usec", "nr_periods", "nr_throttled")
        current, peak = self._current.number(), self._peak.number()
        keys = ("inactive_file", "anon", "file", "file_mapped", "pgmajfault")
        inactive, anonymous, cache, mapped, faults, *others = keyed_numbers(self._memory_stat.text(), *keys, *HELD)
        (kills,) = keyed_numbers(self._events.text(), "oom_kill")
        self._highest = max(self._highest, peak or 0)
        return Reading(
            time=taken,
            cpu_seconds=None if microseconds is None else microseconds / 1e6,
            periods=periods,
            throttled_periods=throttled,
            memory_current=current,
            working_set=difference(current, inactive),
            memory_peak=self._highest or None,
            anonymous=anonymous,
            page_cache=cache,
            oom_kills=kills,
            threads=self._threads(),
            mapped_file=mapped,
            held=total(anonymous, *others),
            major_faults=faults,
        )

    def take_peak(self) -> int | None:
        """Return the peak since the previous call, see `Cgroup.take_peak`.

        Since Linux 6.12 a write to memory.peak resets the peak that is read through the same descriptor.
        """
        if self._peak_resets:
            try:
                if self._peak_descriptor is None:
                    self._peak_descriptor = os.open(self._peak_path, os.O_RDWR | os.O_CLOEXEC)
                peak = int(os.pread(self._peak_descriptor, 64, 0))
                os.pwrite(self._peak_descriptor, b"reset\n", 0)
            except (OSError, ValueError):
                self._peak_resets = False  # an older kernel: memory.peak is read-only or missing
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
        """Return the number of threads, from the controller pids where it is available."""
        if (number := self._tasks.number()) is not None:
            return number
        try:
            return len(self._threads_path.read_bytes().split())
        except OSError:
            return None

    def _kill_once(self) -> None:
        """Have the kernel kill the group (since Linux 5.14); on older kernels, freeze it and signal each process."""
        with contextlib.suppress(OSError):
            (self._outer / "cgroup.kill").write_text("1")
            return
        with contextlib.suppress(OSError):
            (self._outer / "cgroup.freeze").write_text("1")
        signal_all(self.pids(), signal.SIGKILL)  # a frozen process of version 2 dies at once
        with contextlib.suppress(OSError):
            (self._outer / "cgroup.freeze").write_text("0")
