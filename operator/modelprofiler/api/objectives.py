"""The objectives that a size must meet."""

from __future__ import annotations

from typing import ClassVar

from modelprofiler.api.model import ApiModel
from modelprofiler.api.quantities import Percentage, PositiveDuration, Quantity

LATENCY_METRICS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")


class LatencyObjective(ApiModel):
    """Upper bounds on latency. Every bound that is set must hold."""

    at_least_one_of: ClassVar[tuple[str, ...]] = LATENCY_METRICS

    mean: PositiveDuration | None = None
    """Upper bound on the mean latency."""
    p50: PositiveDuration | None = None
    """Upper bound on the 50th percentile."""
    p90: PositiveDuration | None = None
    """Upper bound on the 90th percentile."""
    p95: PositiveDuration | None = None
    """Upper bound on the 95th percentile."""
    p99: PositiveDuration | None = None
    """Upper bound on the 99th percentile."""
    p999: PositiveDuration | None = None
    """Upper bound on the 99.9th percentile."""
    max: PositiveDuration | None = None
    """Upper bound on the latency of the slowest request."""


class Objectives(ApiModel):
    """The objectives that a size must meet.

    Exactly one of latency and maxSlowdownPercent must be set. The other fields are independent of them.
    """

    exactly_one_of: ClassVar[tuple[str, ...]] = ("latency", "maxSlowdownPercent")

    latency: LatencyObjective | None = None
    """Upper bounds on latency."""
    max_slowdown_percent: Quantity | None = None
    """Instead of absolute bounds: by how many percent the p95 latency may exceed that of the reference trial, which
    runs at the largest size. An increase of up to 5 ms is always allowed."""
    max_error_percent: Percentage = Quantity("1")
    """Maximum percentage of requests that may fail."""
    max_throttled_percent: Percentage | None = None
    """Maximum percentage of CPU scheduling (CFS) periods in which the container may be throttled."""
    max_time_to_ready: PositiveDuration | None = None
    """Maximum time that a newly started server may take to become ready."""
    max_first_request: PositiveDuration | None = None
    """Maximum time that the first request to a newly started server may take; some servers load the model then."""
