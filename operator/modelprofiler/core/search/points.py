"""What the trials of one CPU size say together: does it meet the objectives, and is that enough to know it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.core.axis import Axis, Limits
from modelprofiler.core.checks import MOST_EXCESS
from modelprofiler.core.judge import Verdict
from modelprofiler.core.search.pace import FINEST, Pace

FAR = math.log(2)
"""Logarithm of measured over allowed that is more than any difference in pace."""

DOUBT = 2.0
"""Standard errors of the mean pace within which it is not clear whether the ceiling meets the objectives."""

MOST_SLACK = 0.1
"""Share of a size by which a pace may move it and yet not to the next one, where steps are coarse."""

MOST_UTILISATION = 0.8
"""Share of a limit above which a queue says little about another moment's."""

MOST_AT_CEILING = 5
"""Trials at the ceiling, where runs differ so much that it may or may not meet the objectives."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A finished trial that says something about its size.

    Attributes
    ----------
    trial, limits, verdict
        The trial, its size, and how it is judged now.
    cpu
        The CPU size that it is evidence about, in millicores: its own, or where trials differ in pace the one at which
        a trial of the mean pace would have shown the same (`core.pace`).
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
    """What is known of one CPU size; a fresh trial outranks resized ones.

    Attributes
    ----------
    cpu
        In millicores.
    observations
        The trials that count.
    passes
        Whether the last of them passed. A pass that is followed by a failure is so doubted, and a failure only by one
        repetition, where `Run.contradicted` asks for it: two of three decide.
        At the ceiling, where a failure ends the run, the median of the logarithms of measured over allowed decides, or
        where runs differ in pace whether one of the mean pace would pass.
    settled
        Whether it need not be measured again.
    """

    cpu: int
    observations: tuple[Observation, ...]
    passes: bool
    settled: bool

    @property
    def fresh(self) -> bool:
        """Whether it was measured on a fresh pod."""
        return self.observations[0].fresh

    @property
    def excess(self) -> float:
        """Mean logarithm of measured over allowed."""
        return fmean(excess_of(o) for o in self.observations)


def pooled(cpu: int, found: Sequence[Observation], ceiling: int, repetitions: int, pace: Pace) -> CpuPoint:
    """Return what the trials of one CPU size say.

    Parameters
    ----------
    cpu, ceiling
        The size, and the largest one, in millicores.
    found
        Its trials, at least one.
    repetitions
        How often an uncertain verdict is measured.
    pace
        The pace of all trials.
    """
    counted = tuple(o for o in found if o.fresh) or tuple(found)
    if cpu < ceiling:
        return CpuPoint(cpu, counted, counted[-1].passed, settled=True)
    if repetitions > 1 and (slack := _slack(counted, pace)) is not None:
        sure = sum(o.passed and o.verdict.certain for o in counted) >= 2  # a failure was that of a moment, then
        doubt = DOUBT * pace.standard_error
        clear = sure or abs(slack) > pace.error or len(counted) >= MOST_AT_CEILING
        # That no size is feasible is said only where it is clear; what is recommended must pass once more anyway.
        passes = slack > -doubt and any(o.passed for o in counted)
        return CpuPoint(cpu, counted, passes, settled=clear)
    passes = median(excess_of(o) for o in counted) <= 0
    return CpuPoint(cpu, counted, passes, settled=len(counted) >= _needed(counted, repetitions))


def _needed(found: Sequence[Observation], repetitions: int) -> int:
    """Return how often the ceiling must be measured, as a failure there ends the run.

    Once where a pass is certain, or a failure is `_is_plain`. Another certain failure twice, as the machine may have
    stood still, and a third time where they disagree. Else as often as there are repetitions.
    """
    if not any(o.verdict.certain for o in found):
        return repetitions
    if repetitions < 2 or all(o.passed or _is_plain(o) for o in found):
        return 1
    return 3 if len({o.passed for o in found}) > 1 else 2


def _slack(found: Sequence[Observation], pace: Pace) -> float | None:
    """Return the deviation from the mean pace up to which a size meets the objectives; absent where that is not known.

    Where failures and passes lie apart, it is where a line between the nearest of them crosses the objective. Without
    a pass it is by how much CPU time would have to be less for the fastest failure, taking latency for proportional.
    """
    known = [(pace.deviations[o.trial.index], excess_of(o)) for o in found if o.trial.index in pace.deviations]
    if len(known) < len(found) or all(o.passed for o in found):
        return None
    slow, fast = max((k for k in known if k[1] <= 0), default=None), min(k for k in known if k[1] > 0)
    if slow is None:
        return fast[0] - fast[1]
    if slow[0] >= fast[0]:
        return (slow[0] + fast[0]) / 2
    return slow[0] + (fast[0] - slow[0]) * -slow[1] / (fast[1] - slow[1])


def evidence(pace: Pace, trial: Trial, limits: Limits, verdict: Verdict, axis: Axis, rate: float | None = None) -> int:
    """Return the size of the axis that a trial is evidence about, in millicores: see `Observation.cpu`.

    A pass counts for the size above, a failure for the one below, on the safe side. But the next size is not taken for
    less than `slack_to` it, nor for less than a counter errs by, and not where a pass leaves room for requests of the
    mean cost.

    Parameters
    ----------
    pace
        The pace of all trials.
    trial, limits, verdict
        The trial, its size, and how it is judged.
    axis
        The CPU sizes.
    rate
        Requests per second of an open loop.
    """
    size = pace.steady_size(trial, limits.cpu)
    if size == limits.cpu or limits.cpu >= axis.last or _has_room(pace, trial, limits.cpu, verdict, rate):
        return limits.cpu
    below = axis.next_lower(axis.last) or axis.last
    neighbour = axis.next_higher(limits.cpu) if verdict.passed else axis.next_lower(limits.cpu)
    slack = max(FINEST, slack_to(limits.cpu, neighbour))
    if verdict.passed:
        return axis.ceil(size if size < limits.cpu else max(limits.cpu, size * (1 - slack)))
    return min(axis.floor(size if size > limits.cpu else min(limits.cpu, size * (1 + slack))), below)


def slack_to(cpu: int, neighbour: int | None) -> float:
    """Return the share of a size by which a pace may move it before that makes it the next one.

    A quarter of the step, `MOST_SLACK` at most.
    """
    return min(abs((neighbour or cpu) / cpu - 1) / 4, MOST_SLACK)


def _has_room(pace: Pace, trial: Trial, cpu: int, verdict: Verdict, rate: float | None) -> bool:
    """Whether a pass at a fast moment is one at the mean pace, too.

    Waiting in a queue grows as 1 / (1 - utilisation), and no latency by more than that: with a pass that is certain,
    twice the logarithm of the growth must fit between what was measured and what is allowed.
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
    return verdict.excess + 2 * math.log((1 - utilisation) / (1 - loaded)) < 0


def excess_of(observation: Observation) -> float:
    """Return the logarithm of measured over allowed, at most `MOST_EXCESS`."""
    excess = observation.verdict.excess
    return MOST_EXCESS if excess is None else min(excess, MOST_EXCESS)


def _is_plain(failure: Observation) -> bool:
    """Whether neither a moment of standing still nor another pace explains a failure, so that once is enough.

    The former slows down some requests: half of all were too slow, and by far. The latter makes a queue of what was
    none: a single request, before the load, was by far too slow as well. Or it was no matter of latency.
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
