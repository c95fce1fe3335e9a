"""The reference trial at the ceiling: whether the server works at all, and what a request costs."""

from __future__ import annotations

import math

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.answers.doubts import mostly_unmet, own_limit
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.points import CpuPoint
from modelprofiler.core.search.run import Run
from modelprofiler.core.search.soak import killed_at_reference
from modelprofiler.core.steps import GiveUp, RunTrial, Step

BROKEN = frozenset({Outcome.CRASHED, Outcome.NEVER_READY, Outcome.UNSCHEDULABLE, Outcome.IMAGE_PULL_FAILED})
"""Outcomes of the reference trial which show that the server does not work at any size."""


def reference_step(run: Run, purpose: Purpose = Purpose.REFERENCE) -> Step | None:
    """Return the reference trial, or the end of the run when it failed; None once it has passed."""
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
    return None if point.passes else GiveUp(Reason.NO_FEASIBLE_SIZE, _infeasible_message(run, point))


def _is_broken(trial: Trial) -> bool:
    """Whether the server does not work at any size; Errors without a load means that the very first request failed."""
    return trial.outcome in BROKEN or (trial.outcome is Outcome.ERRORS and trial.load is None)


def _infeasible_message(run: Run, point: CpuPoint) -> str:
    """Return by how much the ceiling misses the objectives, and what can be changed."""
    failed = next(o for o in reversed(point.observations) if not o.passed)
    size = f"the ceiling of {Quantity.cpu(run.cpu.last)} CPU and {Quantity.memory(run.memory.last)} memory"
    message = f"{failed.verdict.message} at {size}{killed_at_reference(failed.trial)}"
    load = failed.trial.load if failed.verdict.outcome is Outcome.ERRORS else None
    if load is not None and own_limit(run.spec, load, failed.trial.usage, failed.trial.limits.cpu):
        return f"{message}. Correct the requests, raise the server's own limit, or reduce the load."
    if load is not None and mostly_unmet(load):
        return f"{message}. These answers came in time: correct the requests, the server or endpoint.http.expect."
    usage, needs = failed.trial.usage, run.load_needs(failed)
    if usage is not None and needs is not None and needs > run.cpu.last:
        time = usage.cpu_time_per_request
        message += f"; a request took {time} of CPU time there, so the load needs {math.floor(needs)}m CPU"
    passed = sum(o.passed for o in run.at(run.ceiling))
    advice = "extend the range, relax the objective or reduce the load"
    if passed:
        counts = f"{passed} of {len(run.at(run.ceiling))} trials at this size met the objectives"
        return f"{message}. {counts}, which is too few to rely on: {advice}."
    return f"{message}. No smaller size can do better: {advice}."
