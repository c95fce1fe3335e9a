"""Usage of a server ten times a second, read in a thread of its own so that a busy event loop does not delay it."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

import psutil

from modelprofiler.host.control_group import Cgroup, Reading, difference
from modelprofiler.host.process_tree import ProcessTree
from modelprofiler.metrics.series import ContainerSamples, Sample, Series, SourceName

INTERVAL = 0.1
"""Seconds between two readings: the length of the periods in which the kernel counts throttling."""
SEARCH_INTERVAL = 1.0
"""Seconds between two searches for new processes, and two computations of shared memory: they take milliseconds."""


class Sampled(NamedTuple):
    """A reading, and the peak of the working set since the one before, in bytes; None where it is unknown.

    Pages of files that the server maps count as well, also where the kernel holds them as inactive: requests use them.
    """

    reading: Reading
    peak_working_set: int | None
    read_bytes: int | None = None
    """Bytes that its processes have read from disk; None where that is unknown, or was not read this time."""


class Sampler:
    """Takes readings from `start` until `stop`.

    Parameters
    ----------
    read
        Takes one reading; returns None when there is nothing left to read.
    source
        What is read, as the samples name it.
    interval
        Mean seconds between two readings.
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
        """Return a sampler of a control group, which must be the only caller of its `take_peak`."""
        return cls(CgroupReader(cgroup), "Cgroup", interval)

    @classmethod
    def of_process(cls, pid: int, interval: float = INTERVAL) -> Sampler:
        """Return a sampler of a process and its descendants, for machines without control groups."""
        return cls(ProcessReader(pid), "Process", interval)

    def start(self) -> None:
        """Take a first reading and start the thread."""
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and take a last reading; a second call does nothing."""
        if self._end.is_set():
            return
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self.sample()

    def sample(self) -> None:
        """Take an additional reading now; worth it right before and right after a load."""
        with self._lock:
            if (sampled := self._read()) is not None:
                self._samples.append(sampled)

    def _run(self) -> None:
        jitter = random.Random()  # noqa: S311 - not a secret
        due = time.monotonic()
        while True:
            # Readings must not be in step with requests at equal intervals. A reading that always hits the same point
            # of a request sees memory that the server holds for a third of the time always, or never.
            due += self._interval * jitter.uniform(0.5, 1.5)
            # Readings that were missed, on a machine that slept or was overloaded, are not made up for.
            due = max(due, time.monotonic())
            if self._end.wait(max(0.0, due - time.monotonic())):
                return
            self.sample()

    @property
    def latest(self) -> Reading | None:
        """The last reading."""
        return self._samples[-1].reading if self._samples else None

    def samples(self, start: float = -math.inf, end: float = math.inf) -> ContainerSamples:
        """Return the samples from `start` to `end` (seconds since the epoch), both included."""
        taken = self._samples[:]  # a copy: the thread appends meanwhile
        taken.sort(key=_time)  # the clock may have been set back
        part = taken[bisect_left(taken, start, key=_time) : bisect_right(taken, end, key=_time)]

        def series(value: Callable[[Sampled], float | None]) -> Series:
            return tuple(Sample(s.reading.time, float(v)) for s in part if (v := value(s)) is not None)

        return ContainerSamples(
            cpu_seconds=series(lambda s: s.reading.cpu_seconds),
            working_set_bytes=series(lambda s: s.reading.working_set),
            peak_working_set_bytes=series(lambda s: s.peak_working_set),
            max_usage_bytes=series(lambda s: s.reading.memory_peak),
            rss_bytes=series(lambda s: s.reading.anonymous),
            cache_bytes=series(lambda s: s.reading.page_cache),
            cfs_periods=series(lambda s: s.reading.periods),
            cfs_throttled_periods=series(lambda s: s.reading.throttled_periods),
            threads=series(lambda s: s.reading.threads),
            oom_events=series(lambda s: s.reading.oom_kills),
            mapped_file_bytes=series(lambda s: s.reading.mapped_file),
            held_bytes=series(lambda s: s.reading.held),
            major_faults=series(lambda s: s.reading.major_faults),
            read_bytes=series(lambda s: s.read_bytes),
            start_time=(Sample(self._started, self._started),),
            source=self._source,
        )


def _time(sampled: Sampled) -> float:
    return sampled.reading.time


class CgroupReader:
    """Reads a control group, including the peak of its working set between two readings.

    The kernel keeps the peak of all memory, page cache included. How much of that was inactive page cache is unknown.
    It is assumed to be the larger of the amounts at both readings, so that a rise of page cache alone does not count
    as a rise of the working set.
    """

    def __init__(self, cgroup: Cgroup) -> None:
        self._cgroup = cgroup
        self._inactive = 0
        self._disk = DiskReads()
        self._searched_at = -math.inf

    def __call__(self) -> Sampled | None:
        """Take one reading."""
        peak = self._cgroup.take_peak()
        reading = self._cgroup.read()
        if reading.cpu_seconds is None and reading.memory_current is None:
            return None  # the group was removed
        inactive = difference(reading.memory_current, reading.working_set)
        highest = reading.working_set
        if highest is not None and inactive is not None and peak is not None:
            highest = max(highest, peak - max(inactive, self._inactive))
        if highest is not None and reading.anonymous is not None and reading.mapped_file is not None:
            highest = max(highest, reading.anonymous + reading.mapped_file)
        self._inactive = inactive or 0
        return Sampled(reading, highest, self._read_from_disk())

    def _read_from_disk(self) -> int | None:
        now = time.monotonic()
        if now - self._searched_at < SEARCH_INTERVAL:
            return None
        self._searched_at = now
        return self._disk.total(self._cgroup.pids())


class DiskReads:
    """Counts what processes read from disk. What those that have ended had read stays counted, up to the last look."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, float], int] = {}

    def total(self, pids: Iterable[int]) -> int | None:
        """Return the bytes that these and earlier processes have read; None where the system does not say."""
        for pid in pids:
            with contextlib.suppress(psutil.Error, OSError, AttributeError):  # it has ended; not on macOS
                process = psutil.Process(pid)
                self._read[pid, process.create_time()] = process.io_counters().read_bytes
        return sum(self._read.values()) if self._read else None


class ProcessReader:
    """Reads a process and its descendants: CPU time, threads, and memory with shared pages counted once.

    The CPU time of processes that have ended stays counted, up to their last reading.
    """

    def __init__(self, pid: int) -> None:
        self._tree = ProcessTree(pid)
        self._cpu: dict[tuple[int, float], float] = {}
        self._members: list[psutil.Process] = []
        self._shared = 0.0
        self._searched_at = -math.inf
        self._peak = 0

    def __call__(self) -> Sampled | None:
        """Take one reading."""
        now = time.monotonic()
        search = now - self._searched_at >= SEARCH_INTERVAL
        if search:
            self._searched_at, self._members = now, self._tree.members()
        began = time.time()
        resident, threads, living = 0, 0, 0
        for process in self._members:
            with contextlib.suppress(psutil.Error):
                with process.oneshot():
                    times, memory = process.cpu_times(), process.memory_info()
                    threads += process.num_threads()
                self._cpu[process.pid, process.create_time()] = times.user + times.system
                resident += memory.rss
                living += 1
        taken = (began + time.time()) / 2
        if not living:
            return None
        if search:
            self._shared = _shared_share(self._members, resident) if living > 1 else 0.0
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
    """Return the share of summed resident memory that is counted more than once; 0 where the system does not say."""
    proportional = 0
    for process in members:
        try:
            proportional += process.memory_full_info().pss
        except (psutil.Error, AttributeError):  # not supported here, or another user's process
            return 0.0
    return max(0.0, 1 - proportional / resident) if resident and proportional else 0.0
