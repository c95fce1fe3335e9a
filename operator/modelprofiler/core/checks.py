"""One objective compared with its measurement: value, 95 % interval, bound, and a sentence for the user."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import Judged, LoadStatus, Outcome, Trial, UsageStatus
from modelprofiler.core.bounds import latency_bounds, slowdown_bound
from modelprofiler.core.stats import FEWEST_REQUESTS, Z_95, wilson

MOST_EXCESS = 5.0
"""Natural logarithms of measured over allowed are limited to this, a factor of about 150: beyond it is simply far."""


@dataclass(frozen=True, slots=True)
class Check:
    """One objective and its measurement; all numbers are in the unit that `show` writes.

    Attributes
    ----------
    metric
        Its name in the status: p95, errorPercent, rate, throttledPercent, timeToReady, firstRequest.
    value
        What was measured; None when it was not.
    low, high
        The 95 % interval; None when there is none.
    bound
        The largest value that is allowed; for `rate` the smallest.
    show
        Formats a number with its unit.
    outcome
        The outcome of a trial that fails this check.
    missing
        The message when there is no value.
    at_least
        Whether `bound` is a lower bound.
    exact
        Whether the value has no sampling error.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    bound: float
    show: Callable[[float], str]
    outcome: Outcome = Outcome.SLOW
    missing: str = ""
    at_least: bool = False
    exact: bool = False

    @property
    def is_latency(self) -> bool:
        """Whether the metric is a latency."""
        return self.metric in LATENCY_METRICS

    @property
    def excess(self) -> float:
        """Natural logarithm of measured over allowed, within ±MOST_EXCESS; positive breaks the bound."""
        assert self.value is not None
        measured, allowed = (self.bound, self.value) if self.at_least else (self.value, self.bound)
        if measured <= 0:
            return -MOST_EXCESS
        if allowed <= 0:
            return MOST_EXCESS
        return max(-MOST_EXCESS, min(MOST_EXCESS, math.log(measured / allowed)))

    @property
    def fails(self) -> bool:
        """Whether the measured value breaks the bound."""
        return self.value is not None and self._breaks(self.value)

    @property
    def fails_for_certain(self) -> bool:
        """Whether the whole interval breaks the bound."""
        if not self.fails or self.exact:
            return self.fails
        best = self.high if self.at_least else self.low
        return best is not None and self._breaks(best)

    @property
    def passes_for_certain(self) -> bool:
        """Whether the whole interval meets the bound."""
        if self.value is None or self.fails:
            return False
        worst = self.low if self.at_least else self.high
        return self.exact or (worst is not None and not self._breaks(worst))

    def _breaks(self, value: float) -> bool:
        return value < self.bound if self.at_least else value > self.bound

    @property
    def judged(self) -> Judged:
        """The check as the status records it."""
        return Judged(
            metric=self.metric,
            value="unknown" if self.value is None else self.show(self.value),
            low=None if self.low is None else self.show(self.low),
            high=None if self.high is None else self.show(self.high),
            threshold=self.show(self.bound),
        )

    @property
    def sentence(self) -> str:
        """What was measured, and on which side of the objective it lies."""
        assert self.value is not None
        interval = ""
        if self.low is not None and self.high is not None and not self.exact:
            interval = f" ({self.show(self.low)} to {self.show(self.high)})"
        broken = "under" if self.at_least else "over"
        side = broken if self.fails else "within"
        return f"{self.metric} is {self.show(self.value)}{interval}, {side} the objective of {self.show(self.bound)}"


def checks_for(
    spec: ModelProfileSpec,
    load: LoadStatus,
    usage: UsageStatus | None,
    time_to_ready: Duration | None,
    reference: Trial | None,
    fresh: bool,
) -> list[Check]:
    """Return one check for every objective that applies to the trial, at least one of them of latency."""
    checks = [_errors(spec, load), *_latencies(spec, load, reference)]
    if spec.load.closed_loop is not None and reference is not None and reference.load is not None:
        checks += _completed_rate(spec, load, reference.load, checks)
    objectives = spec.objectives
    if objectives.max_throttled_percent is not None:
        share = usage.throttled_percent if usage is not None else None
        checks.append(
            Check(
                "throttledPercent",
                None if share is None else float(share),
                None,
                None,
                float(objectives.max_throttled_percent),
                _percent,
                missing="throttling was not measured, but maxThrottledPercent needs it",
                exact=True,
            )
        )
    if objectives.max_time_to_ready is not None and fresh:
        checks.append(
            Check(
                "timeToReady",
                None if time_to_ready is None else time_to_ready.seconds,
                None,
                None,
                objectives.max_time_to_ready.seconds,
                _seconds,
                missing="the time to ready was not measured, but maxTimeToReady needs it",
                exact=True,
            )
        )
    if objectives.max_first_request is not None and fresh:
        first = load.first_request
        checks.append(
            Check(
                "firstRequest",
                None if first is None else first.duration.seconds,
                None,
                None,
                objectives.max_first_request.seconds,
                _seconds,
                missing="the first request was not measured, but maxFirstRequest needs it",
                exact=True,
            )
        )
    return checks


def _errors(spec: ModelProfileSpec, load: LoadStatus) -> Check:
    """Check the share of failed requests. A load without a failure passes for certain, however short it was."""
    low, high = wilson(load.failures, load.requests)
    return Check(
        "errorPercent",
        100 * load.failures / load.requests,
        100 * low,
        100 * high,
        float(spec.objectives.max_error_percent),
        _percent,
        outcome=Outcome.ERRORS,
        exact=load.failures == 0 or spec.objectives.max_error_percent.value == 0,
    )


def _latencies(spec: ModelProfileSpec, load: LoadStatus, reference: Trial | None) -> list[Check]:
    bounds = latency_bounds(spec, reference)
    slowdown = spec.objectives.max_slowdown_percent
    if slowdown is not None and not bounds:
        # This is the reference trial itself, which cannot be slower than itself.
        bounds = {"p95": slowdown_bound(load.latency.p95.seconds, float(slowdown)) if load.latency.p95 else 0.0}
    return [_latency(metric, load, bound) for metric, bound in bounds.items()]


def _latency(metric: str, load: LoadStatus, bound: float) -> Check:
    value, low, high = (
        None if duration is None else duration.seconds
        for duration in (getattr(part, metric) for part in (load.latency, load.latency_low, load.latency_high))
    )
    completed = load.requests - load.failures
    needed = FEWEST_REQUESTS[metric]
    missing = f"{metric} was not measured"
    if completed < needed:
        missing = f"{metric} needs {needed} completed requests, and there were {completed}; extend load.duration"
    if bound <= 0:  # a slowdown relative to a latency of zero
        value = None
    return Check(metric, value, low, high, bound, _seconds, missing=missing, exact=metric == "max")


def _completed_rate(spec: ModelProfileSpec, load: LoadStatus, base: LoadStatus, checks: list[Check]) -> list[Check]:
    """Check that a closed loop completes requests at the rate that the allowed latency implies.

    Clients that wait for a response send less to a throttled server, so its percentiles look better than they are. By
    Little's law the rate of N clients is N over the mean latency. A bound that allows a percentile to grow by a factor
    s over the reference trial therefore allows the rate to fall to 1/s of the reference trial's. The tightest bound
    counts. With maxSlowdownPercent the percentage itself counts rather than the bound in seconds, which is never less
    than `SMALLEST_SLOWDOWN` and would allow a server with a latency of 2 ms to be several times slower.
    """
    factors = [
        c.bound / latency.seconds
        for c in checks
        if c.is_latency and (latency := getattr(base.latency, c.metric)) is not None and latency.seconds > 0
    ]
    if not factors:
        return []
    if (slowdown := spec.objectives.max_slowdown_percent) is not None:
        factors = [1 + float(slowdown) / 100]
    bound = float(base.rate) / max(1.0, min(factors))
    rate = float(load.rate)
    spread = Z_95 / math.sqrt(max(load.requests - load.failures, 1))
    mean, low, high = load.latency.mean, load.latency_low.mean, load.latency_high.mean
    if mean is not None and low is not None and high is not None and mean.seconds > 0 and low.seconds > 0:
        spread = max(high.seconds / mean.seconds, mean.seconds / low.seconds) - 1
    return [
        Check(
            "rate", rate, rate / (1 + spread), rate * (1 + spread), bound, _per_second, at_least=True,
            missing="the rate was not measured",
        )
    ]  # fmt: skip


def _seconds(value: float) -> str:
    return str(Duration.of(value, digits=3))


def _percent(value: float) -> str:
    return f"{Quantity.decimal(value, digits=3)}%"


def _per_second(value: float) -> str:
    return f"{Quantity.decimal(value, digits=3)}/s"
