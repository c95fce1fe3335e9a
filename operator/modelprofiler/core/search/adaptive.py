"""The adaptive search: as few trials as decide the smallest CPU and memory.

One rule a function, asked in this order; the first that has something to do decides:

1. the reference trial at the ceiling,
2. CPU at the memory ceiling: forecast, bracket, bisect, and where resizing distorts, or may, the largest failing size
   once more on a fresh pod,
3. memory at the CPU boundary,
4. the recommended size itself, on a fresh pod.
"""

from __future__ import annotations

import math

from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits, closed_steps, is_closed
from modelprofiler.core.search.confirm import confirm_step, proven_already
from modelprofiler.core.search.forecast import Forecast, forecast_for
from modelprofiler.core.search.points import CpuPoint
from modelprofiler.core.search.recommend import recommend
from modelprofiler.core.search.reference import reference_step
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.target import boundary, target_at
from modelprofiler.core.steps import RunTrial, Step, Window

FORECASTS = 2
"""Forecasts that may miss between a failing and a passing size before a line through the two is trusted more."""

NEAR = 1.0
"""Logarithm of measured over allowed within which latency is near enough a line."""


def adaptive_step(run: Run) -> Step:
    """Return the next step of the adaptive search."""
    return reference_step(run) or step_below(run)


def step_below(run: Run) -> Step:
    """Return the next step when the largest size passed, as far as it could be measured."""
    if (proven := proven_already(run)) and not _is_in_doubt(run):
        return recommend(run, proven)
    # The last trial is kept for the Confirm trial: an answer that is not the smallest is worth more than none verified.
    if run.trials_left > 1 and (step := _repeat_step(run) or _cpu_step(run)):
        return step
    if run.trials_left > 2 and (step := _memory_step(run)):
        return step
    return confirm_step(run)


def _repeat_step(run: Run) -> Step | None:
    """Return once more the trial that contradicts another one; absent when none does."""
    doubted = run.contradicted
    if doubted is None or doubted.limits.cpu not in run.cpu or doubted.limits.memory not in run.memory:
        return None
    reason = "this size or a smaller one had passed before: one of the two is wrong"
    return RunTrial(doubted.trial.purpose, doubted.limits, fresh=True, window="Measure", reason=reason)


def _cpu_step(run: Run) -> Step | None:
    """Return the next trial on the CPU axis; absent when the boundary is known."""
    passing, failing = run.smallest_passing, run.largest_failing
    assert passing is not None, "the reference passed"
    if boundary(run) < passing.cpu:
        return None
    low = failing.cpu if failing else None
    if not is_closed(run.cpu, low, passing.cpu) and not _is_blurred(run, low, passing.cpu):
        step = _between(run, failing, passing)
        return None if _was_tried(run, step.limits.cpu) else step
    if failing is None or not _is_in_doubt(run):
        return None
    return _cpu_trial(run, Purpose.REPEAT, failing.cpu, fresh=True, reason="a fresh server may do better here")


def _is_in_doubt(run: Run) -> bool:
    """Whether the largest failing size was that of a resized server where a fresh one may do better."""
    failing = run.largest_failing
    if failing is None or failing.fresh or run.trusts_resized:
        return False
    return not run.is_below_demand(failing.cpu) and not _was_tried(run, failing.cpu)


def _is_blurred(run: Run, low: int | None, high: int) -> bool:
    """Whether runs differ by more than two sizes do: no boundary is found more finely than that."""
    return low is not None and high <= low * math.exp(run.pace.spread)


def _was_tried(run: Run, cpu: int) -> bool:
    """Whether a size was tried twice, or on a fresh pod and was evidence about another one, for its pace."""
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
        position, reason = (low + high) // 2, "half way between failing and passing"
    elif failing is not None and bracketed and _bisections(run) >= FORECASTS:
        position, reason = _interpolated(low, high, failing, passing), "where failing turns into passing on a line"
    else:
        position, reason = _helped(run, low, high, forecast), "the forecast boundary"
    position = max(low + 1, min(position, high - 1))
    # Where this trial would be the boundary it is started afresh: a failure is then beyond doubt, and the threads of a
    # server that passes show whether resized ones can be trusted. If not, all are, once a resized server has failed.
    doubted = position == high - 1 or (run.resized_failure and not run.trusts_resized)
    fresh = doubted and run.spec.search.resize == "Auto" and not run.is_below_demand(run.cpu[position])
    purpose = Purpose.BISECT if bracketed else Purpose.BRACKET
    return _cpu_trial(run, purpose, run.cpu[position], fresh=fresh, reason=reason)


def _helped(run: Run, low: int, high: int, forecast: Forecast) -> int:
    """Return the position of the forecast boundary.

    A forecast that keeps erring to the same side is helped along by doubling the distance, so that the number of trials
    stays logarithmic in the number of sizes.
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
    """Return the position where the logarithm of measured over allowed is 0 on a line; half way if one end is far."""
    if not 0 < failing.excess < NEAR or passing.excess > 0:
        return (low + high) // 2
    return math.ceil(low + (high - low) * failing.excess / (failing.excess - passing.excess))


def _bisections(run: Run) -> int:
    return sum(trial.purpose is Purpose.BISECT for trial in run.trials)


def _streak(run: Run) -> tuple[int, int]:
    """Return how many of the last forecasts passed in a row, and how many failed (one of them is 0)."""
    results = [o.passed for o in run.observations if o.trial.purpose in (Purpose.BRACKET, Purpose.BISECT)]
    count = 0
    for passed in reversed(results):
        if passed != results[-1]:
            break
        count += 1
    return (count, 0) if results and results[-1] else (0, count)


def _cpu_trial(run: Run, purpose: Purpose, cpu: int, *, fresh: bool, reason: str) -> RunTrial:
    objectives = run.spec.objectives
    # Time to ready depends on CPU, and only a fresh server has one.
    fresh = fresh or run.spec.search.resize == "Recreate" or objectives.max_time_to_ready is not None
    window: Window = "Decide" if objectives.max_throttled_percent is None else "Measure"
    return RunTrial(purpose, Limits(cpu, run.memory.last), fresh, window, reason)


def _memory_step(run: Run) -> Step | None:
    """Return the trial at the tightest memory; absent when it is proven, unknown, or the Confirm trial's own size."""
    target, size = target_at(run, boundary(run))
    if size is None or target.limits == Limits(target.cpu, size) or _proves(run, size) or run.memory_is_exact:
        return None
    return RunTrial(
        Purpose.MEMORY,
        Limits(target.cpu, size),
        fresh=True,
        window="Measure",
        reason="the least memory, at the smallest CPU",
    )


def _proves(run: Run, size: int) -> bool:
    """Whether a fresh server held out at this memory or less, fast or not."""
    return any(o.fresh and o.limits.memory <= size and not run.blames_memory(o) for o in run.observations)
