"""How fast the CPU was in each trial, and how much that differs: what a request cost there against the other trials.

Two trials of one size differ because the CPU does: its clock, its caches, its neighbours. A request costs the same work
each time, so the CPU time that it takes shows it, and a counter tells that time far better than latency does. By the
utilisation law a server at half the pace on 400m is one at full pace on 200m: a trial is evidence about the size at
which a trial of the mean pace would have shown the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.judge import JUDGED_OUTCOMES
from modelprofiler.core.stats import student_t

FINEST = 0.02
"""Standard deviation of what is measured at an even pace (logarithm): counters are read seconds apart."""

PRIOR = 1
"""Trials that the expectation of an even pace is worth: two that happen to differ are no proof of a spread."""

CERTAINTY = 1.25
"""Half-widths of its 95 % interval that the mean pace is taken to be off, at most: it is slower in about 1 %
with many trials, in 3 to 8 % with four to two, of which `PRIOR` expects less than they show."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of the trials.

    Attributes
    ----------
    deviations
        Index of a trial to the logarithm of a request's CPU time there over the mean; positive is slow. As much of it
        as is more than the measurement's own error.
    spread
        Standard deviation between trials, beyond the measurement's own; 0 where there is none to be seen.
    standard_error
        Of the mean, as a logarithm.
    error
        How much slower the mean may be than that of the trials so far, as a logarithm: with few of them the spread
        itself is little known, so that this is more standard errors than with many (Student's t).
    """

    deviations: dict[int, float]
    spread: float = 0.0
    standard_error: float = 0.0
    error: float = 0.0

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> Pace:
        """Return the pace of these trials.

        Only trials of servers with as many threads are compared: a pool that was sized for another limit has other
        costs. And a trial that failed counts only where its requests cost more than the others': a server that never
        rests has its caches warm, so that they cost less, at any pace; it is taken for one of the mean pace.
        """
        groups: dict[int | None, dict[int, float]] = {}
        failed = {trial.index for trial in trials if trial.outcome in (Outcome.SLOW, Outcome.ERRORS)}
        for trial in trials:
            usage = trial.usage
            if (
                trial.outcome in JUDGED_OUTCOMES
                and usage is not None
                and (time := usage.cpu_time_per_request)
                and time.seconds > 0
            ):
                groups.setdefault(usage.threads, {})[trial.index] = math.log(time.seconds)
        cheap = {index for group in groups.values() for index in _cheap(group, failed)}
        groups = {threads: {i: v for i, v in group.items() if i not in cheap} for threads, group in groups.items()}
        found = {}
        for group in groups.values():
            mean = fmean(group.values())
            found.update({index: value - mean for index, value in group.items()})
        free = len(found) - len(groups)
        if free < 1:
            return cls({})
        free += PRIOR
        variance = (PRIOR * FINEST**2 + sum(value**2 for value in found.values())) / free
        real = max(0.0, variance - FINEST**2)
        if not real:
            return cls({})
        share, spread = real / variance, math.sqrt(real)
        standard_error = spread / math.sqrt(max(len(group) for group in groups.values()))
        deviations = {index: share * value for index, value in found.items()} | dict.fromkeys(cheap, 0.0)
        return cls(deviations, spread, standard_error, CERTAINTY * student_t(free) * standard_error)

    def steady_size(self, trial: Trial, cpu: int) -> float:
        """Return the CPU, in millicores, at which a trial of the mean pace would have shown what this one did."""
        return cpu * math.exp(-self.deviations.get(trial.index, 0.0))


def _cheap(group: dict[int, float], failed: set[int]) -> set[int]:
    """Return the trials that failed and whose requests cost less than those of the others."""
    rested = [value for index, value in group.items() if index not in failed]
    mean = fmean(rested) if rested else -math.inf
    return {index for index, value in group.items() if index in failed and value < mean}
