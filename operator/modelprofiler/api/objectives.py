"""What a size must meet."""

from __future__ import annotations

from typing import ClassVar

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Duration, Quantity

LATENCY_METRICS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")


class LatencyObjective(ApiModel):
    """Upper bounds on latency; all that are given must hold."""

    at_least_one_of: ClassVar[tuple[str, ...]] = LATENCY_METRICS

    mean: Duration | None = None
    """Upper bound on the mean."""
    p50: Duration | None = None
    """Upper bound on the 50th percentile."""
    p90: Duration | None = None
    """Upper bound on the 90th percentile."""
    p95: Duration | None = None
    """Upper bound on the 95th percentile."""
    p99: Duration | None = None
    """Upper bound on the 99th percentile."""
    p999: Duration | None = None
    """Upper bound on the 99.9th percentile."""
    max: Duration | None = None
    """Upper bound on every request."""


class Objectives(ApiModel):
    """What a size must meet to be good enough: exactly one of latency, maxSlowdownPercent, and the others."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("latency", "maxSlowdownPercent")

    latency: LatencyObjective | None = None
    """Upper bounds on latency."""
    max_slowdown_percent: Quantity | None = None
    """Instead of bounds: how much slower than the reference trial p95 may be, of which 5 ms are never too much."""
    max_error_percent: Quantity = Quantity("1")
    """The share of requests that may fail."""
    max_throttled_percent: Quantity | None = None
    """The share of CFS periods in which the container may be throttled."""
    max_time_to_ready: Duration | None = None
    """How long a fresh server may take until it is ready."""
