"""The evidence of all trials of one CPU size together: whether it meets the objectives, and whether that is settled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.axis import Axis, Limits
from modelprofiler.core.checks import MOST_EXCESS
from modelprofiler.core.judge import Verdict
from modelprofiler.core.search.pace import COUNTER_ERROR, Pace
from modelprofiler.core.stats import ERROR_95, ERROR_99

FAR = math.log(2)
"""Logarithm of measured over allowed, a factor of two, that no difference in pace explains."""

MOST_TOLERANCE = 0.1
"""Largest share of a size by which its equivalent size may differ and still count as the same size, where steps are
coarse. Chosen with the simulated services of benchmarks/search."""

MOST_UTILISATION = 0.8
"""Utilisation of a CPU limit above which the latency of a queue says little about its latency at another time: waiting
grows as 1 / (1 - utilisation), which is 5 here."""

MOST_AT_CEILING = 15
"""Most trials at the ceiling where the pace differs so much that it may or may not meet the objectives. Half of a
search.maxTrials of 30: with 12 trials at a spread of 5 %, one who knew every pace exactly would still call 2.9 % of the
infeasible services of `benchmarks/search` feasible, with 20 trials 2.1 %."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A finished trial that is evidence about a size.

    Attributes
    ----------
    trial, limits, verdict
        The trial, its size, and the verdict by the current objectives.
    cpu
        The CPU size that it counts for, in millicores: its own, or where the pace differs between trials the size at
        which a trial at the mean pace would have given the same result (`core.search.pace`).
    """

    trial: Trial
    limits: Limits
    verdict: Verdict
    cpu: int

    @property
    def passed(self) -> bool:
        """Whether the size met the objectives."""
        return self.verdict.passed

    @property
    def fresh(self) -> bool:
        """Whether the server was started at this size."""
        return self.trial.fresh


@dataclass(frozen=True, slots=True)
class CpuPoint:
    """The evidence about one CPU size; trials on a fresh server outrank those on a resized one.

    Attributes
    ----------
    cpu
        In millicores.
    observations
        The trials that count.
    passes
        Whether the last of them passed. A pass is overruled by a later failure; a failure is overruled by a repetition
        that passes, which `Run.contradicted` asks for, so that two of three decide. Where the pace differs between
        trials that disagree, and at the ceiling, where a failure ends the run, it is whether a trial at the mean pace
        would pass.
    settled
        Whether it needs no further trial.
    """

    cpu: int
    observations: tuple[Observation, ...]
    passes: bool
    settled: bool

    @property
    def fresh(self) -> bool:
        """Whether it was measured on a fresh server."""
        return self.observations[0].fresh

    @property
    def excess(self) -> float:
        """Mean logarithm of measured over allowed."""
        return fmean(excess_of(o) for o in self.observations)


def pooled(
    cpu: int,
    observations: Sequence[Observation],
    ceiling: int,
    repetitions: int,
    pace: Pace,
    utilisation: Callable[[Observation], float] = lambda _: 0.0,
) -> CpuPoint:
    """Return the evidence of all trials of one CPU size.

    Parameters
    ----------
    cpu, ceiling
        The size and the ceiling, in millicores.
    observations
        The trials that count for this size, at least one.
    repetitions
        How often a size with an uncertain verdict is measured.
    pace
        The pace of all trials.
    utilisation
        The share of what the server can do that a trial used up, 0 where it is not known.
    """
    counted = tuple(o for o in observations if o.fresh) or tuple(observations)
    slack = _slack(counted, pace, utilisation) if repetitions > 1 else None
    if cpu < ceiling:
        disagree = pace.spread and len({o.passed for o in counted}) > 1
        passes = slack.middle > 0 if disagree and slack is not None else counted[-1].passed
        return CpuPoint(cpu, counted, passes, settled=True)
    if slack is not None:
        return _at_ceiling(cpu, counted, repetitions, pace, slack)
    passes = median(excess_of(o) for o in counted) <= 0
    return CpuPoint(cpu, counted, passes, settled=len(counted) >= _needed(counted, repetitions))


def _at_ceiling(cpu: int, counted: tuple[Observation, ...], repetitions: int, pace: Pace, slack: _Slack) -> CpuPoint:
    """Return the evidence about the ceiling, which is measured until it is clear.

    A failure ends the run, while a pass costs little if it is wrong: the recommended size must pass once more, and the
    ceiling is measured again once later trials show that its paces were fast ones.
    """
    count, enough = len(counted), len(counted) >= _needed(counted, repetitions)
    if all(o.passed for o in counted):
        clear, passes = enough and slack.middle >= 0, True
    elif count == 1:
        clear, passes = _is_plain(counted[0]), False
    else:
        passes = slack.middle > -pace.benefit(count)
        sure = sum(o.passed and o.verdict.certain for o in counted) >= 2 or not pace.spread  # a failure was a moment's
        clear = enough and ((passes and sure) or slack.excludes(pace, count))
    return CpuPoint(cpu, counted, passes, settled=clear or count >= MOST_AT_CEILING)


def _needed(observations: Sequence[Observation], repetitions: int) -> int:
    """Return how often the ceiling must be measured, where a failure ends the run.

    Once if a pass is certain or a failure is plain (`_is_plain`). Twice after any other certain failure, as the machine
    may have paused, and a third time where the two disagree. Otherwise `repetitions` times.
    """
    if not any(o.verdict.certain for o in observations):
        return repetitions
    if repetitions < 2 or all(o.passed or _is_plain(o) for o in observations):
        return 1
    return 3 if len({o.passed for o in observations}) > 1 else 2


@dataclass(frozen=True, slots=True)
class _Slack:
    """Between which deviations from the mean pace a size stops to meet the objectives, and where it probably does."""

    low: float
    middle: float
    high: float

    def excludes(self, pace: Pace, count: int) -> bool:
        """Whether it is clear at the error of the mean pace of these trials whether one at the mean pace would pass."""
        return self.low > pace.clear_from(count, ERROR_95) or self.high < -pace.clear_from(count, ERROR_99)


def _slack(
    observations: Sequence[Observation], pace: Pace, utilisation: Callable[[Observation], float]
) -> _Slack | None:
    """Return up to which deviation from the mean pace a size meets the objectives; None where that is not known.

    It lies between the slowest pass and the fastest failure; where in between, `room` says of either. Without a pass,
    `room` says it of the fastest failure alone.
    """
    if any(_has_no_pace(o, pace) for o in observations):
        return None
    ends = [(pace.deviations.get(o.trial.index, 0.0), room(o, utilisation(o)), o.passed) for o in observations]
    slow = max((end[:2] for end in ends if end[2]), default=None)
    fast = min((end[:2] for end in ends if not end[2]), default=None)
    if slow is None or fast is None:
        at = max(sum(end[:2]) for end in ends) if slow is not None else sum(fast or ())
        return _Slack(at, at, at)
    if not pace.spread:
        at = median(sum(end[:2]) for end in ends)
        return _Slack(at, at, at)
    low, high = sorted((slow[0], fast[0]))
    middle = (sum(slow) + sum(fast)) / 2
    return _Slack(low, min(max(middle, low), high), high)


def _has_no_pace(observation: Observation, pace: Pace) -> bool:
    """Whether a trial's pace is not known although that of others is, or latency is not what it failed by."""
    missing = bool(pace.deviations) and observation.trial.index not in pace.deviations
    return missing or observation.verdict.outcome not in (Outcome.PASSED, Outcome.SLOW)


def room(observation: Observation, utilisation: float) -> float:
    """Return the logarithm of how much slower the machine may be until a trial would not pass; negative if it did not.

    Latency is the time of a request alone, which is proportional to the pace, times 1 / (1 - utilisation), and the
    utilisation is proportional to it as well. Near saturation a machine that is a little faster or slower makes a large
    difference.
    """
    excess = observation.verdict.excess
    if excess is None or (observation.passed and utilisation >= 1):
        return 0.0
    if utilisation >= 1:
        return -math.log(utilisation)
    allowed = math.exp(-min(excess, MOST_EXCESS)) / (1 - utilisation)
    return math.log(allowed / (1 + utilisation * allowed))


def counted_size(
    pace: Pace, trial: Trial, limits: Limits, verdict: Verdict, axis: Axis, rate: float | None = None
) -> int:
    """Return the CPU size of the axis that a trial counts for, in millicores: see `Observation.cpu`.

    To be on the safe side, the equivalent size is rounded up for a pass and down for a failure. A trial counts for its
    own size where the difference is less than `tolerance_to` the next size or than the error of a counter, and where a
    pass had enough room for requests at the mean pace.

    Parameters
    ----------
    pace
        The pace of all trials.
    trial, limits, verdict
        The trial, its size, and its verdict.
    axis
        The CPU sizes.
    rate
        Requests per second of an open loop; None with a closed loop.
    """
    size = pace.equivalent_size(trial, limits.cpu)
    if size == limits.cpu or limits.cpu >= axis.last or _has_room(pace, trial, limits.cpu, verdict, rate):
        return limits.cpu
    below = axis.next_lower(axis.last) or axis.last
    neighbour = axis.next_higher(limits.cpu) if verdict.passed else axis.next_lower(limits.cpu)
    tolerance = max(COUNTER_ERROR, tolerance_to(limits.cpu, neighbour))
    if verdict.passed:
        return axis.ceil(size if size < limits.cpu else max(limits.cpu, size * (1 - tolerance)))
    return min(axis.floor(size if size > limits.cpu else min(limits.cpu, size * (1 + tolerance))), below)


def tolerance_to(cpu: int, neighbour: int | None) -> float:
    """Return the share of a size by which its equivalent size may differ and still count as the same size.

    A quarter of the step to the neighbour, at most `MOST_TOLERANCE`. The quarter was chosen with the simulated services
    of benchmarks/search.
    """
    return min(abs((neighbour or cpu) / cpu - 1) / 4, MOST_TOLERANCE)


def _has_room(pace: Pace, trial: Trial, cpu: int, verdict: Verdict, rate: float | None) -> bool:
    """Whether a size that passed while the CPU was fast would also pass at the mean pace.

    The time of a request alone grows as the pace, and waiting in a queue as 1 / (1 - utilisation). After a certain
    pass, the first and twice the logarithm of the second must fit between what was measured and what is allowed.
    """
    if not verdict.passed or not verdict.certain or verdict.excess is None:
        return False
    slower = -pace.deviations.get(trial.index, 0.0)
    time = trial.usage.cpu_time_per_request if trial.usage is not None else None
    if rate is None or time is None or slower <= 0:
        return False
    utilisation = rate * time.seconds / (cpu / 1000)
    loaded = utilisation * math.exp(slower)
    if loaded >= MOST_UTILISATION:
        return False
    return verdict.excess + slower + 2 * math.log((1 - utilisation) / (1 - loaded)) < 0


def excess_of(observation: Observation) -> float:
    """Return the logarithm of measured over allowed, at most `MOST_EXCESS`; that also where nothing was measured."""
    excess = observation.verdict.excess
    return MOST_EXCESS if excess is None else min(excess, MOST_EXCESS)


def _is_plain(failure: Observation) -> bool:
    """Whether neither a pause of the machine nor its pace explains a failure, so that one trial is enough.

    A pause slows down a part of the requests, so more than half of them must have been far too slow. A slow CPU makes
    requests queue, so the single request before the load must have been far too slow as well. A certain failure of
    another kind than latency is always plain.
    """
    verdict, load = failure.verdict, failure.trial.load
    if verdict.outcome is not Outcome.SLOW or verdict.judged is None or load is None:
        return verdict.certain
    value: Duration | None = getattr(load.latency, verdict.judged.metric, None)
    if value is None or verdict.excess is None:
        return verdict.certain
    if not verdict.certain or not FAR < verdict.excess < math.inf or load.latency.p50 is None or load.probe is None:
        return False
    bound = value.seconds / math.exp(min(verdict.excess, MOST_EXCESS))
    return load.latency.p50.seconds > bound and load.probe.seconds > 2 * bound
