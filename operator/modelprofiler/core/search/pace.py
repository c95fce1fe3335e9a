"""The pace of each trial: how fast the CPU was, by the CPU time per request compared with the other trials.

Two trials of one size differ because the CPU differs: its clock rate, its caches, other work on the machine. A request
needs the same work each time, so the CPU time that it takes shows how fast the CPU was, and a counter measures that
time far more precisely than latency does. By the utilisation law, a server at half the mean pace on 400m behaves like
one at the mean pace on 200m. A trial therefore counts as evidence for the size at which a trial at the mean pace would
have given the same result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.judge import JUDGED_OUTCOMES
from modelprofiler.core.stats import student_t

COUNTER_ERROR = 0.02
"""Standard deviation of the logarithm of the measured CPU time per request when the pace does not vary: counters are
read seconds apart from the window's ends."""

PRIOR = 1
"""Weight, in trials, of the expectation that the pace does not vary: two trials that happen to differ prove no spread.
Chosen with the simulated services of benchmarks/search, where without it two or three trials that differed made the
mean pace seem uncertain by up to half."""

CERTAINTY = 1.25
"""Half-widths of the 95 % interval of the mean pace that a recommendation allows for. The true mean is slower still in
about 1 % of runs with many trials, and in 3 to 8 % with four to two, as `PRIOR` then narrows the interval."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of the trials.

    Attributes
    ----------
    deviations
        For the index of a trial, the logarithm of its CPU time per request over the mean; positive is slow. Reduced by
        the share of the variance that `COUNTER_ERROR` explains.
    spread
        Standard deviation between trials beyond `COUNTER_ERROR`; 0 where none is seen.
    standard_error
        Standard error of the mean, as a logarithm.
    error
        How much slower the true mean may be than the mean of these trials, as a logarithm. With few trials the spread
        itself is uncertain, so this is more standard errors than with many (Student's t).
    """

    deviations: dict[int, float]
    spread: float = 0.0
    standard_error: float = 0.0
    error: float = 0.0

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> Pace:
        """Return the pace of these trials.

        Only servers with the same number of threads are compared, as a pool that was sized for another limit has
        other costs. A trial that failed counts only where its requests took more CPU time than those of the others: an
        overloaded server never idles and keeps its caches warm, so its requests take less at any pace. Such a trial is
        given the mean pace.
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
        warm = {index for group in groups.values() for index in _cheaper_failures(group, failed)}
        groups = {threads: {i: v for i, v in group.items() if i not in warm} for threads, group in groups.items()}
        centred = {}
        for group in groups.values():
            mean = fmean(group.values())
            centred.update({index: value - mean for index, value in group.items()})
        freedom = len(centred) - len(groups)
        if freedom < 1:
            return cls({})
        freedom += PRIOR
        variance = (PRIOR * COUNTER_ERROR**2 + sum(value**2 for value in centred.values())) / freedom
        between = max(0.0, variance - COUNTER_ERROR**2)
        if not between:
            return cls({})
        share, spread = between / variance, math.sqrt(between)
        standard_error = spread / math.sqrt(max(len(group) for group in groups.values()))
        deviations = {index: share * value for index, value in centred.items()} | dict.fromkeys(warm, 0.0)
        return cls(deviations, spread, standard_error, CERTAINTY * student_t(freedom) * standard_error)

    def equivalent_size(self, trial: Trial, cpu: int) -> float:
        """Return the CPU, in millicores, at which a trial at the mean pace would have given the same result."""
        return cpu * math.exp(-self.deviations.get(trial.index, 0.0))


def _cheaper_failures(group: dict[int, float], failed: set[int]) -> set[int]:
    """Return the trials that failed although their requests took less CPU time than those of the others."""
    others = [value for index, value in group.items() if index not in failed]
    mean = fmean(others) if others else -math.inf
    return {index for index, value in group.items() if index in failed and value < mean}
