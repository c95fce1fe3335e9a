"""What a source hands over: the raw samples of one container, each with the time at which cAdvisor took it.

Counters stay counters here. A container that was restarted counts from zero again; that is kept as a fact
(`ContainerSamples.restarts`), because a difference across it would be a wrong number that looks like a right one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

SourceName = Literal["Prometheus", "Kubelet", "Cgroup", "Process"]
"""Where samples come from, as the status says it."""


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
        The largest working set since the sample before, bytes; only where the source knows what lies between samples.
    max_usage_bytes
        The largest memory usage since the container's start, page cache included, bytes.
    rss_bytes, cache_bytes
        Anonymous memory and page cache, bytes.
    cfs_periods, cfs_throttled_periods
        CFS periods in which the container was runnable, and those of them in which it was throttled (counters).
        Absent without a CPU limit.
    threads
        Threads.
    node_cpu_seconds
        CPU time that the container's whole node used, seconds (counter); only from a kubelet.
    oom_events
        Processes that the kernel killed for memory (counter).
    start_time
        When the container was created, seconds since the epoch; not sampled, so its times mean nothing.
    restarts
        Times of the first sample of every further container in the same place: its counters began at zero again.
    source
        Where the samples come from.
    remark
        Why this source was read, in a sentence, where there was a choice.
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
    start_time: Series = ()
    restarts: tuple[float, ...] = ()
    source: SourceName | None = None
    remark: str = ""

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
        """Return these samples and those of the same container that another source has beside them."""
        sampled = [name for name in SERIES if name != "start_time"]
        together: dict[str, Any] = {name: series((*getattr(other, name), *getattr(self, name))) for name in sampled}
        return replace(self, **together)

    def restarted(self, start: float, end: float) -> bool:
        """Return whether the container was restarted between samples taken at `start` and `end`."""
        return any(start < time <= end for time in (*self.restarts, *resets(self.cpu_seconds)))


SERIES: tuple[str, ...] = tuple(
    f.name for f in fields(ContainerSamples) if f.name not in {"restarts", "source", "remark"}
)
"""Names of the fields of `ContainerSamples` that are series."""


def series(points: Iterable[tuple[float, float]]) -> Series:
    """Return `points`, (time, value) each, as a series: sorted, one a time, without values that are no numbers."""
    return tuple(Sample(time, value) for time, value in sorted({t: v for t, v in points if math.isfinite(v)}.items()))


def between(samples: Series, start: float, end: float) -> Series:
    """Return the samples taken from `start` to `end`, both included."""
    return tuple(sample for sample in samples if start <= sample.time <= end)


def resets(counter: Series) -> tuple[float, ...]:
    """Return the times of the samples at which `counter` is lower than before: it began at zero again."""
    return tuple(after.time for before, after in pairwise(counter) if after.value < before.value)


def increase(counter: Series, since: float) -> float | None:
    """Return by how much `counter` grew after `since`, restarts included; None without a sample after it.

    The value at `since` is that of the last sample until then. Where there is none, the counter is taken to have
    begun at zero, as that of a container younger than the series does.
    """
    if not counter or counter[-1].time <= since:
        return None
    last, total = 0.0, 0.0
    for sample in counter:
        if sample.time > since:
            total += sample.value - last if sample.value >= last else sample.value
        last = sample.value
    return total


def thinned(samples: Series, most: int = 120) -> Series:
    """Return at most about `most` samples: of each group of neighbours the largest, and the first and the last.

    So a peak is kept, and of a counter the newest of each group.
    """
    if len(samples) <= most:
        return samples
    size = -(-len(samples) // (most - 2))
    groups = [samples[i : i + size] for i in range(0, len(samples), size)]
    kept = {samples[0], samples[-1], *(max(reversed(group), key=lambda sample: sample.value) for group in groups)}
    return tuple(sorted(kept))
