"""The pace of each trial: how fast the CPU was, by the CPU time per request compared with the other trials.

Two trials of one size differ because the CPU differs: its clock rate, its caches, other work on the machine. A counter
measures the CPU time of a request far more precisely than latency is known. By the utilisation law, a server at half
the mean pace on 400m behaves like one at the mean pace on 200m. A trial therefore counts as evidence for the size at
which a trial at the mean pace would have given the same result.

The work of a request is not the same at every size: a server that batches does less for each request the slower it is,
threads that wait by spinning use what the limit leaves over, and caches are lost when a server is throttled. Such a
cost is the server's own. It changes with the size, and so it would at any pace; what a trial showed at a size is true
of that size. Only the differences that the size does not explain are taken for the pace.

Where the reference loop measured the pace of the machine itself around each trial, that is the pace. The CPU time per
request only makes it more precise, and only as far as the two agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist, fmean

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.judge import JUDGED_OUTCOMES
from modelprofiler.core.stats import Z_95, student_t

COUNTER_ERROR = 0.02
"""Standard deviation of the logarithm of the measured CPU time per request when the pace does not vary: counters are
read seconds apart from the window's ends."""

LOOP_ERROR = 0.03
"""Standard deviation of the logarithm of the reference loop's time, mean of before and after a load, apart from what
the same pace does to a server. Measured on two busy CPUs: the loop and a server's work of half a second differed by
3.1 %, while each varied by 4 to 6 %. The two readings differed by 3.6 %, so that their mean repeats within 1.8 %."""

AGREE = 3.0
"""Standard deviations of both measurements together within which the CPU time of a request agrees with the loop. At the
usual two, one trial in twenty would not count though nothing but chance was the matter."""

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

RISK = 0.005
"""Probability with which the boundary at the true mean pace may lie above what is recommended. Chosen with the
simulated services of benchmarks/search, where the spread itself is known from few trials only."""

USUAL, LEAST_KNOWN = 0.05, 2.0
"""Spread that is usual (4 to 6 % on two busy CPUs), which counts as much as one trial, and the factor by which it may
raise the spread that was seen: a few trials that happen to be alike prove no even pace."""

FARTHEST, HALVINGS = 5.0, 20
"""Standard deviations beyond which no quantile is looked for, and halvings of that range until it is found: to a
millionth of the range, far below any step."""

ROUNDS = 2
"""How often the slope and the variance that its shrinkage needs are computed from each other; a third changes nothing
in the simulated services of benchmarks/search."""

CERTAINTY = 1.25
"""Half-widths of the 95 % interval of the mean pace that a recommendation allows for. The true mean is slower still in
about 1 % of runs with many trials, and in 3 to 8 % with four to two, as `PRIOR` then narrows the interval."""


_NORMAL = NormalDist()


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
    scale
        Standard deviation of the true mean around that of these trials, as a logarithm, made larger for what few trials
        know of the spread.
    loops
        For the index of a trial, the logarithm of the reference loop's time over its mean, where that is what the pace
        was taken from; empty where it was taken from the CPU time of requests alone.
    """

    deviations: dict[int, float]
    spread: float = 0.0
    standard_error: float = 0.0
    error: float = 0.0
    residuals: Mapping[int, float] = field(default_factory=dict)
    scale: float = 0.0
    loops: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Sequence[Trial], machine: Mapping[int, float] | None = None) -> Pace:
        """Return the pace of these trials.

        Only servers with the same number of threads are compared by the CPU time of their requests, as a pool that was
        sized for another limit has other costs. A trial that failed counts only where its requests took more CPU time
        than those of the others: an overloaded server never idles and keeps its caches warm, so its requests take less
        at any pace. Such a trial is given the mean pace, unless that of the machine is known.

        Parameters
        ----------
        trials
            The trials, judged.
        machine
            For the index of a trial, the seconds that a fixed amount of work took on the machine around it, where that
            was measured (`machine_of`).
        """
        groups = [points for group in _groups(trials) if (points := _counted(group))]
        known = {t.index: math.log(machine[t.index]) for t in trials if machine is not None and t.index in machine}
        if len(known) > 1 and {point.index for points in groups for point in points} <= known.keys():
            return _of_machine(known, groups)
        counted = {point.index for points in groups for point in points}
        warm = {point.index for group in _groups(trials) for point in group} - counted
        centred = [point for points in groups for point in _centred(points)]
        slope, freedom = _slope(centred, len(groups), COUNTER_ERROR**2)
        if freedom < 1:
            return cls({})
        residuals = {point.index: point.cost - slope * point.size for point in centred}
        pace = _from(residuals, freedom, COUNTER_ERROR**2, max(map(len, groups)))
        return replace(pace, deviations=pace.deviations | dict.fromkeys(warm, 0.0)) if pace.spread else pace

    def beyond(self, width: float) -> float:
        """Return how far above the lower end of an interval the boundary may lie at the true mean pace.

        It is exceeded with a probability of `RISK`, where the boundary at the mean pace of these trials is anywhere in
        the interval. All are logarithms of sizes.
        """
        if not self.scale:
            return width
        low, high = 0.0, width + FARTHEST * self.scale
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if _chance_above(middle, width, self.scale) > RISK else (low, middle)
        return high

    def doubt(self, count: int) -> float:
        """Return the standard error of the mean pace of `count` trials, where `USUAL` counts as one trial more.

        Two trials that happen to be alike prove no even pace: without the usual spread their mean would seem exact.
        """
        count = max(count, len(self.deviations))
        return math.sqrt(((count - 1) * self.spread**2 + USUAL**2) / count / count)

    def benefit(self, count: int) -> float:
        """Return by how much a size may miss at the mean pace of `count` trials and still count as passing.

        Nothing where the mean is known well; up to one standard error where it is known no better than the pace of a
        single trial usually is. A wrong pass costs little then, as the recommended size must pass once more.
        """
        doubt = self.doubt(count)
        return doubt * min(1.0, (doubt / USUAL) ** 2)

    def clear_from(self, count: int, error: float) -> float:
        """Return the deviation from the mean pace of `count` trials that chance exceeds with this probability."""
        return student_t(max(count, len(self.deviations)), error) * self.doubt(count)

    def equivalent_size(self, trial: Trial, cpu: int) -> float:
        """Return the CPU, in millicores, at which a trial at the mean pace would have given the same result."""
        return cpu * math.exp(-self.deviations.get(trial.index, 0.0))


def machine_of(trials: Sequence[Trial]) -> dict[int, float]:
    """Return for the index of a trial the mean time of the reference loop before and after its load, in seconds."""
    times = {}
    for trial in trials:
        node = trial.node
        measured = [] if node is None else [loop.seconds for loop in (node.loop_before, node.loop_after) if loop]
        if measured and min(measured) > 0:
            times[trial.index] = fmean(measured)
    return times


def _of_machine(machine: Mapping[int, float], groups: Sequence[Sequence[_Point]]) -> Pace:
    """Return the pace by the reference loop, made more precise by the CPU time of requests where the two agree.

    What is left of the logarithm of a request's CPU time after that of the loop and after the size is the error of both
    measurements, as long as they agree. The two are then averaged by the inverse of their variances. The more is left,
    the less the CPU time counts: it is then the server's own.

    Parameters
    ----------
    machine
        Logarithm of the time of the loop by the index of a trial.
    groups
        The trials whose CPU time counts.
    """
    apart = [
        _Point(point.index, point.size, point.cost - machine[point.index]) for points in groups for point in points
    ]
    by_index = {point.index: point for point in apart}
    centred = [p for points in groups for p in _centred([by_index[point.index] for point in points])]
    expected = COUNTER_ERROR**2 + LOOP_ERROR**2
    slope, freedom = _slope(centred, len(groups), expected)
    left = {point.index: point.cost - slope * point.size for point in centred}
    variance = max(expected, _variance(left.values(), freedom, expected)) if freedom else math.inf
    share = LOOP_ERROR**2 / variance
    agreeing = {index: value for index, value in left.items() if abs(value) <= AGREE * math.sqrt(expected)}
    pace = {index: value + share * agreeing.get(index, 0.0) for index, value in machine.items()}
    mean = fmean(pace.values())
    # A trial whose CPU time does not count is known by the loop alone.
    error = LOOP_ERROR**2 * (1 - share * len(agreeing) / len(pace))
    seen = _from({index: value - mean for index, value in pace.items()}, len(pace) - 1, error, len(pace))
    if not seen.spread:
        return seen
    middle = fmean(machine.values())
    return replace(seen, loops={index: value - middle for index, value in machine.items()})


def _from(residuals: Mapping[int, float], freedom: int, expected: float, count: int) -> Pace:
    """Return the pace by what differs between trials; `expected` is the variance of what it is measured with."""
    variance = _variance(residuals.values(), freedom, expected)
    between = max(0.0, variance - expected)
    if not between:
        return Pace({})
    share, spread = between / variance, math.sqrt(between)
    standard_error = spread / math.sqrt(count)
    error = CERTAINTY * student_t(freedom + PRIOR) * standard_error
    usual = (freedom * between + PRIOR * min(USUAL**2, LEAST_KNOWN**2 * between)) / (freedom + PRIOR)
    scale = student_t(freedom + PRIOR) / Z_95 * math.sqrt(max(between, usual) / count)
    deviations = {index: share * value for index, value in residuals.items()}
    return Pace(deviations, spread, standard_error, error, dict(residuals), scale)


def _chance_above(size: float, width: float, scale: float) -> float:
    """Return the probability that a number from an interval (0 to `width`) plus a normal error exceeds `size`."""
    if width < scale / 100:
        return _NORMAL.cdf(-size / scale)
    low, high = (size - width) / scale, size / scale
    return (_loss(low) - _loss(high)) * scale / width


def _loss(z: float) -> float:
    """Return the integral of the upper tail of the standard normal distribution from z on (the unit normal loss)."""
    return _NORMAL.pdf(z) - z * _NORMAL.cdf(-z)


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


def _slope(centred: Sequence[_Point], groups: int, expected: float) -> tuple[float, int]:
    """Return how the cost of a request changes with the size (as logarithms), and the degrees of freedom left over.

    The slope is shrunk towards zero (ridge regression: Hoerl and Kennard, Technometrics 12, 1970), the more the trials
    differ otherwise: with a large spread, a few trials at different sizes cannot show a slope. The weight of the
    shrinkage is the ratio of the two variances (empirical Bayes: Efron and Morris, Journal of the American Statistical
    Association 68, 1973).
    """
    xx, xy = sum(point.size**2 for point in centred), sum(point.size * point.cost for point in centred)
    left = len(centred) - groups
    slope, used, variance = 0.0, 0.0, expected
    for _ in range(1 + ROUNDS):
        ridge = variance / ELASTICITY**2
        slope, used = xy / (xx + ridge), xx / (xx + ridge)
        if left - used < FEWEST_FREEDOM:
            return slope, 0
        variance = _variance([point.cost - slope * point.size for point in centred], left - used, expected)
    return slope, max(1, round(left - used))


def _variance(residuals: Iterable[float], freedom: float, expected: float) -> float:
    """Return the variance of the residuals, moderated by `PRIOR` trials of the expected one."""
    return (PRIOR * expected + sum(value**2 for value in residuals)) / (freedom + PRIOR)
