"""The evidence of all trials of one CPU size together: whether it meets the objectives, and whether that is settled."""

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
from modelprofiler.core.search.pace import COUNTER_ERROR, Pace

FAR = math.log(2)
"""Logarithm of measured over allowed, a factor of two, that no difference in pace explains."""

DOUBT = 2.0
"""Standard errors of the mean pace within which a ceiling that does not quite meet the objectives still counts as
passing: that no size is feasible is only said where it is clear. Two are the usual 95 %."""

MOST_TOLERANCE = 0.1
"""Largest share of a size by which its equivalent size may differ and still count as the same size, where steps are
coarse. Chosen with the simulated services of benchmarks/search."""

MOST_UTILISATION = 0.8
"""Utilisation of a CPU limit above which the latency of a queue says little about its latency at another time: waiting
grows as 1 / (1 - utilisation), which is 5 here."""

MOST_AT_CEILING = 5
"""Most trials at the ceiling where the pace differs so much that it may or may not meet the objectives. With five, one
feasible service in eighty was called infeasible at 20 % noise; before, one in thirty (`benchmarks/search`)."""


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
        that passes, which `Run.contradicted` asks for, so that two of three decide. At the ceiling, where a failure
        ends the run, the median of the logarithms of measured over allowed decides or, where the pace differs between
        trials, whether a trial at the mean pace would pass.
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


def pooled(cpu: int, observations: Sequence[Observation], ceiling: int, repetitions: int, pace: Pace) -> CpuPoint:
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
    """
    counted = tuple(o for o in observations if o.fresh) or tuple(observations)
    if cpu < ceiling:
        return CpuPoint(cpu, counted, counted[-1].passed, settled=True)
    if repetitions > 1 and (slack := _slack(counted, pace)) is not None:
        sure = sum(o.passed and o.verdict.certain for o in counted) >= 2  # a failure among them was a moment's
        doubt = DOUBT * pace.standard_error
        clear = sure or abs(slack) > pace.error or len(counted) >= MOST_AT_CEILING
        # A wrong pass costs little here, as the recommended size must pass once more anyway; a wrong failure ends the
        # run.
        passes = slack > -doubt and any(o.passed for o in counted)
        return CpuPoint(cpu, counted, passes, settled=clear)
    passes = median(excess_of(o) for o in counted) <= 0
    return CpuPoint(cpu, counted, passes, settled=len(counted) >= _needed(counted, repetitions))


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


def _slack(observations: Sequence[Observation], pace: Pace) -> float | None:
    """Return the deviation from the mean pace up to which a size meets the objectives; None where that is not known.

    It lies where a line from the slowest pass to the fastest failure crosses the objective. Without a pass it is the
    deviation of the fastest failure, less what latency exceeds the objective by, as if latency were proportional to
    the CPU time per request.
    """
    known = [(pace.deviations[o.trial.index], excess_of(o)) for o in observations if o.trial.index in pace.deviations]
    if len(known) < len(observations) or all(o.passed for o in observations):
        return None
    slow, fast = max((k for k in known if k[1] <= 0), default=None), min(k for k in known if k[1] > 0)
    if slow is None:
        return fast[0] - fast[1]
    if slow[0] >= fast[0]:
        return (slow[0] + fast[0]) / 2
    return slow[0] + (fast[0] - slow[0]) * -slow[1] / (fast[1] - slow[1])


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

    Waiting in a queue grows as 1 / (1 - utilisation), and latency by no more than that. After a certain pass, twice the
    logarithm of that growth must fit between what was measured and what is allowed.
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
