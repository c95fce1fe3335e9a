"""What a container used while a load ran: the maths, from raw samples and the generator's own count of completions.

cAdvisor samples a container every 10-20 s, so a load of 35 s holds two or three samples at times nobody chose. A rate
over the window would be off by the requests that fall outside the samples. CPU time per request is therefore the
difference of the CPU counter between two samples, over the requests completed between *their* times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.status import MemoryUsage, UsageStatus
from modelprofiler.metrics.growth import growth_per_request
from modelprofiler.metrics.series import ContainerSamples, Sample, Series, Window, between, increase

CompletedBetween = Callable[[float, float], float]
"""Requests completed from one time to another (seconds since the epoch); fractions where a bin is cut."""

PATIENCE = 60.0
"""Seconds after the window in which a sample may still come: cAdvisor's 20, a scrape every 30, and time to be read."""

# What is assumed of a server in order to choose among pairs of samples. None of it enters a result.
#   COST_VARIATION   cost of a request, standard deviation over mean: between constant (0) and exponential (1)
#   IDLE_CORES       CPU of a server nobody calls, where it could not be measured: CPython under gunicorn 0.001-0.003
#   WARMUP_EXCESS    how much more a warm-up request may cost: first allocations, lazy imports, cold caches
#   READ_SECONDS     time between cAdvisor's stamp and its reading of the counter, on a busy node
#   BINS             the generator reports completions over time in 33 to 64 bins
COST_VARIATION = 0.5
IDLE_CORES = 0.003
WARMUP_EXCESS = 0.1
READ_SECONDS = 0.02
BINS = 48
IDLE_SPAN = 9.0
"""Seconds of quiet that tell the idle rate: one interval between samples."""
IDLE_SHARE = 0.2
"""A quiet time that used more than this share of the CPU under load was not quiet (start-up, another load)."""
WORST_ERROR = 0.5
"""Expected relative error above which there is no answer."""


@dataclass(frozen=True, slots=True)
class CpuCost:
    """CPU time per request and how it was found.

    Attributes
    ----------
    seconds_per_request
        CPU time per completed request, seconds, idle rate taken off.
    idle_cores
        CPU used without any request, cores; None where it could not be measured (then nothing was taken off).
    first, last
        The two samples of the CPU counter.
    requests
        Requests completed between them.
    expected_error
        Relative standard error that was expected of this pair when it was chosen.
    """

    seconds_per_request: float
    idle_cores: float | None
    first: Sample
    last: Sample
    requests: float
    expected_error: float


def usage(
    samples: ContainerSamples,
    window: Window,
    completed_between: CompletedBetween,
    load_start: float,
    load_end: float,
    *,
    alone: Window | None = None,
) -> UsageStatus | None:
    """Return what the container used under one load; None without any sample of it.

    Parameters
    ----------
    samples
        Its samples, best from before the load until after it; counters from the container's start.
    window
        The measured window, warm-up excluded.
    completed_between
        Requests completed between two times, warm-up included; zero outside the load.
    load_start, load_end
        When the first request of the warm-up was due and when the last response was read, seconds since the epoch.
    alone
        The time around the load in which the container had nothing else to do: from being ready, or the end of the
        load before, until the next load. Samples of CPU outside it say nothing about this load. Default: from the
        start of the load, because what came before may have been the model being loaded.

    Returns
    -------
    UsageStatus
        CPU as the mean over `window`; memory and threads from the start of the load to the first sample after it. A
        value that could not be measured is None.
    """
    alone = alone or Window(load_start, math.inf)
    cost = cpu_cost(samples, window, completed_between, load_start, load_end, alone)
    cpu = samples.cpu_seconds
    until = _first_after(samples.working_set_bytes or cpu, load_end, alone.end)
    memory = _memory(samples, window, completed_between, load_start, load_end, until)
    used = {
        s.time for s in (*between(cpu, load_start, load_end), *between(samples.working_set_bytes, load_start, until))
    }
    if cost:
        used |= {s.time for s in between(cpu, cost.first.time, cost.last.time)}
    if not used:
        return None
    threads = [s.value for s in between(samples.threads, load_start, until)]
    kills = increase(between(samples.oom_events, -math.inf, max(until, load_end)), load_start)
    cores = _mean_cores(samples, window, completed_between, load_start, load_end, cost)
    throttled = _throttled(samples, load_start, load_end, cost)
    return UsageStatus(
        cpu=None if cores is None else _cores(cores),
        cpu_time_per_request=Duration.of(cost.seconds_per_request) if cost else None,
        throttled_percent=None if throttled is None else Quantity.decimal(throttled, 3),
        threads=int(max(threads)) if threads else None,
        oom_kills=None if kills is None else int(kills),
        samples=len(used),
        source=samples.source,
        memory=memory,
    )


def complete(samples: ContainerSamples, window: Window, now: float) -> bool:
    """Return whether nothing more is to be gained by waiting for samples.

    That is so when CPU and memory were sampled at or after the end of `window` (best: of the load), or when `now` is
    so long after it that no such sample will come (the container is gone, or the source is).
    """
    if now >= window.end + PATIENCE:
        return True
    return all(series and series[-1].time >= window.end for series in (samples.cpu_seconds, samples.working_set_bytes))


def cpu_cost(
    samples: ContainerSamples,
    window: Window,
    completed_between: CompletedBetween,
    load_start: float,
    load_end: float,
    alone: Window,
) -> CpuCost | None:
    """Return the CPU time per request from the pair of samples of which the smallest error is expected.

    Every pair is considered: two samples inside the load, one before or after it with the quiet time between taken
    off at the idle rate, or both. See `_expected_error` for what speaks for and against each.

    Returns
    -------
    CpuCost or None
        None when no pair of samples has completed requests between them, or none promises better than a guess.
    """
    usable = between(samples.cpu_seconds, alone.start, alone.end)
    before = [s for s in usable if s.time < load_start][-1:]
    inside = [s for s in usable if load_start <= s.time <= load_end]
    after = [s for s in usable if s.time > load_end][:1]
    load = _Load(window, completed_between, load_start, load_end)
    idle = _idle_cores(samples, usable, load)
    pairs = [
        CpuCost(
            seconds_per_request=(last.value - first.value - (idle or 0.0) * (last.time - first.time)) / requests,
            idle_cores=idle,
            first=first,
            last=last,
            requests=requests,
            expected_error=_expected_error(first, last, requests, load, idle),
        )
        for first, last in combinations([*before, *inside, *after], 2)
        if not samples.restarted(first.time, last.time)
        and last.value > first.value
        and (requests := completed_between(first.time, last.time)) > 0
    ]
    best = min(pairs, key=lambda pair: pair.expected_error, default=None)
    return best if best and best.expected_error <= WORST_ERROR and best.seconds_per_request > 0 else None


@dataclass(frozen=True, slots=True)
class _Load:
    """When the load ran and what it completed."""

    window: Window
    completed_between: CompletedBetween
    start: float
    end: float


def _expected_error(first: Sample, last: Sample, requests: float, load: _Load, idle: float | None) -> float:
    """Return the relative standard error to expect of the cost from this pair of samples.

    Independent errors, added as squares:

    - a sample within the load cuts requests in two, and a bin of the timeline: about one request, and the Poisson
      noise of interpolating within a bin (variance rate * width / 6); and its stamp is not quite when it was read
    - requests outside the pair may cost something else than those inside
    - what the container does without requests counts as theirs, less what is known of it
    - warm-up requests may cost more
    """
    span = last.time - first.time
    everything = load.completed_between(load.start, math.inf)
    rate = requests / span
    cuts = sum(load.start <= sample.time <= load.end for sample in (first, last))
    bin_seconds = (load.end - load.start) / BINS
    cut = cuts * (1.0 + rate * bin_seconds / 6 + (READ_SECONDS * rate) ** 2) / requests**2
    subset = COST_VARIATION**2 * max(0.0, 1 / requests - 1 / max(everything, requests))
    unknown_idle = IDLE_CORES if idle is None else idle * 0.1
    idling = (unknown_idle * span / (last.value - first.value)) ** 2
    warming = load.completed_between(first.time, load.window.start) if first.time < load.window.start else 0.0
    return math.sqrt(cut + subset + idling + (WARMUP_EXCESS * warming / requests) ** 2)


def _idle_cores(samples: ContainerSamples, usable: Series, load: _Load) -> float | None:
    """Return the CPU used per second without requests, in cores, from quiet times before and after the load."""
    seconds = cpu = 0.0
    inside = between(usable, load.start, load.end)
    for quiet in (
        [s for s in usable if s.time < load.start],
        [s for s in usable if s.time > load.end],
    ):
        if len(quiet) >= 2 and not samples.restarted(quiet[0].time, quiet[-1].time):
            seconds += quiet[-1].time - quiet[0].time
            cpu += quiet[-1].value - quiet[0].value
    if seconds < IDLE_SPAN:
        return None
    idle = cpu / seconds
    if len(inside) >= 2:
        loaded = (inside[-1].value - inside[0].value) / (inside[-1].time - inside[0].time)
        return idle if idle <= IDLE_SHARE * loaded else None
    return idle


def _mean_cores(
    samples: ContainerSamples,
    window: Window,
    completed_between: CompletedBetween,
    load_start: float,
    load_end: float,
    cost: CpuCost | None,
) -> float | None:
    """Return the mean CPU over the window, in cores.

    What its requests cost, plus the idle rate: that corrects for arrivals that were denser or sparser between the
    samples than over the window. Without a cost (nothing was completed), what the samples inside say.
    """
    completed = completed_between(window.start, window.end)
    if cost and completed and window.seconds > 0:
        return cost.seconds_per_request * completed / window.seconds + (cost.idle_cores or 0.0)
    inside = between(samples.cpu_seconds, load_start, load_end)
    if len(inside) < 2 or samples.restarted(inside[0].time, inside[-1].time):
        return None
    return max(0.0, inside[-1].value - inside[0].value) / (inside[-1].time - inside[0].time)


def _throttled(samples: ContainerSamples, load_start: float, load_end: float, cost: CpuCost | None) -> float | None:
    """Return throttled CFS periods over all, in percent, between the samples of `cost`, else those inside the load."""
    span = (cost.first.time, cost.last.time) if cost else (load_start, load_end)
    periods = between(samples.cfs_periods, *span)
    throttled = between(samples.cfs_throttled_periods, *span)
    if len(periods) < 2 or len(throttled) < 2 or samples.restarted(periods[0].time, periods[-1].time):
        return None
    total = periods[-1].value - periods[0].value
    return min(100.0, 100 * (throttled[-1].value - throttled[0].value) / total) if total > 0 else None


def _memory(
    samples: ContainerSamples,
    window: Window,
    completed_between: CompletedBetween,
    load_start: float,
    load_end: float,
    until: float,
) -> MemoryUsage | None:
    """Return memory from the start of the load to `until`, the first sample after it."""
    seen = between(samples.working_set_bytes, load_start, until)
    lifetime = [s.value for s in between(samples.max_usage_bytes, -math.inf, until)]
    lifetime_peak = max(lifetime, default=0.0)
    if not seen:
        if lifetime_peak <= 0:
            return None
        return MemoryUsage(peak=_bytes(lifetime_peak), peak_source="MaxUsage", lifetime_peak=_bytes(lifetime_peak))
    growing = between(seen, window.start, load_end)
    growth = growth_per_request([(completed_between(load_start, s.time), s.value) for s in growing])
    return MemoryUsage(
        peak=_bytes(max(s.value for s in seen)),
        peak_source="WorkingSet",
        lifetime_peak=_bytes(lifetime_peak) if lifetime_peak > 0 else None,
        steady=_bytes(median(s.value for s in seen[len(seen) // 2 :])),
        growth_per1000_requests=None if growth is None else _bytes(growth * 1000),
    )


def _first_after(samples: Series, time: float, limit: float) -> float:
    """Return the time of the first sample after `time` and until `limit`; `time` itself without one."""
    return next((s.time for s in samples if time < s.time <= limit), time)


def _cores(cores: float) -> Quantity:
    """Return `cores` in millicores, with decimals only where they are more than noise: ``412m``, ``3.25m``."""
    millicores = cores * 1000
    return Quantity.cpu(round(millicores)) if millicores >= 100 else Quantity(f"{Quantity.decimal(millicores, 3)}m")


def _bytes(size: float) -> Quantity:
    """Return `size` bytes rounded up to a tenth of a MiB, as people read it: ``187.3Mi``; below one MiB, in bytes."""
    if size < 2**20:
        return Quantity(math.ceil(size))
    tenths = math.ceil(size * 10 / 2**20)
    return Quantity(f"{tenths // 10}Mi" if tenths % 10 == 0 else f"{tenths / 10:.1f}Mi")
