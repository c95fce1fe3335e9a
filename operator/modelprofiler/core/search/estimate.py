"""What the reference trial alone lets one expect, where no other size can be tried. A forecast, never verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Trial
from modelprofiler.core.search.forecast import forecast_for
from modelprofiler.core.search.recommend import recommend, target_for
from modelprofiler.core.search.run import Run
from modelprofiler.core.steps import Environment, Recommend


def estimate(
    spec: ModelProfileSpec,
    resources: EffectiveResources,
    container_name: str,
    environment: Environment,
    trials: Sequence[Trial],
    *,
    why: str,
) -> Recommend | None:
    """Return the smallest size that is forecast to meet the objectives; None before a trial at the ceiling passed.

    Parameters
    ----------
    spec, resources, container_name, environment, trials
        As for `modelprofiler.core.search.step.next_step`.
    why
        Why no size was tried: a part of a sentence.
    """
    run = Run.of(spec, resources, container_name, environment, trials)
    top = run.cpu_points.get(run.cpu.last)
    if top is None or not top.passes:
        return None
    forecast = forecast_for(run)
    cpu = run.cpu.last if forecast is None else run.cpu[forecast.smallest_passing(run.cpu, -1, len(run.cpu) - 1)]
    target = target_for(run, cpu, run.memory_peak)
    found = recommend(run, target, why)
    demand = f", as the load alone needs {round(run.demand)}m" if run.demand is not None else ""
    memory = f"; memory peaked at {run.memory_peak // 2**20 + 1}Mi" if run.memory_peak is not None else ""
    expected = f"{target.limits} is what a model of the queue expects to be enough"
    said = f"{expected}{demand}{memory}; nothing was tried: {why}."
    bare = found.recommendation.model_copy(update={"verification": None, "explanation": said})
    return replace(found, recommendation=bare, reason=Reason.NOT_VERIFIED, message=said)
