"""Usage of a container under a load, computed from raw samples and the generator's count of completed requests."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import mean, median

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import MemoryCourse, MemoryUsage, UsageStatus
from modelprofiler.core.memory.course import course
from modelprofiler.core.windows import LoadWindows, Window
from modelprofiler.metrics.cost import CpuCost, cpu_cost
from modelprofiler.metrics.growth import growth
from modelprofiler.metrics.missing import not_known
from modelprofiler.metrics.series import ContainerSamples, Sample, Series, between, increase
from modelprofiler.metrics.steady import steady_bytes

PATIENCE = 60.0
"""Seconds after the window in which a sample may still arrive: cAdvisor takes one within 20 s, Prometheus may scrape it
30 s later, and 10 s are left for reading it."""

USUAL_SCRAPE = 30.0
"""Seconds between two scrapes that `PATIENCE` allows for; those of a source whose samples are further apart are waited
for as much longer."""

SPARSEST_SECONDS = 25.0
"""Seconds that two samples of cAdvisor are apart at most: 10 to 20, and a few more on a busy node."""

NEARLY_IDLE_CORES = 0.01
"""CPU up to which an upper bound is as good as a measurement: no size is smaller than 10m."""

FEW = 4
"""Samples under load below which the first one after it is used for growth, too: a kubelet has two or three in half a
minute, and growth needs three."""

SHOWS_COURSE = 45.0
"""Seconds from which a window is long enough to show the course of memory: three quarters of the shortest soak, as a
load with a closed loop may end a little earlier. In a window of half a minute, warm-up and growth look alike."""

GROWTH_POINTS = 20
"""Points for a line of growth; more samples are grouped. With every sample of ten a second, memory that wanders was
called growing in 13 of 40 cases; with 20 medians in 3."""


def usage(samples: ContainerSamples, load: LoadWindows) -> UsageStatus | None:
    """Return the usage of a container under one load; None without any sample of it.

    Parameters
    ----------
    samples
        Its samples, best from before the load until after it; counters from the container's start.
    load
        When the load ran, and the requests that it completed over time.

    Returns
    -------
    UsageStatus
        CPU as the mean over the measured window; memory and threads from the start of the load to the first sample
        after it. A value that could not be measured is None.
    """
    cost = cpu_cost(samples, load)
    cpu = samples.cpu_seconds
    until = _first_after(samples.working_set_bytes or cpu, load.end + samples.time_error, load.exclusive.end)
    memory = _memory(samples, load, until)
    used = {
        s.time for s in (*between(cpu, load.start, load.end), *between(samples.working_set_bytes, load.start, until))
    }
    if cost:
        used |= {s.time for s in between(cpu, cost.first.time, cost.last.time)}
    if not used:
        return None
    threads = [s.value for s in between(samples.threads, load.start, until)]
    kills = increase(between(samples.oom_events, -math.inf, max(until, load.end)), load.start)
    cores = _mean_cores(samples, load, cost)
    throttled = _throttled(samples, load)
    faults, read = _increase(samples.major_faults, load, until), _increase(samples.read_bytes, load, until)
    mapped = _mapped(samples, load, until)
    return UsageStatus(
        cpu=None if cores is None else _cores(cores),
        cpu_time_per_request=Duration.of(cost.seconds_per_request) if cost else None,
        throttled_percent=None if throttled is None else Quantity.decimal(throttled, 3),
        threads=int(max(threads)) if threads else None,
        oom_kills=None if kills is None else int(kills),
        samples=len(used),
        source=samples.source,
        memory=memory,
        mapped_file=None if mapped is None else _bytes(mapped),
        major_faults=None if faults is None else int(faults),
        read_bytes=None if read is None else _bytes(read),
        not_known=not_known(samples, cost.expected_error if cost else None),
    )


def _increase(counter: Series, load: LoadWindows, until: float) -> float | None:
    """Return by how much a counter grew under a load, up to the first sample after it; None with too few samples."""
    counted = between(counter, -math.inf, max(until, load.end))
    if not counted or counted[0].time > load.start:
        return None
    return increase(counted, load.start)


def _mapped(samples: ContainerSamples, load: LoadWindows, until: float) -> float | None:
    """Return the largest size of the files that the container's processes map, charged to it or not."""
    charged = [s.value for s in between(samples.mapped_file_bytes, load.start, until)]
    uncharged = _uncharged(samples)
    return max(charged, default=0.0) + uncharged if charged or uncharged else None


def _anonymous_and_mapped(samples: ContainerSamples, start: float, end: float) -> Series:
    """Return anonymous memory together with the pages of mapped files, where both were sampled at the same time."""
    mapped = {s.time: s.value for s in between(samples.mapped_file_bytes, start, end)}
    anonymous = between(samples.rss_bytes, start, end)
    return tuple(Sample(s.time, s.value + mapped[s.time]) for s in anonymous if s.time in mapped)


def _uncharged(samples: ContainerSamples) -> float:
    """Return the bytes of mapped files that are in use and charged to others: the container needs memory for them."""
    return max((s.value for s in samples.uncharged_file_bytes), default=0.0)


def node_cores(samples: ContainerSamples, load_start: float, load_end: float) -> float | None:
    """Return the CPU that the container's node used under a load, in cores; None where it was not sampled twice.

    It is taken from the first to the last sample inside the load, since the node's work before and after it is not of
    interest.
    """
    inside = between(samples.node_cpu_seconds, load_start, load_end)
    if len(inside) < 2 or inside[-1].value < inside[0].value:
        return None
    return (inside[-1].value - inside[0].value) / (inside[-1].time - inside[0].time)


def complete(samples: ContainerSamples, used: UsageStatus | None, window: Window, now: float) -> bool:
    """Return whether waiting for more samples is of no use.

    That is so when CPU and memory were sampled at or after the end of `window` (best: of the load), and either what is
    `used` follows from the samples, or none between them is missing; or when `now` is so much later that no sample will
    come, because the container or the source is gone. A source that was not asked during the load, because the operator
    was started anew, may show its latest sample at once and earlier ones with the next scrape.
    """
    if now >= window.end + _patience(samples):
        return True
    for sampled in (samples.cpu_seconds, samples.working_set_bytes):
        if not sampled or sampled[-1].time - samples.time_error < window.end:
            return False
    follows = used is not None and used.cpu is not None and used.memory is not None
    return follows or _is_gapless(samples, window)


def _patience(samples: ContainerSamples) -> float:
    """Return the seconds after a window in which a sample may still arrive from a source with such samples."""
    distances = [after.time - before.time for before, after in pairwise(samples.cpu_seconds)]
    return PATIENCE + max(0.0, median(distances) - USUAL_SCRAPE) if distances else PATIENCE


def _is_gapless(samples: ContainerSamples, window: Window) -> bool:
    """Return whether the samples around a window are as close to each other as they are taken, so that none is missing.

    A load that was stopped early may lie between two of them, and later ones do not show what it used.
    """
    created = [sample.value for sample in samples.start_time[-1:]]
    times = sorted((*created, *(sample.time for sample in samples.cpu_seconds)))
    around = [(before, after) for before, after in pairwise(times) if after > window.start and before < window.end]
    return times[0] <= window.start and all(after - before <= SPARSEST_SECONDS for before, after in around)


def _mean_cores(samples: ContainerSamples, load: LoadWindows, cost: CpuCost | None) -> float | None:
    """Return the mean CPU over the window, in cores.

    It is the cost of the window's requests plus the idle rate, which corrects for arrivals that were denser or sparser
    between the samples than over the window. Without a cost, because no request was completed, it is the mean between
    the samples inside the load; where there are not two of these, see `_nearly_idle`.
    """
    completed = load.completed_between(load.window.start, load.window.end)
    if cost and completed and load.window.seconds > 0:
        return cost.seconds_per_request * completed / load.window.seconds + (cost.idle_cores or 0.0)
    inside = between(samples.cpu_seconds, load.start, load.end)
    if len(inside) < 2:
        return _nearly_idle(samples, load)
    if samples.restarted(inside[0].time, inside[-1].time):
        return None
    return max(0.0, inside[-1].value - inside[0].value) / (inside[-1].time - inside[0].time)


def _nearly_idle(samples: ContainerSamples, load: LoadWindows) -> float | None:
    """Return the most CPU that a server can have used under a load, in cores, where that is next to nothing.

    It is all CPU between the samples around the window, as if it had been used in the load alone. Where they enclose
    only a part of the window, it is that of this part, which has to be half of it at least. None where it is more than
    the smallest size has, since it may then be far from the mean.
    """
    usable = between(samples.cpu_seconds, load.exclusive.start, load.exclusive.end)
    if len(usable) < 2:
        return None
    first = next((s for s in reversed(usable) if s.time <= load.window.start), usable[0])
    last = next((s for s in usable if s.time >= load.window.end), usable[-1])
    seconds = min(last.time, load.end) - max(first.time, load.start)
    enclosed = min(last.time, load.window.end) - max(first.time, load.window.start)
    if seconds <= 0 or 2 * enclosed < load.window.seconds or samples.restarted(first.time, last.time):
        return None
    most = max(0.0, last.value - first.value) / seconds
    return most if most <= NEARLY_IDLE_CORES else None


def _throttled(samples: ContainerSamples, load: LoadWindows) -> float | None:
    """Return the percentage of CFS periods that were throttled, between the samples nearest to the window's ends.

    Not between the samples of the cost, which may be only half of the window apart: throttling differs far more between
    the halves of a window than the cost of a request does. A server without requests has hardly any period.
    """
    window = load.window
    exclusive = between(samples.cfs_periods, load.exclusive.start, load.exclusive.end)
    start = max((s.time for s in exclusive if s.time <= window.start), default=load.start)
    end = min((s.time for s in exclusive if s.time >= window.end), default=load.end)
    periods = between(samples.cfs_periods, start, end)
    throttled = between(samples.cfs_throttled_periods, start, end)
    if len(periods) < 2 or len(throttled) < 2 or samples.restarted(periods[0].time, periods[-1].time):
        return None
    total = periods[-1].value - periods[0].value
    return min(100.0, 100 * (throttled[-1].value - throttled[0].value) / total) if total > 0 else None


def _memory(samples: ContainerSamples, load: LoadWindows, until: float) -> MemoryUsage | None:
    """Return memory from the start of the load to `until`, the first sample after it."""
    under_load = between(samples.working_set_bytes, load.start, until)
    lifetime = [s.value for s in between(samples.max_usage_bytes, -math.inf, until)]
    lifetime_peak = max(lifetime, default=0.0)
    if not under_load:
        if lifetime_peak <= 0:
            return None
        return MemoryUsage(peak=_bytes(lifetime_peak), peak_source="MaxUsage", lifetime_peak=_bytes(lifetime_peak))
    # The smallest, since the generator sends single requests before the load, whose memory would be counted.
    before = [
        s.value for s in between(samples.working_set_bytes, load.exclusive.start, load.start) if s.time < load.start
    ]
    growing = _growing(samples, load, until)
    grown = growth([(load.completed_between(load.start, s.time), s.value) for s in _thinned(growing)])
    # Pages of files that it maps are charged to it and needed, although the kernel counts many of them as inactive.
    in_use = _anonymous_and_mapped(samples, load.start, until)
    # Not the first, whose peak may have been before the load.
    between_samples = between(samples.peak_working_set_bytes, load.start, until)[1:]
    return MemoryUsage(
        peak=_bytes(max(s.value for s in (*under_load, *in_use, *between_samples)) + _uncharged(samples)),
        peak_source="Cgroup" if between_samples else "Process" if samples.source == "Process" else "WorkingSet",
        lifetime_peak=_bytes(lifetime_peak) if lifetime_peak > 0 else None,
        steady=_bytes(steady_bytes(under_load, load.start, load.end)),
        before_load=_bytes(min(before)) if before else None,
        growth_per1000_requests=_growth(grown.per_request if grown else None),
        growth_low=_growth(grown.low if grown else None),
        growth_high=_growth(grown.high if grown else None),
        course=_course(growing, load) if load.window.seconds >= SHOWS_COURSE else None,
    )


def _growing(samples: ContainerSamples, load: LoadWindows, until: float) -> Series:
    """Return the memory in the window in which a growth would be a leak.

    Where it is known, what the processes hold: a server that writes files fills the page cache, and the kernel's memory
    grows with that, too, which it gives back when memory is short.
    """
    series = samples.held_bytes or samples.working_set_bytes
    growing = between(series, load.window.start, load.end)
    return growing if len(growing) >= FEW else between(series, load.window.start, until)


def _course(samples: Series, load: LoadWindows) -> MemoryCourse | None:
    """Return how memory developed in the window; None with too few samples."""
    shown = course([(load.completed_between(load.start, s.time), s.value) for s in samples])
    if shown is None:
        return None
    return MemoryCourse(
        trend=shown.trend,
        requests=round(shown.requests),
        earlier=_per_1000(shown.earlier),
        later=_per_1000(shown.later),
        later_low=_per_1000(shown.low),
        later_high=_per_1000(shown.high),
    )


def _thinned(samples: Series) -> Series:
    """Return at most `GROWTH_POINTS` samples, each the median of a group of neighbours at their mean time.

    Samples a tenth of a second apart are almost the same: taken as independent, a line through them looks far too
    certain.
    """
    size = math.ceil(len(samples) / GROWTH_POINTS)
    groups = [samples[i : i + size] for i in range(0, len(samples), size)] if size > 1 else [(s,) for s in samples]
    return tuple(Sample(mean(s.time for s in group), median(s.value for s in group)) for group in groups)


def _first_after(samples: Series, time: float, limit: float) -> float:
    """Return the time of the first sample after `time` and until `limit`; `time` itself without one."""
    return next((s.time for s in samples if time < s.time <= limit), time)


def _cores(cores: float) -> Quantity:
    """Return `cores` in millicores, with decimals only below 100m: ``412m``, ``3.25m``."""
    millicores = cores * 1000
    return Quantity.cpu(round(millicores)) if millicores >= 100 else Quantity(f"{Quantity.decimal(millicores, 3)}m")


def _growth(per_request: float | None) -> Quantity | None:
    return None if per_request is None else _per_1000(per_request)


def _per_1000(per_request: float) -> Quantity:
    """Return growth per 1,000 requests with three digits, in the unit people read: ``3.12Mi``, ``84.5Ki``."""
    size = max(0.0, per_request * 1000)
    unit, suffix = (2**20, "Mi") if size >= 2**20 else (2**10, "Ki")
    return Quantity(f"{Quantity.decimal(size / unit, 3)}{suffix}") if size >= 1 else Quantity(0)


def _bytes(size: float) -> Quantity:
    """Return `size` bytes rounded up to a tenth of a MiB, ``187.3Mi``; below one MiB, in bytes."""
    if size < 2**20:
        return Quantity(math.ceil(size))
    tenths = math.ceil(size * 10 / 2**20)
    return Quantity(f"{tenths // 10}Mi" if tenths % 10 == 0 else f"{tenths / 10:.1f}Mi")
