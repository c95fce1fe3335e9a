"""What a source returns: the raw samples of one container, each with the time at which cAdvisor took it.

Counters stay counters here. A container that was restarted counts from zero again; the restart is recorded
(`ContainerSamples.restarts`), because a difference across it would be wrong without looking wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

SourceName = Literal["Prometheus", "Kubelet", "Cgroup", "Process"]
"""Where samples come from, as recorded in the status."""


class Sample(NamedTuple):
    """One value.

    Attributes
    ----------
    time
        When it was taken, in seconds since the epoch.
    value
        The value, in the unit of its series.
    """

    time: float
    value: float


Series = tuple[Sample, ...]
"""Samples in ascending order of time, at most one for each time."""


@dataclass(frozen=True, slots=True)
class ContainerSamples:
    """The samples of one container; a series that the source does not have is empty.

    Attributes
    ----------
    cpu_seconds
        CPU time used, seconds (counter).
    working_set_bytes
        Memory that cannot be reclaimed under pressure, bytes.
    peak_working_set_bytes
        The largest working set since the previous sample, bytes; only where the source sees it between samples.
    max_usage_bytes
        The largest memory usage since the container's start, page cache included, bytes.
    rss_bytes, cache_bytes
        Anonymous memory and page cache, bytes.
    cfs_periods, cfs_throttled_periods
        CFS periods in which the container was runnable, and those of them in which it was throttled (counters).
        Absent without a CPU limit.
    threads
        Number of threads.
    node_cpu_seconds
        CPU time that the container's whole node used, seconds (counter); only from a kubelet.
    oom_events
        Processes that the kernel killed for memory (counter).
    mapped_file_bytes
        Page cache that the container's processes map and that is charged to it.
    held_bytes
        What the kernel cannot give back without the processes: their own memory, and files in memory. It does not
        include page cache, nor what the kernel keeps to manage it.
    uncharged_file_bytes
        Pages of files that its processes map and that are charged to others, which read them first.
    major_faults
        Page faults for which a page was read from disk (counter).
    read_bytes
        Bytes that its processes have read from disk (counter).
    start_time
        When the container was created, seconds since the epoch; a fact and not a sample, so its times mean nothing.
    restarts
        Times of the first sample of each container that replaced another one: its counters began at zero again.
    time_error
        Where the source gives samples the time of its scrapes and not cAdvisor's: most seconds by which the time of a
        sample here may be too early or too late. 0 where the times are cAdvisor's own.
    source
        Where the samples come from.
    remark
        Why this source was read, as a sentence, where there was a choice.
    warning
        What in the installation's monitoring keeps Prometheus from being read as it should, as a clause; empty where
        nothing does.
    """

    cpu_seconds: Series = ()
    working_set_bytes: Series = ()
    peak_working_set_bytes: Series = ()
    max_usage_bytes: Series = ()
    rss_bytes: Series = ()
    cache_bytes: Series = ()
    cfs_periods: Series = ()
    cfs_throttled_periods: Series = ()
    threads: Series = ()
    oom_events: Series = ()
    node_cpu_seconds: Series = ()
    mapped_file_bytes: Series = ()
    held_bytes: Series = ()
    uncharged_file_bytes: Series = ()
    major_faults: Series = ()
    read_bytes: Series = ()
    start_time: Series = ()
    restarts: tuple[float, ...] = ()
    time_error: float = 0.0
    source: SourceName | None = None
    remark: str = ""
    warning: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in SERIES if name not in {"start_time", "node_cpu_seconds"})

    @property
    def newest(self) -> float | None:
        """Time of the newest sample of CPU or memory; None without any."""
        times = [series[-1].time for series in (self.cpu_seconds, self.working_set_bytes) if series]
        return max(times, default=None)

    def within(self, start: float, end: float) -> ContainerSamples:
        """Return the part taken from `start` to `end`, both included."""
        sampled = [name for name in SERIES if name != "start_time"]
        part: dict[str, Any] = {name: between(getattr(self, name), start, end) for name in sampled}
        return replace(self, **part, restarts=tuple(time for time in self.restarts if start <= time <= end))

    def merged(self, other: ContainerSamples) -> ContainerSamples:
        """Return these samples together with those that another source has of the same container."""
        sampled = [name for name in SERIES if name != "start_time"]
        merged: dict[str, Any] = {name: series((*getattr(other, name), *getattr(self, name))) for name in sampled}
        return replace(self, **merged)

    def restarted(self, start: float, end: float) -> bool:
        """Return whether the container was restarted between samples taken at `start` and `end`."""
        return any(start < time <= end for time in (*self.restarts, *resets(self.cpu_seconds)))


SERIES: tuple[str, ...] = tuple(
    f.name for f in fields(ContainerSamples) if f.name not in {"restarts", "time_error", "source", "remark", "warning"}
)
"""Names of the fields of `ContainerSamples` that are series."""


def series(points: Iterable[tuple[float, float]]) -> Series:
    """Return (time, value) points as a series: sorted, at most one for each time, and without infinities and NaN."""
    finite = {time: value for time, value in points if math.isfinite(time) and math.isfinite(value)}
    return tuple(Sample(time, value) for time, value in sorted(finite.items()))


def between(samples: Series, start: float, end: float) -> Series:
    """Return the samples taken from `start` to `end`, both included."""
    return tuple(sample for sample in samples if start <= sample.time <= end)


def resets(counter: Series) -> tuple[float, ...]:
    """Return the times of the samples at which `counter` is lower than before, since it began at zero again."""
    return tuple(after.time for before, after in pairwise(counter) if after.value < before.value)


def increase(counter: Series, since: float) -> float | None:
    """Return by how much `counter` grew after `since`, restarts included; None without a sample after it.

    The value at `since` is that of the last sample until then. Where there is none, the counter is taken to have begun
    at zero, since the container is then younger than the series.
    """
    if not counter or counter[-1].time <= since:
        return None
    last, total = 0.0, 0.0
    for sample in counter:
        if sample.time > since:
            total += sample.value - last if sample.value >= last else sample.value
        last = sample.value
    return total


MOST_THINNED = 120
"""Samples of a series that a report keeps: enough for a chart, few enough for a ConfigMap. Chosen, not fitted."""


def thinned(samples: Series, most: int = MOST_THINNED) -> Series:
    """Return at most about `most` samples: the largest of each group of neighbours, and the first and the last sample.

    This keeps peaks, and the newest value of each group of a counter.
    """
    if len(samples) <= most:
        return samples
    size = -(-len(samples) // (most - 2))
    groups = [samples[i : i + size] for i in range(0, len(samples), size)]
    kept = {samples[0], samples[-1], *(max(reversed(group), key=lambda sample: sample.value) for group in groups)}
    return tuple(sorted(kept))
