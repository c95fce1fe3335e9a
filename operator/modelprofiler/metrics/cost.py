"""CPU time per request, from the pair of samples of the CPU counter that shows it best.

cAdvisor samples a container every 10-20 s, so a load of 35 s contains two or three samples at times that nobody chose.
A rate over the window would be off by the requests that fall outside the samples. CPU time per request is therefore the
difference of the CPU counter between two samples, divided by the requests completed between *their* times. Where
samples are only a tenth of a second apart, those next to the ends of the window are among them and are chosen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from statistics import mean

from modelprofiler.core.windows import LoadWindows
from modelprofiler.metrics.series import ContainerSamples, Sample, Series, between

# Assumptions about a server, which are only used to choose among pairs of samples: none of them enters a result. The
# choice they lead to is compared with a simulated truth by tests/unit/metrics/test_estimator.py, and with real servers
# by docs/benchmarks.md, "How true the numbers of a run in a cluster are".
COST_VARIATION = 0.5
"""Standard deviation of the cost of a request over its mean: halfway between constant (0) and exponential (1)."""
IDLE_CORES = 0.003
"""CPU of a server that serves nothing, where it was not measured: gunicorn uses 0.0002 cores, with probes 0.002."""
IDLE_UNCERTAINTY = 0.1
"""Relative error of an idle rate that was measured: two quiet times agreed within `IDLE_SPREAD` of each other."""
WARMUP_EXCESS = 0.1
"""Share by which a warm-up request may cost more: first allocations, lazy imports, cold caches. Chosen, not fitted."""
READ_SECONDS = 0.02
"""Time between cAdvisor's timestamp and its reading of the counter on a busy node."""
OWN_READ_SECONDS = 0.004
"""The same where this process reads: the kernel updates the counter at every tick, each 1 to 10 ms."""
BINS = 48
"""Bins of the generator's completions over time: a load has 33 to 64 of them (`load.timeline.MAX_BINS`)."""

APART_INSIDE, APART_OUTSIDE = 5.0, 1.0
"""Seconds by which samples in the load, and in the quiet time around it, must be apart to be worth pairing, unless they
are next to an end of the load or of its window. cAdvisor's always are. Of samples taken ten times a second this leaves
so few that an hour of samples takes no longer than a minute of them."""
IDLE_SHARE = 0.2
"""Share of the CPU under load above which a time was not quiet: a start-up, or another load. Chosen, not fitted."""
IDLE_SPREAD, IDLE_NOISE = 0.25, 0.0005
"""Quiet times agree on an idle rate when they differ by at most this share of it, and this many cores. Chosen so that
half a millisecond in a second is no disagreement."""
CONTRADICTION = 4.0
"""Two pairs contradict each other when they differ by more than this many times the error expected of both: by chance
that would happen once in 16,000 pairs."""
WORST_ERROR = 0.5
"""Expected relative error above which there is no answer: a cost that may be half or twice as large decides nothing."""


@dataclass(frozen=True, slots=True)
class CpuCost:
    """CPU time per request, and the samples that it was computed from.

    Attributes
    ----------
    seconds_per_request
        CPU time per completed request in seconds, after the idle rate was subtracted.
    idle_cores
        CPU used without any request, in cores; None where it could not be measured, and nothing was subtracted.
    first, last
        The two samples of the CPU counter.
    requests
        Requests completed between them.
    expected_error
        Relative standard error expected of this pair when it was chosen.
    """

    seconds_per_request: float
    idle_cores: float | None
    first: Sample
    last: Sample
    requests: float
    expected_error: float


def cpu_cost(samples: ContainerSamples, load: LoadWindows) -> CpuCost | None:
    """Return the CPU time per request from the pair of samples with the smallest expected error.

    Every pair is considered: both samples inside the load, or one of them before or after it, or both. Quiet time
    between the samples is subtracted at the idle rate. `_expected_error` lists what makes a pair better or worse.

    Parameters
    ----------
    samples
        The container's samples, best from before the load until after it.
    load
        When the load ran, and the requests that it completed over time.

    Returns
    -------
    CpuCost or None
        None when no pair of samples has completed requests between them, or none is better than a guess.
    """
    error = samples.time_error
    exclusive = between(samples.cpu_seconds, load.exclusive.start + error, load.exclusive.end - error)
    usable = _worth_pairing(exclusive, load)
    own = samples.source in {"Cgroup", "Process"}
    # An error that is anywhere between its bounds has their distance from the middle over the root of 3.
    read_seconds = math.hypot(OWN_READ_SECONDS if own else READ_SECONDS, error / math.sqrt(3))
    samples = replace(samples, cpu_seconds=usable)
    before = [s for s in usable if s.time + error < load.start][-1:]
    inside = [s for s in usable if _may_be_within(s, load, error)]
    after = [s for s in usable if s.time - error > load.end][:1]
    idle = _idle_cores(samples, usable, load)
    pairs = [
        CpuCost(
            seconds_per_request=(last.value - first.value - (idle or 0.0) * (last.time - first.time)) / requests,
            idle_cores=idle,
            first=first,
            last=last,
            requests=requests,
            expected_error=_expected_error(
                first,
                last,
                requests,
                load,
                idle,
                (read_seconds, sum(_may_be_within(sample, load, error) for sample in (first, last))),
            ),
        )
        for first, last in combinations([*before, *inside, *after], 2)
        if not samples.restarted(first.time, last.time)
        and last.value - first.value > (idle or 0.0) * (last.time - first.time)
        and (requests := load.completed_between(first.time, last.time)) > 0
    ]
    best = min(_consistent(pairs, load), key=lambda pair: pair.expected_error, default=None)
    return best if best and best.expected_error <= WORST_ERROR else None


def _may_be_within(sample: Sample, load: LoadWindows, error: float) -> bool:
    """Return whether a sample may have been taken during the load, with times that are off by up to `error`."""
    return load.start - error <= sample.time <= load.end + error


def _worth_pairing(samples: Series, load: LoadWindows) -> Series:
    """Return the samples on both sides of each end of the load and its window, and others that are far enough apart."""
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
    """Return the pairs that do not contradict the best pair inside the load; all pairs, when there is none inside.

    The time around the load may not have been as quiet as the caller believes; inside there is only the load.
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
    first: Sample, last: Sample, requests: float, load: LoadWindows, idle: float | None, cut_by: tuple[float, int]
) -> float:
    """Return the relative standard error to expect of the cost from this pair of samples.

    `cut_by` has the seconds by which a time may be off, and how many of the samples may lie within the load.

    The errors are independent, so their squares are added:

    - A sample within the load cuts a request in two, and a bin of the timeline: about one request, and the Poisson
      noise of interpolating within a bin (variance rate * width / 6). Its timestamp is not exactly when it was read.
    - Requests outside the pair may cost more or less than those inside.
    - Work that the container does without requests counts as theirs, unless its rate is known.
    - Warm-up requests may cost more.
    """
    span = last.time - first.time
    everything = load.completed_between(load.start, math.inf)
    rate = requests / span
    read_seconds, cuts = cut_by
    bin_seconds = (load.end - load.start) / BINS
    # Within the load, requests were as frequent as they were there, however long the quiet time next to it is.
    missed = read_seconds * everything / (load.end - load.start) if load.end > load.start else 0.0
    cut = cuts * (1.0 + rate * bin_seconds / 6 + missed**2) / requests**2
    subset = COST_VARIATION**2 * max(0.0, 1 / requests - 1 / max(everything, requests))
    unknown_idle = IDLE_CORES if idle is None else idle * IDLE_UNCERTAINTY
    idling = (unknown_idle * span / (last.value - first.value)) ** 2
    warming = load.completed_between(first.time, load.window.start) if first.time < load.window.start else 0.0
    return math.sqrt(cut + subset + idling + (WARMUP_EXCESS * warming / requests) ** 2)


def _idle_cores(samples: ContainerSamples, usable: Series, load: LoadWindows) -> float | None:
    """Return the CPU used per second without requests, in cores, from quiet times before and after the load.

    At least two intervals between samples must agree: a single one may contain the end of a start-up or of another
    load, and subtracting that is far worse than subtracting nothing (29 % off instead of less than 1 %, measured in a
    cluster).
    """
    intervals = [pair for pair in pairwise(usable) if not samples.restarted(pair[0].time, pair[1].time)]
    loaded = [_cores(a, b) for a, b in intervals if b.time > load.start and a.time < load.end]
    long = [(a, b) for a, b in intervals if b.time - a.time >= APART_OUTSIDE]
    error = samples.time_error
    quiet = [_cores(a, b) for a, b in long if b.time + error <= load.start or a.time - error >= load.end]
    if len(quiet) < 2 or max(quiet) > IDLE_SHARE * max(loaded, default=0.0):
        return None
    return mean(quiet) if max(quiet) - min(quiet) <= IDLE_SPREAD * max(quiet) + IDLE_NOISE else None


def _cores(first: Sample, last: Sample) -> float:
    """Return the mean CPU between two samples, in cores."""
    return (last.value - first.value) / (last.time - first.time)
