"""The latency that the objectives allow, in seconds: absolute, or relative to the reference trial."""

from __future__ import annotations

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Trial

SMALLEST_SLOWDOWN = 0.005
"""Seconds by which p95 may always exceed the reference trial's, whatever maxSlowdownPercent says.

A smaller difference cannot be distinguished from a load generator that sent a little late (it is called saturated only
beyond this lag) or from the scheduler of a busy machine; 50 % of a p95 of 2 ms would be 1 ms."""


def latency_bounds(spec: ModelProfileSpec, reference: Trial | None) -> dict[str, float]:
    """Return the upper bound in seconds for each metric; empty before the reference trial where it depends on that."""
    slowdown = spec.objectives.max_slowdown_percent
    if slowdown is None:
        assert spec.objectives.latency is not None
        bounds = ((metric, getattr(spec.objectives.latency, metric)) for metric in LATENCY_METRICS)
        return {metric: bound.seconds for metric, bound in bounds if bound is not None}
    p95 = reference.load.latency.p95 if reference is not None and reference.load is not None else None
    return {} if p95 is None else {"p95": slowdown_bound(p95.seconds, float(slowdown))}


def slowdown_bound(p95: float, percent: float) -> float:
    """Return the p95 that a slowdown in percent allows, in seconds, where the reference trial's is this."""
    return p95 + max(p95 * percent / 100, SMALLEST_SLOWDOWN)
