"""Control groups of version 1: one hierarchy for each controller, writable for root only."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
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

REQUIRED = ("cpu", "cpuacct", "memory")
"""Controllers without which there are no limits or no counters."""
OPTIONAL = ("freezer",)
"""Controllers that are used where they are mounted and writable."""
FREEZE_SECONDS = 0.5
"""How long freezing may take before processes are killed while they run; chosen, it usually takes milliseconds."""


class CgroupV1(Cgroup):
    """A group with a directory in the hierarchy of each controller.

    Parameters
    ----------
    directories
        The directory of each controller; controllers that are mounted together share one.
    """

    version = "v1"

    def __init__(self, directories: Mapping[str, Path]) -> None:
        # Each once, in the order of first mention: a hierarchy with several controllers is joined once.
        distinct = tuple(dict.fromkeys(directories.values()))
        super().__init__(distinct, distinct)
        cpu, memory = directories.get("cpu", Path()), directories.get("memory", Path())
        self._quota = cpu / "cpu.cfs_quota_us"
        self._period = cpu / "cpu.cfs_period_us"
        self._limit = memory / "memory.limit_in_bytes"
        self._limit_with_swap = memory / "memory.memsw.limit_in_bytes"
        self._swappiness = memory / "memory.swappiness"
        self._reset_peak = memory / "memory.max_usage_in_bytes"
        freezer = directories.get("freezer")
        self._freezer = freezer / "freezer.state" if freezer else None
        self._tasks = directories.get("cpuacct", cpu) / "tasks"
        self._cpu_usage = KeptFile(directories.get("cpuacct", cpu) / "cpuacct.usage")
        self._cpu_stat = KeptFile(cpu / "cpu.stat")
        self._usage = KeptFile(memory / "memory.usage_in_bytes")
        self._peak = KeptFile(memory / "memory.max_usage_in_bytes")
        self._memory_stat = KeptFile(memory / "memory.stat")
        self._oom = KeptFile(memory / "memory.oom_control")

    def set_cpu(self, millicores: int | None) -> None:  # noqa: D102 - as Cgroup says
        write(self._period, str(CPU_PERIOD_MICROSECONDS))
        write(self._quota, "-1" if millicores is None else str(quota_microseconds(millicores)))

    def set_memory(self, size: int | None) -> None:  # noqa: D102 - as Cgroup says
        value = "-1" if size is None else str(size)
        with_swap = [self._limit_with_swap] if self._limit_with_swap.exists() else []
        # The limit with swap must never be below the one without: it is written first when both rise, else last.
        current = int(self._limit.read_text()) if self._limit.exists() else 0
        rising = size is None or size > current
        for path in (*with_swap, self._limit) if rising else (self._limit, *with_swap):
            write(path, value)
        if not with_swap and self._swappiness.exists():
            write(self._swappiness, "0")  # swap is not accounted on this machine, so the group must not use it

    def read(self) -> Reading:  # noqa: D102 - as Cgroup says
        began = time.time()
        nanoseconds = self._cpu_usage.number()
        taken = (began + time.time()) / 2  # of the CPU counter; the others do not need this precision
        periods, throttled = keyed_numbers(self._cpu_stat.text(), "nr_periods", "nr_throttled")
        usage, peak = self._usage.number(), self._peak.number()
        keys = (
            "total_inactive_file",
            "total_rss",
            "total_cache",
            "total_mapped_file",
            "total_pgmajfault",
            "total_shmem",
        )
        inactive, anonymous, cache, mapped, faults, shared = keyed_numbers(self._memory_stat.text(), *keys)
        (kills,) = keyed_numbers(self._oom.text(), "oom_kill")
        self._highest = max(self._highest, peak or 0)
        return Reading(
            time=taken,
            cpu_seconds=None if nanoseconds is None else nanoseconds / 1e9,
            periods=periods,
            throttled_periods=throttled,
            memory_current=usage,
            working_set=difference(usage, inactive),
            memory_peak=self._highest or None,
            anonymous=anonymous,
            page_cache=cache,
            oom_kills=kills,
            threads=self._threads(),
            mapped_file=mapped,
            held=total(anonymous, shared),
            major_faults=faults,
        )

    def take_peak(self) -> int | None:  # noqa: D102 - as Cgroup says
        peak = self._peak.number()
        if peak is not None:
            self._highest = max(self._highest, peak)
            self._reset_peak.write_text("0")
        return peak

    def _threads(self) -> int | None:
        """Return the number of threads. The file is not kept open: the kernel would show the list of the first read."""
        try:
            return len(self._tasks.read_bytes().split())
        except OSError:
            return None

    def _kill_once(self) -> None:
        """Freeze all processes, so that none forks while the others are killed; they die when they are thawed."""
        if self._freezer is None:
            signal_all(self.pids(), signal.SIGKILL)
            return
        try:
            self._freezer.write_text("FROZEN")
            end = time.monotonic() + FREEZE_SECONDS
            while self._freezer.read_text().strip() != "FROZEN" and time.monotonic() < end:
                time.sleep(0.002)
            signal_all(self.pids(), signal.SIGKILL)
        finally:
            self._freezer.write_text("THAWED")
