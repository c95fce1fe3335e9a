"""The truth of a run: what the container's own control group said, read on its node ten times a second."""

from __future__ import annotations

import math
from dataclasses import dataclass

from modelprofiler.metrics import steady
from modelprofiler.metrics.series import ContainerSamples, Series, between

AFTER_SECONDS = 2.0
"""By then nothing is in flight any more, and nothing else has begun."""


@dataclass(frozen=True)
class Truth:
    """What the control group says of one load; None where it could not be read.

    Attributes
    ----------
    cpu_seconds
        CPU time from the start of the load to its end.
    cores
        Mean over the window.
    peak_bytes, steady_bytes
        Working set from the start of the load to its end: the largest, and what was held for good in the second half.
    throttled_percent
        Of the CFS periods of the window.
    lifetime_bytes
        The largest memory that was ever charged, page cache and start-up included.
    threads
        The most from the start of the load to its end.
    readings
        How many there were.
    """

    cpu_seconds: float | None
    cores: float | None
    peak_bytes: float | None
    steady_bytes: float | None
    throttled_percent: float | None
    lifetime_bytes: float | None
    threads: float | None
    readings: int


def truth(samples: ContainerSamples, load_start: float, window: tuple[float, float], load_end: float) -> Truth:
    """Return the truth of a load from dense samples of the control group."""
    memory = [s.value for s in between(samples.working_set_bytes, load_start, load_end)]
    held_bytes = between(samples.working_set_bytes, load_start, load_end + AFTER_SECONDS)
    begin, end = window
    periods = _grown(samples.cfs_periods, begin, end)
    throttled = _grown(samples.cfs_throttled_periods, begin, end)
    used = _grown(samples.cpu_seconds, begin, end)
    return Truth(
        cpu_seconds=_grown(samples.cpu_seconds, load_start, load_end),
        cores=None if used is None else used / (end - begin),
        peak_bytes=max(memory, default=None),
        steady_bytes=steady.held_for_good(held_bytes, load_start, load_end) if held_bytes else None,
        throttled_percent=100 * throttled / periods if periods and throttled is not None else None,
        lifetime_bytes=max((s.value for s in samples.max_usage_bytes), default=None),
        threads=max((s.value for s in between(samples.threads, load_start, load_end)), default=None),
        readings=len(memory),
    )


def at(counter: Series, time: float) -> float | None:
    """Return a counter's value at a time, on a straight line between the samples around it; None outside of them."""
    after = next((i for i, sample in enumerate(counter) if sample.time >= time), None)
    if after is None or (after == 0 and counter[0].time > time):
        return None
    last = counter[after]
    if math.isclose(last.time, time) or after == 0:
        return last.value
    first = counter[after - 1]
    return first.value + (last.value - first.value) * (time - first.time) / (last.time - first.time)


def _grown(counter: Series, start: float, end: float) -> float | None:
    before, after = at(counter, start), at(counter, end)
    return None if before is None or after is None else after - before
