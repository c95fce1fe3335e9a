"""The grid search: every combination of CPU and memory, then the cheapest that met the objectives, with margins."""

from __future__ import annotations

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Purpose
from modelprofiler.core.axis import Limits, cpu_axis, memory_axis
from modelprofiler.core.search.margin import Target, target_for
from modelprofiler.core.search.recommend import recommend
from modelprofiler.core.search.reference import reference_step
from modelprofiler.core.search.run import Run
from modelprofiler.core.steps import Recommend, RunTrial, Step
from modelprofiler.errors import Problem


def grid_problems(spec: ModelProfileSpec, resources: EffectiveResources) -> list[Problem]:
    """Return a problem when search.maxTrials is too small for every combination."""
    if spec.search.strategy != "Grid":
        return []
    cpus, memories = len(cpu_axis(resources.cpu)), len(memory_axis(resources.memory))
    if cpus * memories <= spec.search.max_trials:
        return []
    return [
        Problem(
            "spec.search.maxTrials",
            f"a grid of {cpus} CPU and {memories} memory sizes needs {cpus * memories} trials, and maxTrials is "
            f"{spec.search.max_trials}: use larger steps, a list of values, more trials (at most 200), or "
            "strategy Adaptive",
        )
    ]


def grid_step(run: Run) -> Step:
    """Return the next step of the grid search.

    The ceiling comes first, as the reference trial: when it fails, no other size can pass and the run ends. A
    combination that was already measured on a fresh server, for another range or strategy, is not measured again.
    """
    if step := reference_step(run, Purpose.GRID):
        return step
    for cpu in reversed(run.cpu):
        for memory in reversed(run.memory):
            limits = Limits(cpu, memory)
            if not run.at(limits):
                return RunTrial(
                    Purpose.GRID, limits, fresh=True, window="Measure", reason="a combination that was not measured yet"
                )
    answer = grid_recommendation(run)
    assert answer is not None, "the reference passed"
    return answer


def grid_recommendation(run: Run) -> Recommend | None:
    """Return the recommendation from the combinations measured so far; None when none passed.

    As in the adaptive search: the cheapest combination that passed, plus the margins, rounded up to the grid. Every
    combination was measured, so the recommended one must itself have passed; where it failed, the next cheapest one
    that is at least as large is recommended instead. The cost of a size is its share of the largest CPU plus its share
    of the largest memory.
    """
    measured = {o.limits for o in run.observations if o.passed and o.fresh and _fits(run, o.limits)}
    passed = sorted(measured, key=lambda limits: _cost(run, limits))
    if not passed:
        return None
    cheapest = passed[0]
    peak = run.memory_peak
    target = target_for(run, cheapest.cpu, peak, at_least=cheapest.memory)
    if peak is None:
        target = Target(Limits(target.limits.cpu, cheapest.memory), cheapest.cpu, cheapest.memory)
    large_enough = (p for p in passed if p.cpu >= target.limits.cpu and p.memory >= target.limits.memory)
    return recommend(run, Target(next(large_enough, run.ceiling), target.cpu, target.memory))


def _fits(run: Run, limits: Limits) -> bool:
    return limits.cpu in run.cpu and limits.memory in run.memory


def _cost(run: Run, limits: Limits) -> tuple[float, Limits]:
    """Return a key that orders sizes by cost, and equal costs by the smaller CPU."""
    return limits.cpu / run.cpu.last + limits.memory / run.memory.last, limits
