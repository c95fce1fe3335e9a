"""The adaptive search: as few trials as decide the smallest CPU and memory.

One rule a function, asked in this order; the first that has something to do decides:

1. the reference trial at the ceiling,
2. CPU at the memory ceiling: forecast, bracket, bisect, and the largest failing size once more on a fresh pod,
3. memory at the CPU boundary,
4. the recommended size itself, on a fresh pod.
"""

from __future__ import annotations

import math
from dataclasses import replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits, closed_steps, is_closed
from modelprofiler.core.forecast import Forecast, forecast_for
from modelprofiler.core.points import CpuPoint, Observation
from modelprofiler.core.recommend import Target, recommend, target_for
from modelprofiler.core.run import Run
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step, Window

FORECASTS = 2
"""Forecasts that may miss between a failing and a passing size before a line through the two is trusted more."""

NEAR = 1.0
"""Logarithm of measured over allowed within which latency is near enough a line."""

BROKEN = frozenset({Outcome.CRASHED, Outcome.NEVER_READY, Outcome.UNSCHEDULABLE, Outcome.IMAGE_PULL_FAILED})
"""Outcomes after which a server does not work at all, when it is the reference trial that has them."""


def adaptive_step(run: Run) -> Step:
    """Return the next step of the adaptive search."""
    return reference_step(run) or step_below(run)


def step_below(run: Run) -> Step:
    """Return the next step when the largest size passed, as far as it could be measured."""
    if proven := _proven_already(run):
        return recommend(run, proven)
    # The last trial is kept for the Confirm trial: an answer that is not the smallest is worth more than none verified.
    if run.trials_left > 1 and (step := _repeat_step(run) or _cpu_step(run)):
        return step
    if run.trials_left > 2 and (step := _memory_step(run)):
        return step
    return confirm_step(run)


def reference_step(run: Run, purpose: Purpose = Purpose.REFERENCE) -> Step | None:
    """Return the reference trial, or the end of the run when it failed; absent once it passed."""
    measured = run.at(run.ceiling)
    broken = [t for t in run.trials if _is_broken(t) and Limits.from_size(t.limits) == run.ceiling]
    if broken and not any(o.passed for o in measured):
        last = broken[-1]
        return GiveUp(Reason.REFERENCE_FAILED, f"{last.outcome.value} at the ceiling, {run.ceiling}: {last.message}")
    trial = RunTrial(
        purpose, run.ceiling, fresh=True, window="Measure", reason="the largest size shows what a request costs"
    )
    if not measured:
        return trial
    point = run.cpu_points[run.cpu.last]
    if not point.settled:
        return trial
    return None if point.passes else GiveUp(Reason.NO_FEASIBLE_SIZE, _nearest_miss(run, point))


def _is_broken(trial: Trial) -> bool:
    """Whether a server does not work at all; without a load its very first request went wrong, whatever the size."""
    return trial.outcome in BROKEN or (trial.outcome is Outcome.ERRORS and trial.load is None)


def _nearest_miss(run: Run, point: CpuPoint) -> str:
    failed = next(o for o in reversed(point.observations) if not o.passed)
    size = f"the ceiling of {Quantity.cpu(run.cpu.last)} CPU and {Quantity.memory(run.memory.last)} memory"
    message = f"{failed.verdict.message} at {size}"
    if run.is_below_demand(run.cpu.last) and run.demand is not None:
        message += f"; the load alone needs {round(run.demand)}m CPU"
    return f"{message}. No smaller size can do better: raise the range, relax the objective or lower the load."


def _repeat_step(run: Run) -> Step | None:
    """Return once more the trial that contradicts another one; absent when none does."""
    doubted = run.contradicted
    if doubted is None or doubted.limits.cpu not in run.cpu or doubted.limits.memory not in run.memory:
        return None
    reason = "this size or a smaller one had passed before: one of the two is wrong"
    return RunTrial(doubted.trial.purpose, doubted.limits, fresh=True, window="Measure", reason=reason)


def _boundary(run: Run) -> int:
    """Return the CPU size, in millicores, that is taken for the smallest that passes.

    A size that failed after it, or a smaller one, had passed is so near the boundary that no search is needed above it:
    the next size is taken for it, unmeasured. Where that fails too, the distance doubles.
    """
    passing, failing = run.smallest_passing, run.largest_failing
    assert passing is not None, "the reference passed"
    if failing is None or not (passes := run.passes_within(failing.cpu)):
        return passing.cpu
    lowest = min(o.cpu for o in passes)
    refuted = sum(p.cpu >= lowest and not p.passes for p in run.cpu_points.values())
    at = run.cpu.position_of_floor(failing.cpu)
    above = at + (closed_steps(run.cpu, at) << (refuted - 1))
    return min(run.cpu[min(above, len(run.cpu) - 1)], passing.cpu)


def _cpu_step(run: Run) -> Step | None:
    """Return the next trial on the CPU axis; absent when the boundary is known."""
    passing, failing = run.smallest_passing, run.largest_failing
    assert passing is not None, "the reference passed"
    if _boundary(run) < passing.cpu:
        return None
    low = failing.cpu if failing else None
    if not is_closed(run.cpu, low, passing.cpu) and not _is_blurred(run, low, passing.cpu):
        step = _between(run, failing, passing)
        return None if _was_tried(run, step.limits.cpu) else step
    if failing is None or failing.fresh or run.is_below_demand(failing.cpu) or _was_tried(run, failing.cpu):
        return None
    return _cpu_trial(run, Purpose.REPEAT, failing.cpu, fresh=True, reason="a fresh server may do better here")


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
    # A boundary must fail on a fresh pod. So start with one where this trial would be it, and once a resized server
    # has failed: what it says is in doubt from then on.
    doubted = position == high - 1 or run.resized_failure
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
    target, size = _target(run, _boundary(run))
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


def _target(run: Run, cpu: int) -> tuple[Target, int | None]:
    """Return the size to recommend for a CPU boundary, and the tightest memory size (absent: not measured)."""
    cpu = run.cpu.ceil(cpu)
    peak, need = run.memory_peak, run.memory_need
    if peak is None or need is None:
        return target_for(run, cpu, None), None
    size = run.memory.ceil(need)
    failures = run.memory_failures
    if not failures or failures[-1] < size:
        return target_for(run, cpu, peak, at_least=need), size
    size = _more_memory(run, failures)
    return target_for(run, cpu, size, at_least=size), size


def _more_memory(run: Run, failures: list[int]) -> int:
    """Return the next memory size to try above those that were too small; the smallest that was not, once known."""
    low = failures[-1]
    passing = min((o.limits.memory for o in run.observations if o.passed and o.limits.memory > low), default=None)
    high = run.memory.last if passing is None else run.memory.ceil(passing)
    if is_closed(run.memory, low, high):
        return high
    first, last = run.memory.position_of_floor(low), run.memory.position_of_ceil(high)
    for peak in run.lifetime_peaks:
        if first < (position := run.memory.position_of_ceil(peak)) < last:
            return run.memory[position]
    if high < run.memory.last:
        return run.memory[(first + last) // 2]
    # Samples miss a peak by little: start near, and double.
    return run.memory[min(first + (1 << (len(failures) - 1)), (first + last + 1) // 2)]


def confirm_step(run: Run) -> Step:
    """Return the Confirm trial, or the recommendation once it passed."""
    target = _beyond_bad_luck(run, _target(run, _boundary(run))[0])
    passed = [o for o in run.at(target.limits) if o.passed]
    # Passing with less CPU is passing, too.
    if passed and len(run.passes_within(target.limits.cpu)) >= _measurements_needed(run, target, passed):
        return recommend(run, target)
    return RunTrial(Purpose.CONFIRM, target.limits, fresh=True, window="Measure", reason="exactly the recommended size")


def _proven_already(run: Run) -> Target | None:
    """Return the target at a size that was confirmed and is larger than it by no more than runs differ; absent else.

    Where the pace differs, each trial moves what is known of its mean, and so the target; that must not go on for ever.
    """
    target = _target(run, _boundary(run))[0]
    least, most = target.limits, target.limits.cpu * math.exp(2 * run.pace.spread)
    for o in run.observations if run.pace.spread else ():
        enough = least.cpu <= o.limits.cpu <= most and o.limits.memory >= least.memory
        if o.passed and o.trial.purpose is Purpose.CONFIRM and enough:
            return replace(target, limits=o.limits)
    return None


def _beyond_bad_luck(run: Run, target: Target) -> Target:
    """Return the target, or one larger by the spread of the pace where it failed twice without saying that it would.

    What ran at a slow pace does not speak against a size; but a size that is recommended has to pass.
    """
    while run.pace.spread and target.limits.cpu < run.cpu.last:
        if sum(not o.passed for o in run.at(target.limits)) < 2:
            break
        larger = max(target.limits.cpu + 1, target.limits.cpu * math.exp(run.pace.spread))
        target = replace(target, limits=Limits(run.cpu.ceil(larger), target.limits.memory))
    return target


def _measurements_needed(run: Run, target: Target, passed: list[Observation]) -> int:
    """Return how often the recommended CPU must have been measured: the boundary itself always twice, where allowed."""
    if not any(o.verdict.certain for o in passed):
        return run.repetitions
    at_boundary = target.limits.cpu == target.cpu and target.limits != run.ceiling
    return min(2, run.repetitions) if at_boundary else 1


def best_so_far(run: Run, why_not_verified: str) -> Recommend:
    """Return the recommendation from what is known when no more trials may run; some size must have passed."""
    assert run.smallest_passing is not None
    return recommend(run, _target(run, run.smallest_passing.cpu)[0], why_not_verified)
