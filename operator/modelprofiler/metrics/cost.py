"""CPU time per request: which two samples of the counter tell it best.

cAdvisor samples a container every 10-20 s, so a load of 35 s holds two or three samples at times nobody chose. A rate
over the window would be off by the requests that fall outside the samples. CPU time per request is therefore the
difference of the CPU counter between two samples, over the requests completed between *their* times. Where samples
are as close as a tenth of a second, those next to the ends of the window are among them and are chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from statistics import mean

from modelprofiler.core.windows import LoadWindows
from modelprofiler.metrics.series import ContainerSamples, Sample, Series, between

# What is assumed of a server in order to choose among pairs of samples. None of it enters a result.
#   COST_VARIATION   cost of a request, standard deviation over mean: between constant (0) and exponential (1)
#   IDLE_CORES       CPU of a server nobody calls, where it was not measured: gunicorn 0.0002, with probes 0.002
#   WARMUP_EXCESS    how much more a warm-up request may cost: first allocations, lazy imports, cold caches
#   READ_SECONDS     time between cAdvisor's stamp and its reading of the counter, on a busy node
#   OWN_READ_SECONDS the same where this process reads: the kernel brings the counter up to date every tick, 1 to 10 ms
#   BINS             the generator reports completions over time in 33 to 64 bins
COST_VARIATION = 0.5
IDLE_CORES = 0.003
WARMUP_EXCESS = 0.1
READ_SECONDS = 0.02
OWN_READ_SECONDS = 0.004
BINS = 48
APART_INSIDE, APART_OUTSIDE = 5.0, 1.0
"""Samples of the load, and of the quiet before and after it, that are closer than this (seconds) add nothing, unless
they are next to the start or the end of the load or of its window."""
IDLE_SHARE = 0.2
"""A quiet time that used more than this share of the CPU under load was not quiet (start-up, another load)."""
IDLE_SPREAD, IDLE_NOISE = 0.25, 0.0005
"""Quiet times tell an idle rate when they differ by no more than this share of it and this many cores."""
CONTRADICTION = 4.0
"""Two pairs contradict each other when they differ by more than this many times the error expected of both."""
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


def cpu_cost(samples: ContainerSamples, load: LoadWindows) -> CpuCost | None:
    """Return the CPU time per request from the pair of samples of which the smallest error is expected.

    Every pair is considered: two samples inside the load, one before or after it with the quiet time between taken
    off at the idle rate, or both. See `_expected_error` for what speaks for and against each.

    Returns
    -------
    CpuCost or None
        None when no pair of samples has completed requests between them, or none promises better than a guess.
    """
    usable = _worth_pairing(between(samples.cpu_seconds, load.exclusive.start, load.exclusive.end), load)
    read_seconds = READ_SECONDS if samples.source not in {"Cgroup", "Process"} else OWN_READ_SECONDS
    samples = replace(samples, cpu_seconds=usable)
    before = [s for s in usable if s.time < load.start][-1:]
    inside = [s for s in usable if load.start <= s.time <= load.end]
    after = [s for s in usable if s.time > load.end][:1]
    idle = _idle_cores(samples, usable, load)
    pairs = [
        CpuCost(
            seconds_per_request=(last.value - first.value - (idle or 0.0) * (last.time - first.time)) / requests,
            idle_cores=idle,
            first=first,
            last=last,
            requests=requests,
            expected_error=_expected_error(first, last, requests, load, idle, read_seconds),
        )
        for first, last in combinations([*before, *inside, *after], 2)
        if not samples.restarted(first.time, last.time)
        and last.value - first.value > (idle or 0.0) * (last.time - first.time)
        and (requests := load.completed_between(first.time, last.time)) > 0
    ]
    best = min(_consistent(pairs, load), key=lambda pair: pair.expected_error, default=None)
    return best if best and best.expected_error <= WORST_ERROR else None


def _worth_pairing(samples: Series, load: LoadWindows) -> Series:
    """Return the samples on either side of the ends of the load and of its window, and others far enough apart."""
    ends = (load.start, load.window.start, load.window.end, load.end)
    kept: list[Sample] = []
    for i, sample in enumerate(samples):
        before = samples[i - 1].time if i else -math.inf
        after = samples[i + 1].time if i + 1 < len(samples) else math.inf
        apart = APART_INSIDE if load.start <= sample.time <= load.end else APART_OUTSIDE
        at_an_end = any(before < end <= after for end in ends)
        if at_an_end or not kept or sample.time - kept[-1].time >= apart:
            kept.append(sample)
    return tuple(kept)


def _consistent(pairs: list[CpuCost], load: LoadWindows) -> list[CpuCost]:
    """Return the pairs that do not contradict the best of those inside the load; all, when there is none.

    What happened outside the load may not be as quiet as it was said to be; inside there is nothing but the load.
    """
    inside = [pair for pair in pairs if pair.first.time >= load.start and pair.last.time <= load.end]
    best = min(inside, key=lambda pair: pair.expected_error, default=None)
    if best is None:
        return pairs
    return [
        pair
        for pair in pairs
        if abs(pair.seconds_per_request / best.seconds_per_request - 1)
        <= CONTRADICTION * math.hypot(pair.expected_error, best.expected_error)
    ]


def _expected_error(
    first: Sample, last: Sample, requests: float, load: LoadWindows, idle: float | None, read_seconds: float
) -> float:
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
    cut = cuts * (1.0 + rate * bin_seconds / 6 + (read_seconds * rate) ** 2) / requests**2
    subset = COST_VARIATION**2 * max(0.0, 1 / requests - 1 / max(everything, requests))
    unknown_idle = IDLE_CORES if idle is None else idle * 0.1
    idling = (unknown_idle * span / (last.value - first.value)) ** 2
    warming = load.completed_between(first.time, load.window.start) if first.time < load.window.start else 0.0
    return math.sqrt(cut + subset + idling + (WARMUP_EXCESS * warming / requests) ** 2)


def _idle_cores(samples: ContainerSamples, usable: Series, load: LoadWindows) -> float | None:
    """Return the CPU used per second without requests, in cores, from quiet times before and after the load.

    At least two intervals between samples must say the same: one alone may hold the end of a start-up or of another
    load, and taking that off is far worse than taking off nothing (measured: 29 % against less than 1 %).
    """
    intervals = [pair for pair in pairwise(usable) if not samples.restarted(pair[0].time, pair[1].time)]
    loaded = [_cores(a, b) for a, b in intervals if b.time > load.start and a.time < load.end]
    long = [(a, b) for a, b in intervals if b.time - a.time >= APART_OUTSIDE]
    quiet = [_cores(a, b) for a, b in long if b.time <= load.start or a.time >= load.end]
    if len(quiet) < 2 or max(quiet) > IDLE_SHARE * max(loaded, default=0.0):
        return None
    return mean(quiet) if max(quiet) - min(quiet) <= IDLE_SPREAD * max(quiet) + IDLE_NOISE else None


def _cores(first: Sample, last: Sample) -> float:
    """Return the mean CPU between two samples, in cores."""
    return (last.value - first.value) / (last.time - first.time)
