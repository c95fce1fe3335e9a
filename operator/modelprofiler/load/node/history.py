"""What a node counted over the last hours: its CPU time and its page faults, once a second, as /proc has them.

The window of a load is known only when the load has ended, and to the clock of another node. The reader therefore keeps
what it has read, by a clock that nobody sets, and computes a window afterwards.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from modelprofiler.load.machine.procfs import CpuTimes

VMSTAT = Path("/proc/vmstat")

COUNTERS = ("busy", "steal", "idle", "major_faults", "read_bytes")
"""CPU seconds of the node, page faults for which something was read from a disk, and bytes read from disks."""

PERIOD = 1.0
"""Seconds between two readings, of a few tens of microseconds each. At the ends of a window values are interpolated, so
that a window of half a minute is right within a percent even where the load changes."""

LONGEST = 4 * 3600
"""Readings that are kept, some four hours in less than a MiB; no window of a load is as long."""

PAGED_IN_UNIT = 1024
"""Bytes of one unit of ``pgpgin`` in /proc/vmstat."""


class History:
    """Readings of one node in the order in which they were taken.

    Parameters
    ----------
    read
        Returns a value for each of `COUNTERS`, or None where the node does not tell.
    clock
        Returns seconds of a clock that nobody sets.
    longest
        How many readings are kept.
    """

    def __init__(
        self,
        read: Callable[[], tuple[float, ...] | None] | None = None,
        clock: Callable[[], float] = monotonic,
        longest: int = LONGEST,
    ) -> None:
        self._read = read or read_counters
        self._clock = clock
        self._longest = longest
        self._times = array("d")
        self._columns = [array("d") for _ in COUNTERS]

    def take(self) -> None:
        """Take a reading; the oldest ones are forgotten, a quarter of them at a time."""
        values = self._read()
        if values is None:
            return
        self._times.append(self._clock())
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        if len(self._times) > self._longest:
            for column in (self._times, *self._columns):
                del column[: self._longest // 4]

    def increase(self, start: float, end: float) -> dict[str, float] | None:
        """Return by how much each counter grew from `start` to `end`; None where that was not read throughout."""
        times = self._times
        if len(times) < 2 or not times[0] <= start < end <= times[-1]:
            return None
        # One that the node does not have is NaN, and so is its increase.
        return {
            name: self._at(column, end) - self._at(column, start)
            for name, column in zip(COUNTERS, self._columns, strict=True)
        }

    def _at(self, column: array[float], moment: float) -> float:
        """Return a counter at a moment between the first reading and the last, interpolated."""
        after = max(1, bisect_left(self._times, moment))
        t0, t1 = self._times[after - 1], self._times[after]
        v0, v1 = column[after - 1], column[after]
        return v0 if t1 <= t0 else v0 + (v1 - v0) * (moment - t0) / (t1 - t0)


def read_counters(vmstat: Path = VMSTAT) -> tuple[float, ...] | None:
    """Return the counters of this node as they are now; None where /proc does not have its CPU time."""
    cpu = CpuTimes.now()
    if cpu is None:
        return None
    faults, paged_in = _numbers(vmstat, "pgmajfault", "pgpgin")
    return cpu.busy, cpu.steal, cpu.idle, faults, paged_in * PAGED_IN_UNIT


def _numbers(path: Path, *names: str) -> list[float]:
    """Return numbers of a file with a name and a number on each line; NaN for those that it does not have."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        lines = []
    numbers = dict(line.split(" ", 1) for line in lines if " " in line)
    return [float(numbers.get(name, "nan")) for name in names]
