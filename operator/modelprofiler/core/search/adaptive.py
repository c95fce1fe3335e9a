"""The adaptive search: the smallest CPU and memory that meet the objectives, in as few trials as possible.

The rules are functions, asked in this order; the first that returns a step decides:

1. the reference trial at the ceiling,
2. CPU at the memory ceiling: forecast, bracket, bisect and, where a resized server may do worse than a fresh one, the
   largest failing size once more on a fresh server,
3. memory at the CPU boundary,
4. the recommended size itself on a fresh server.
"""

from __future__ import annotations

import math

from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits, closed_steps, is_closed
from modelprofiler.core.search.confirm import already_confirmed, confirm_step
from modelprofiler.core.search.forecast import Forecast, forecast_for
from modelprofiler.core.search.points import CpuPoint
from modelprofiler.core.search.recommend import recommend
from modelprofiler.core.search.reference import reference_step
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.target import boundary, target_at
from modelprofiler.core.steps import RunTrial, Step, Window

FORECASTS = 2
"""Forecasts that may miss between a failing and a passing size before a line through these two is trusted more. Chosen
with the simulated services of benchmarks/search."""

WIDE_STEP = 1.2
"""Ratio of the passing size to the failing one from which a doubtful failure is repeated: below it, the trial costs
more than the step. When every step was enough, the median trials of the simulated services rose from 5 to 6."""

KEPT = 3
"""Trials that are kept for memory and for the Confirm trial before a doubtful failure is repeated."""

UNSURE, MOST_FOR_PACE = 0.06, 12
"""Standard error of the mean pace, as a logarithm, above which another trial at the boundary costs less than the steps
that the error costs, and the trials up to which that is done: the error falls with their root. At a spread of 5 % three
trials know it better; at 20 % it takes eleven. Chosen with the simulated services of benchmarks/search."""

NEAR = 1.0
"""Logarithm of measured over allowed, a factor of 2.7, within which a line through two sizes is good enough: beyond it
latency is that of an overloaded server and grows with the length of the load."""


def adaptive_step(run: Run) -> Step:
    """Return the next step of the adaptive search."""
    return reference_step(run) or step_below(run)


def step_below(run: Run) -> Step:
    """Return the next step below the ceiling, once the ceiling has passed."""
    if (confirmed := already_confirmed(run)) and not _is_in_doubt(run):
        return recommend(run, confirmed)
    # The last trial is kept for the Confirm trial: a verified size that is not the smallest is worth more than an
    # unverified one that may be.
    if run.trials_left > 1 and (step := _repeat_step(run) or _cpu_step(run) or _pace_step(run)):
        return step
    if run.trials_left > 2 and (step := _memory_step(run)):
        return step
    return confirm_step(run)


def _repeat_step(run: Run) -> Step | None:
    """Return the repetition of a trial that contradicts an earlier one; None when none does."""
    contradicted = run.contradicted
    if contradicted is None or contradicted.limits.cpu not in run.cpu or contradicted.limits.memory not in run.memory:
        return None
    reason = "this size failed although an earlier trial shows that it is enough: one of the two results is wrong"
    return RunTrial(contradicted.trial.purpose, contradicted.limits, fresh=True, window="Measure", reason=reason)


def _cpu_step(run: Run) -> Step | None:
    """Return the next trial on the CPU axis; None when the boundary is known."""
    passing, failing = run.smallest_passing, run.largest_failing
    assert passing is not None, "the reference passed"
    if boundary(run) < passing.cpu:
        return None
    low = failing.cpu if failing else None
    if not is_closed(run.cpu, low, passing.cpu) and not _is_within_spread(run, low, passing.cpu):
        step = _between(run, failing, passing)
        return None if _was_tried(run, step.limits.cpu) else step
    if failing is not None and _is_worth_repeating(run, failing, passing):
        reason = "the interval of its failure reaches below the objective, and a step depends on it"
        return _cpu_trial(run, Purpose.REPEAT, failing.cpu, fresh=True, reason=reason)
    if failing is None or not _is_in_doubt(run):
        return None
    return _cpu_trial(
        run,
        Purpose.REPEAT,
        failing.cpu,
        fresh=True,
        reason="this size failed on a resized server, and a fresh one may pass",
    )


def _pace_step(run: Run) -> Step | None:
    """Return another trial at the boundary where the mean pace is known so badly that it would cost steps; else None.

    The size that is recommended allows for the error of the mean pace, which falls with every trial.
    """
    if run.pace.standard_error <= UNSURE or run.trials_left <= KEPT or len(run.observations) >= MOST_FOR_PACE:
        return None
    reason = "the pace differs between the trials, and another trial makes its mean more certain"
    return _cpu_trial(run, Purpose.REPEAT, boundary(run), fresh=True, reason=reason)


def _is_worth_repeating(run: Run, failing: CpuPoint, passing: CpuPoint) -> bool:
    """Whether the largest failing size failed once, without certainty, and enough trials are left to try it again.

    Where the pace differs, another trial would mostly show another pace.
    """
    here = [o for o in run.observations if o.limits.cpu == failing.cpu]
    if passing.cpu < WIDE_STEP * failing.cpu:
        return False
    once = len(here) == 1 and not here[0].passed and not here[0].verdict.certain
    return once and run.repetitions > 1 and run.trials_left > KEPT and not run.pace.spread


def _is_in_doubt(run: Run) -> bool:
    """Whether the largest failing size was measured on a resized server and a fresh one may pass there."""
    failing = run.largest_failing
    if failing is None or failing.fresh or run.trusts_resized:
        return False
    return not run.is_below_demand(failing.cpu) and not _was_tried(run, failing.cpu)


def _is_within_spread(run: Run, low: int | None, high: int) -> bool:
    """Whether a bracket is narrower than the spread of the pace, so that no trial can narrow it further."""
    return low is not None and high <= low * math.exp(run.pace.spread)


def _was_tried(run: Run, cpu: int) -> bool:
    """Whether, where the pace differs, a size was tried twice, or on a fresh server and counted for another size."""
    if not run.pace.spread:
        return False
    tried = [o for o in run.observations if o.limits.cpu == cpu]
    return len(tried) > 1 or any(o.fresh and o.cpu != cpu for o in tried)


def _between(run: Run, failing: CpuPoint | None, passing: CpuPoint) -> RunTrial:
    """Return a trial between the largest failing size and the smallest passing one."""
    low = run.cpu.position_of_floor(failing.cpu) if failing else -1
    high = run.cpu.position_of_ceil(passing.cpu)
    bracketed = failing is not None and passing.cpu < run.cpu.last
    forecast = forecast_for(run)
    if forecast is None:
        position, reason = (low + high) // 2, "half way between the failing and the passing size"
    elif failing is not None and bracketed and _bisections(run) >= FORECASTS:
        position, reason = (
            _interpolated(low, high, failing, passing),
            "where a line from the failing to the passing size meets the objective",
        )
    else:
        position, reason = _accelerated(run, low, high, forecast), "the forecast boundary"
    position = max(low + 1, min(position, high - 1))
    # Where this trial may decide the boundary it gets a fresh server: a failure is then beyond doubt, and the threads
    # of a server that passes show whether resized servers can be trusted. If they cannot, and one has failed, all
    # trials do.
    distorted = run.resizing_flatters or (run.resized_failure and not run.trusts_resized)
    fresh = position == high - 1 or distorted
    fresh = fresh and run.spec.search.resize == "Auto" and not run.is_below_demand(run.cpu[position])
    purpose = Purpose.BISECT if bracketed else Purpose.BRACKET
    return _cpu_trial(run, purpose, run.cpu[position], fresh=fresh, reason=reason)


def _accelerated(run: Run, low: int, high: int, forecast: Forecast) -> int:
    """Return the position of the forecast boundary, or further away after forecasts that erred to the same side.

    The distance doubles with each of them, so that the number of trials stays logarithmic in the number of sizes.
    """
    position = forecast.smallest_passing(run.cpu, low, high)
    passes, fails = _streak(run)
    unit = closed_steps(run.cpu, high)
    if passes:
        position = min(position, high - (unit << (passes - 1)))
    if fails:
        position = max(position, low + (unit << (fails - 1)))
    return position


def _interpolated(low: int, high: int, failing: CpuPoint, passing: CpuPoint) -> int:
    """Return where a line between the two sizes meets the objective; half way if the failing size misses it by far."""
    if not 0 < failing.excess < NEAR or passing.excess > 0:
        return (low + high) // 2
    return math.ceil(low + (high - low) * failing.excess / (failing.excess - passing.excess))


def _bisections(run: Run) -> int:
    return sum(trial.purpose is Purpose.BISECT for trial in run.trials)


def _streak(run: Run) -> tuple[int, int]:
    """Return how many of the last forecasts passed in a row and how many failed; one of the two is 0."""
    results = [o.passed for o in run.observations if o.trial.purpose in (Purpose.BRACKET, Purpose.BISECT)]
    count = 0
    for passed in reversed(results):
        if passed != results[-1]:
            break
        count += 1
    return (count, 0) if results and results[-1] else (0, count)


def _cpu_trial(run: Run, purpose: Purpose, cpu: int, *, fresh: bool, reason: str) -> RunTrial:
    objectives = run.spec.objectives
    # A start and a first request depend on CPU, and only a fresh server has them.
    of_start = objectives.max_time_to_ready is not None or objectives.max_first_request is not None
    fresh = fresh or run.spec.search.resize == "Recreate" or of_start
    window: Window = "Decide" if objectives.max_throttled_percent is None else "Measure"
    return RunTrial(purpose, Limits(cpu, run.memory.last), fresh, window, reason)


def _memory_step(run: Run) -> Step | None:
    """Return the trial at the smallest memory worth trying; None when it is not known or needs no trial of its own."""
    target, size = target_at(run, boundary(run))
    if size is None or target.limits.memory == size or _proves(run, size) or run.memory_is_exact:
        return None
    return RunTrial(
        Purpose.MEMORY,
        Limits(target.cpu, size),
        fresh=True,
        window="Measure",
        reason="the smallest memory worth trying, at the CPU boundary",
    )


def _proves(run: Run, size: int) -> bool:
    """Whether a fresh server had enough memory at this size or a smaller one, whether it was fast enough or not."""
    return any(o.fresh and o.limits.memory <= size and not run.blames_memory(o) for o in run.observations)
