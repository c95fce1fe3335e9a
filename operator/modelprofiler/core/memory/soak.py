"""How long a soak has to be: derived from the growth that is suspected, the samples and the rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.memory.course import FEWEST_POINTS
from modelprofiler.core.memory.verdict import Growth, memory_of
from modelprofiler.core.steps import Environment

SHORTEST = 60.0
"""Seconds that a soak lasts at least: garbage collectors and the allocators' own housekeeping run every few seconds, so
that less would show a few of their cycles. A rule of thumb."""

SAMPLE_SECONDS = 20.0
"""Longest time between two samples in a cluster: cAdvisor takes one every 10 to 20 s."""

TIMES_THE_WINDOW = 6
"""A soak is this many times as long as the longest window in which memory grew. What settles with a time constant of
that window has then three of them in the first half, after which 5 % are left (exp(-3)): growth that bends clearly."""

PRECISION = 0.25
"""Error of the growth in the second half of a soak, as a share of it, that a soak is long enough for."""

HALF_OF = 2.83
"""The error of a slope grows with the power 3/2 of the share of the samples that it is computed from: 2 ** 1.5."""

ROUNDS = 2
"""Times that every row of the dataset is sent in a soak: a cache of answers is full after the first, so that what grows
in the second half is none."""


@dataclass(frozen=True, slots=True)
class SoakLength:
    """The length of a soak, in seconds.

    Attributes
    ----------
    seconds
        What is run.
    needed
        What the suspicion needs; more than `seconds` where the longest soak is shorter.
    why
        What decides it, as a part of a sentence.
    """

    seconds: float
    needed: float
    why: str


def soak_length(
    spec: ModelProfileSpec, trials: Sequence[Trial], growth: Growth, environment: Environment
) -> SoakLength:
    """Return how long the next soak has to be.

    A first soak is as long as the suspicion needs. When it did not show that memory settles, the next one is as long as
    search.soak allows; the first one is that, too, where it would take more than half of it.

    Parameters
    ----------
    spec
        The profile.
    trials
        The finished trials.
    growth
        What they show about the growth of memory.
    environment
        Where the trials run, which decides how often memory is sampled.
    """
    longest = spec.search.soak.seconds
    needed, why = max(_needs(spec, trials, growth, environment))
    if growth.shown is not None or 2 * needed > longest:
        why = "search.soak" if growth.shown is not None else f"{why}, within search.soak"
        return SoakLength(longest, needed, why)
    return SoakLength(math.ceil(needed), needed, why)


def rate_of(spec: ModelProfileSpec, trials: Sequence[Trial]) -> float | None:
    """Return the requests per second: as asked for, or as the last trial that passed completed them."""
    if spec.load.open_loop is not None:
        return float(spec.load.open_loop.rate)
    passed = [t.load for t in trials if t.outcome is Outcome.PASSED and t.load is not None]
    return float(passed[-1].rate) if passed and float(passed[-1].rate) > 0 else None


def _needs(
    spec: ModelProfileSpec, trials: Sequence[Trial], growth: Growth, environment: Environment
) -> list[tuple[float, str]]:
    """Return the lengths that a soak needs, each with its reason."""
    interval = SAMPLE_SECONDS if environment == "Cluster" else 0.0
    needs = [(max(SHORTEST, FEWEST_POINTS * interval), "so that there are enough samples of the memory")]
    passed = [t for t in trials if t.outcome is Outcome.PASSED and t.load is not None]
    grown = [t for t in passed if (memory := memory_of(t)) is not None and memory.growth_per1000_requests]
    windows = [t.load.duration.seconds for t in grown if t.load is not None]
    if windows:
        why = f"{TIMES_THE_WINDOW} times the window in which memory grew"
        needs.append((TIMES_THE_WINDOW * (max(windows) + spec.load.warmup.seconds), why))
    rate, leak = rate_of(spec, trials), growth.leak
    if rate is None:
        return needs
    if windows and leak is not None and leak.per_request > 0:
        # The error falls with the power 3/2 of the length, as that of any slope of equally spaced samples.
        error = HALF_OF * (leak.high - leak.low) / 2 / (PRECISION * leak.per_request)
        needs.append((max(windows) * error ** (2 / 3), "so that growth is seen clearly above the scatter of samples"))
    rows = [t.load.distinct_rows for t in passed if t.load is not None and t.load.distinct_rows is not None]
    if rows:
        needs.append((ROUNDS * max(rows) / rate, "so that every row is sent twice"))
    return needs
