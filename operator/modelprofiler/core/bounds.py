"""The latency that the objectives allow, in seconds: given, or as a slowdown against the reference trial."""

from __future__ import annotations

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Trial

SMALLEST_SLOWDOWN = 0.005
"""Seconds that p95 may always be above the reference's: less cannot be told from a load generator that was a little
late (which is not held against it below this), nor from a busy scheduler, and half of 2 ms would be less."""


def latency_bounds(spec: ModelProfileSpec, reference: Trial | None) -> dict[str, float]:
    """Return metric to upper bound in seconds; empty where the reference that it is counted from is not there yet."""
    slowdown = spec.objectives.max_slowdown_percent
    if slowdown is None:
        assert spec.objectives.latency is not None
        given = ((metric, getattr(spec.objectives.latency, metric)) for metric in LATENCY_METRICS)
        return {metric: bound.seconds for metric, bound in given if bound is not None}
    p95 = reference.load.latency.p95 if reference is not None and reference.load is not None else None
    return {} if p95 is None else {"p95": p95.seconds + max(p95.seconds * float(slowdown) / 100, SMALLEST_SLOWDOWN)}
