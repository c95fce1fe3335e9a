"""The generator's machine as /proc describes it: its CPU, its version of control groups, and how busy it was.

In a pod, /proc/stat counts the whole node. Where the server runs on the same node, this shows whether other work kept
it from using the CPU that it was allowed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC_STAT = Path("/proc/stat")
CPU_INFO = Path("/proc/cpuinfo")
VMSTAT = Path("/proc/vmstat")
CGROUP_V2 = Path("/sys/fs/cgroup/cgroup.controllers")
CGROUP_V1 = Path("/sys/fs/cgroup/memory")
LONGEST_CPU_MODEL = 80
"""Characters of a CPU's name: more than any in /proc/cpuinfo (at most 64), so that a made-up one cannot fill the
termination message."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU time of the machine since it started, in seconds, all cores together.

    Attributes
    ----------
    busy
        Time of any work, without steal.
    steal
        Time that the hypervisor gave to other guests.
    idle
        Time without work, including waits for disks.
    """

    busy: float
    steal: float
    idle: float

    @classmethod
    def now(cls, path: Path = PROC_STAT) -> Self | None:
        """Read the times (proc_stat(5)); None where they cannot be read."""
        try:
            fields = path.read_text().split("\n", 1)[0].split()
            user, nice, system, idle, iowait, irq, softirq, steal = (int(f) for f in fields[1:9])
        except (OSError, ValueError):
            return None
        tick = os.sysconf("SC_CLK_TCK")
        return cls((user + nice + system + irq + softirq) / tick, steal / tick, (idle + iowait) / tick)

    def busy_share(self, later: Self) -> tuple[float, float] | None:
        """Return (busy, stolen) as shares of the CPU time from here to ``later``; None when no time has passed."""
        busy, steal, idle = later.busy - self.busy, later.steal - self.steal, later.idle - self.idle
        total = busy + steal + idle
        return (busy / total, steal / total) if total > 0 else None


def cpu_model(path: Path = CPU_INFO) -> str | None:
    """Return the name of the CPU; None where /proc does not have it."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    name = next(names, None)
    return name[:LONGEST_CPU_MODEL] if name else None


def oom_kills(path: Path = VMSTAT) -> int | None:
    """Return how many processes the kernel has killed for lack of memory since it started; None where it does not tell.

    It counts those of every control group of the machine (``oom_kill`` in /proc/vmstat, since Linux 4.13).
    """
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    counts = (line.removeprefix("oom_kill ") for line in lines if line.startswith("oom_kill "))
    count = next(counts, "")
    return int(count) if count.isascii() and count.isdigit() else None


def cgroup_version() -> str | None:
    """Return the version of control groups in use, v2 or v1; None without control groups."""
    if CGROUP_V2.exists():
        return "v2"
    return "v1" if CGROUP_V1.exists() else None
