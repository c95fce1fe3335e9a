"""Usage ten times a second, in a thread of its own: however busy the event loop is, each value has its own time."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import NamedTuple

import psutil

from modelprofiler.host.control_group import Cgroup, Reading, less
from modelprofiler.host.processes import ProcessTree
from modelprofiler.metrics.series import ContainerSamples, Sample, Series, SourceName

INTERVAL = 0.1
SLOW_INTERVAL = 1.0
"""How often is looked for new processes, and their share of common memory computed: milliseconds each."""


class Sampled(NamedTuple):
    """One reading, and the largest working set since the one before (bytes; None where it is not told)."""

    reading: Reading
    peak_working_set: int | None


class Sampler:
    """Reads again and again, from `start` until `stop`.

    Parameters
    ----------
    read
        Takes one reading; None when there is nothing left to read.
    source
        What is read.
    interval
        Seconds between readings, in the mean.
    """

    def __init__(self, read: Callable[[], Sampled | None], source: SourceName, interval: float = INTERVAL) -> None:
        self._read = read
        self._source: SourceName = source
        self._interval = interval
        self._samples: list[Sampled] = []
        self._started = time.time()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)

    @classmethod
    def of_cgroup(cls, cgroup: Cgroup, interval: float = INTERVAL) -> Sampler:
        """Return one of a control group; nobody else may ask that for its peak meanwhile."""
        return cls(CgroupReader(cgroup), "Cgroup", interval)

    @classmethod
    def of_process(cls, pid: int, interval: float = INTERVAL) -> Sampler:
        """Return one of a process and all that it started, where no control group counts."""
        return cls(ProcessReader(pid), "Process", interval)

    def start(self) -> None:
        """Begin, with a first reading before this returns."""
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """End, with a last reading before this returns; what was read stays. To end twice is no error."""
        if self._end.is_set():
            return
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self.sample()

    def sample(self) -> None:
        """Take one reading now, beside the regular ones: best right before a load and right after it."""
        with self._lock:
            if (sampled := self._read()) is not None:
                self._samples.append(sampled)

    def _run(self) -> None:
        jitter = random.Random()  # noqa: S311 - no secret
        due = time.monotonic()
        while True:
            # Never in step with requests that come at equal intervals: seen always or never at the same point of one,
            # a server seems to hold what it holds for a third of the time always, or never.
            due += self._interval * jitter.uniform(0.5, 1.5)
            # What was missed (a machine asleep, or overloaded) is not made up for.
            due = max(due, time.monotonic())
            if self._end.wait(max(0.0, due - time.monotonic())):
                return
            self.sample()

    @property
    def latest(self) -> Reading | None:
        """The newest reading."""
        return self._samples[-1].reading if self._samples else None

    def samples(self, start: float = -math.inf, end: float = math.inf) -> ContainerSamples:
        """Return what was read from `start` to `end` (seconds since the epoch), both included."""
        taken = self._samples[:]  # the thread only ever adds
        taken.sort(key=_time)  # a clock that was set back
        part = taken[bisect_left(taken, start, key=_time) : bisect_right(taken, end, key=_time)]

        def of(value: Callable[[Sampled], float | None]) -> Series:
            return tuple(Sample(s.reading.time, float(v)) for s in part if (v := value(s)) is not None)

        return ContainerSamples(
            cpu_seconds=of(lambda s: s.reading.cpu_seconds),
            working_set_bytes=of(lambda s: s.reading.working_set),
            peak_working_set_bytes=of(lambda s: s.peak_working_set),
            max_usage_bytes=of(lambda s: s.reading.memory_peak),
            rss_bytes=of(lambda s: s.reading.anonymous),
            cache_bytes=of(lambda s: s.reading.page_cache),
            cfs_periods=of(lambda s: s.reading.periods),
            cfs_throttled_periods=of(lambda s: s.reading.throttled_periods),
            threads=of(lambda s: s.reading.threads),
            oom_events=of(lambda s: s.reading.oom_kills),
            start_time=(Sample(self._started, self._started),),
            source=self._source,
        )


def _time(sampled: Sampled) -> float:
    return sampled.reading.time


class CgroupReader:
    """Reads a control group, and how far its working set rose between readings.

    The kernel keeps the peak of all memory, page cache included. What of it was inactive page cache is not known; it
    is taken to be no more than at the larger end: a rise of page cache alone is then none of the working set.
    """

    def __init__(self, cgroup: Cgroup) -> None:
        self._cgroup = cgroup
        self._inactive = 0

    def __call__(self) -> Sampled | None:
        """Take one reading."""
        peak = self._cgroup.take_peak()
        reading = self._cgroup.read()
        if reading.cpu_seconds is None and reading.memory_current is None:
            return None  # the group was removed
        inactive = less(reading.memory_current, reading.working_set)
        highest = reading.working_set
        if highest is not None and inactive is not None and peak is not None:
            highest = max(highest, peak - max(inactive, self._inactive))
        self._inactive = inactive or 0
        return Sampled(reading, highest)


class ProcessReader:
    """Reads a process and all that it started: CPU time, memory without counting shared pages twice, threads.

    What processes had used that have ended stays counted, up to their last reading.
    """

    def __init__(self, pid: int) -> None:
        self._tree = ProcessTree(pid)
        self._cpu: dict[tuple[int, float], float] = {}
        self._members: list[psutil.Process] = []
        self._shared = 0.0
        self._looked = -math.inf
        self._peak = 0

    def __call__(self) -> Sampled | None:
        """Take one reading."""
        now = time.monotonic()
        look = now - self._looked >= SLOW_INTERVAL
        if look:
            self._looked, self._members = now, self._tree.members()
        began = time.time()
        resident, threads, seen = 0, 0, 0
        for process in self._members:
            with contextlib.suppress(psutil.Error):
                with process.oneshot():
                    times, memory = process.cpu_times(), process.memory_info()
                    threads += process.num_threads()
                self._cpu[process.pid, process.create_time()] = times.user + times.system
                resident += memory.rss
                seen += 1
        taken = (began + time.time()) / 2
        if not seen:
            return None
        if look:
            self._shared = _shared_share(self._members, resident) if seen > 1 else 0.0
        working_set = round(resident * (1 - self._shared))
        self._peak = max(self._peak, working_set)
        return Sampled(
            Reading(
                time=taken,
                cpu_seconds=sum(self._cpu.values()),
                memory_current=working_set,
                working_set=working_set,
                memory_peak=self._peak,
                threads=threads,
            ),
            None,
        )


def _shared_share(members: list[psutil.Process], resident: int) -> float:
    """Return which part of resident memory, summed over processes, is counted more than once; 0 where nobody tells."""
    proportional = 0
    for process in members:
        try:
            proportional += process.memory_full_info().pss
        except (psutil.Error, AttributeError):  # not on this system, or another user's process
            return 0.0
    return max(0.0, 1 - proportional / resident) if resident and proportional else 0.0
