"""A recommendation from the reference trial alone, where no other size can be tried: a forecast, never verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelprofiler.api.conditions import Reason
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Trial
from modelprofiler.core.search.explain_margin import mebibytes
from modelprofiler.core.search.forecast import forecast_for
from modelprofiler.core.search.margin import target_for
from modelprofiler.core.search.recommend import recommend
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
    """Return the smallest size that is forecast to meet the objectives; None before a trial at the ceiling has passed.

    Parameters
    ----------
    spec, resources, container_name, environment, trials
        As for `modelprofiler.core.search.step.next_step`.
    why
        Why no smaller size was tried, as a part of a sentence.
    """
    run = Run.of(spec, resources, container_name, environment, trials)
    top = run.cpu_points.get(run.cpu.last)
    if top is None or not top.passes:
        return None
    forecast = forecast_for(run)
    cpu = run.cpu.last if forecast is None else run.cpu[forecast.smallest_passing(run.cpu, -1, len(run.cpu) - 1)]
    target = target_for(run, cpu, run.memory_peak)
    step = recommend(run, target, why)
    forecast_sentence = f"A queueing model forecasts that {target.limits} is enough"
    if run.demand is not None:
        forecast_sentence += f"; at the ceiling the load used {round(run.demand)}m CPU"
    if run.memory_peak is not None:
        forecast_sentence += f"; memory peaked at {mebibytes(run.memory_peak)}"
    message = f"{forecast_sentence}. No smaller size was tried: {why}."
    recommendation = step.recommendation.model_copy(update={"verification": None, "explanation": message})
    return replace(step, recommendation=recommendation, reason=Reason.NOT_VERIFIED, message=message)
