"""The pace of each trial: how fast the CPU was, by the CPU time per request compared with the other trials.

Two trials of one size differ because the CPU differs: its clock rate, its caches, other work on the machine. A counter
measures the CPU time of a request far more precisely than latency is known. By the utilisation law, a server at half
the mean pace on 400m behaves like one at the mean pace on 200m. A trial therefore counts as evidence for the size at
which a trial at the mean pace would have given the same result.

The work of a request is not the same at every size: a server that batches does less for each request the slower it is,
threads that wait by spinning use what the limit leaves over, and caches are lost when a server is throttled. Such a
cost is the server's own. It changes with the size, and so it would at any pace; what a trial showed at a size is true
of that size. Only the differences that the size does not explain are taken for the pace, and where the pace of the
machine itself was measured, only that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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

ELASTICITY = 0.5
"""Expected standard deviation, around zero, of the slope of the logarithm of the CPU time per request over that of the
CPU size: throttled thread pools have shown a slope of 0.9, a batching server one of 0.8, others none. The same as in
`core.drift`."""

FEWEST_FREEDOM = 0.5
"""Degrees of freedom below which the trials are explained by their sizes alone, and nothing is known of the pace; a
slope that is shrunk uses up a part of one."""

ROUNDS = 2
"""How often the slope and the variance that its shrinkage needs are computed from each other; a third changes nothing
in the simulated services of benchmarks/search."""

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
    residuals
        The same as `deviations`, without that reduction: what the trials show, for a reader.
    error
        How much slower the true mean may be than the mean of these trials, as a logarithm. With few trials the spread
        itself is uncertain, so this is more standard errors than with many (Student's t).
    """

    deviations: dict[int, float]
    spread: float = 0.0
    standard_error: float = 0.0
    error: float = 0.0
    residuals: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Sequence[Trial], machine: Mapping[int, float] | None = None) -> Pace:
        """Return the pace of these trials.

        Only servers with the same number of threads are compared, as a pool that was sized for another limit has
        other costs. A trial that failed counts only where its requests took more CPU time than those of the others: an
        overloaded server never idles and keeps its caches warm, so its requests take less at any pace. Such a trial is
        given the mean pace.

        Parameters
        ----------
        trials
            The trials, judged.
        machine
            For the index of a trial, the seconds that a fixed amount of work took on the machine around it, where that
            was measured. If it is known of every trial that counts, it is the pace, and the CPU time per request is not
            looked at.
        """
        groups = [points for group in _groups(trials) if (points := _counted(group))]
        counted = {point.index for points in groups for point in points}
        warm = {point.index for group in _groups(trials) for point in group} - counted
        if machine is not None and counted and counted <= machine.keys():
            known = [_Point(point.index, 0.0, math.log(machine[point.index])) for points in groups for point in points]
            groups = [known]
        centred = [point for points in groups for point in _centred(points)]
        slope, freedom = _slope(centred, len(groups))
        if freedom < 1:
            return cls({})
        residuals = {point.index: point.cost - slope * point.size for point in centred}
        variance = _variance(residuals.values(), freedom)
        between = max(0.0, variance - COUNTER_ERROR**2)
        if not between:
            return cls({})
        share, spread = between / variance, math.sqrt(between)
        standard_error = spread / math.sqrt(max(len(points) for points in groups))
        deviations = {index: share * value for index, value in residuals.items()} | dict.fromkeys(warm, 0.0)
        error = CERTAINTY * student_t(freedom + PRIOR) * standard_error
        return cls(deviations, spread, standard_error, error, residuals)

    def equivalent_size(self, trial: Trial, cpu: int) -> float:
        """Return the CPU, in millicores, at which a trial at the mean pace would have given the same result."""
        return cpu * math.exp(-self.deviations.get(trial.index, 0.0))


@dataclass(frozen=True, slots=True)
class _Point:
    """A trial in the regression: logarithms of the CPU size and of the CPU time per request, and whether it failed."""

    index: int
    size: float
    cost: float
    failed: bool = False


def _groups(trials: Sequence[Trial]) -> list[list[_Point]]:
    """Return the trials that measured the CPU time of a request, those with the same number of threads together."""
    groups: dict[int | None, list[_Point]] = {}
    for trial in trials:
        usage, cpu = trial.usage, trial.limits.cpu
        time = usage.cpu_time_per_request if usage is not None else None
        if trial.outcome not in JUDGED_OUTCOMES or usage is None or cpu is None or time is None or time.seconds <= 0:
            continue
        failed = trial.outcome in (Outcome.SLOW, Outcome.ERRORS)
        point = _Point(trial.index, math.log(cpu.millicores), math.log(time.seconds), failed)
        groups.setdefault(usage.threads, []).append(point)
    return list(groups.values())


def _counted(group: Sequence[_Point]) -> list[_Point]:
    """Return a group without the trials that failed although their requests took less CPU time than the others'."""
    others = [point.cost for point in group if not point.failed]
    mean = fmean(others) if others else -math.inf
    return [point for point in group if not (point.failed and point.cost < mean)]


def _centred(points: Sequence[_Point]) -> list[_Point]:
    """Return the points less the mean of their group, which stands for its intercept."""
    size, cost = fmean(point.size for point in points), fmean(point.cost for point in points)
    return [_Point(point.index, point.size - size, point.cost - cost) for point in points]


def _slope(centred: Sequence[_Point], groups: int) -> tuple[float, int]:
    """Return how the cost of a request changes with the size (as logarithms), and the degrees of freedom left over.

    The slope is shrunk towards zero (ridge regression: Hoerl and Kennard, Technometrics 12, 1970), the more the trials
    differ otherwise: with a large spread, a few trials at different sizes cannot show a slope. The weight of the
    shrinkage is the ratio of the two variances (empirical Bayes: Efron and Morris, Journal of the American Statistical
    Association 68, 1973).
    """
    xx, xy = sum(point.size**2 for point in centred), sum(point.size * point.cost for point in centred)
    left = len(centred) - groups
    slope, used, variance = 0.0, 0.0, COUNTER_ERROR**2
    for _ in range(1 + ROUNDS):
        ridge = variance / ELASTICITY**2
        slope, used = xy / (xx + ridge), xx / (xx + ridge)
        if left - used < FEWEST_FREEDOM:
            return slope, 0
        variance = _variance([point.cost - slope * point.size for point in centred], left - used)
    return slope, max(1, round(left - used))


def _variance(residuals: Iterable[float], freedom: float) -> float:
    """Return the variance of the residuals, moderated by `PRIOR`."""
    return (PRIOR * COUNTER_ERROR**2 + sum(value**2 for value in residuals)) / (freedom + PRIOR)
