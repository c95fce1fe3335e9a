"""Whether the generator was the bottleneck of a load: then the numbers say nothing about the server."""

from __future__ import annotations

from collections.abc import Mapping

from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.stats import PERCENTILES
from modelprofiler.load.plan import Plan

SATURATED_CPU_PERCENT = 90.0
"""CPU of the generator, in percent of a core, above which it is taken to have had none left: it is one thread, and
requests wait for it long before 100 %. Chosen, not fitted."""

TOLERATED_LAG = 0.005
"""Seconds of send lag that never matter: a few times what other work on a busy machine delays a process by (a time
slice of Linux' scheduler is 3 to 4 ms). Chosen, not fitted."""
TOLERATED_LAG_SHARE = 0.1
"""Nor does lag below this share of the latencies that matter: it moves them by less than their intervals are wide."""

HARMLESS_SHARE, FEWEST_HARMLESS = 0.5, 0.01
"""Nor does the lag of half of the requests beyond the percentile, and of 1 % in any case: a machine that stands still
for 30 ms once in a few seconds makes one request in a hundred late, which p99 shows and p95 does not."""

MOST_LATENCY_BY_LAG = 2.0
"""A latency is at most this many lags longer because of late sending: by its own lag, and by the queue of the requests
that were late before it and came all at once. A server that keeps up serves those in less time than they were late."""


def harmless_share(plan: Plan) -> float:
    """Return the share of requests whose lag does not matter to the percentiles that the objectives are about."""
    metrics = plan.thresholds or plan.percentiles
    shares = [HARMLESS_SHARE * (1 - PERCENTILES.get(name, 1.0)) for name in metrics]
    return max(min(shares, default=0.0), FEWEST_HARMLESS)


def judge_generator(
    plan: Plan, cpu_percent: float, lag: float | None, latency: Mapping[str, float]
) -> tuple[ResultKind, str]:
    """Return whether the load was completed or the generator saturated, and the sentence that says why.

    The generator was saturated when it had no CPU left, or when it sent requests so late that the verdict may be wrong.
    Lag is a part of every latency, so where latencies are within their thresholds they would be without lag, too: then
    it does not matter. Nor does it where a latency is over its threshold by more than lag can explain
    (`MOST_LATENCY_BY_LAG`).

    Parameters
    ----------
    plan
        Its thresholds and percentiles say which latencies matter.
    cpu_percent
        CPU of the generator, in percent of a core.
    lag
        Send lag that all requests but `harmless_share` stay under, in seconds; None when nothing was sent.
    latency
        Latencies of the window by metric, in seconds.
    """
    if cpu_percent > SATURATED_CPU_PERCENT:
        message = (
            f"the load generator used {cpu_percent:.0f} % of a core, so it may have been slower than the server: "
            "lower the load, or raise load.parallelism in a cluster"
        )
        return ResultKind.SATURATED, message
    thresholds = plan.thresholds
    excess = {name: latency[name] - bound if name in latency else None for name, bound in thresholds.items()}
    met = bool(excess) and all(seconds is not None and seconds <= 0 for seconds in excess.values())
    missed = lag is not None and any(
        seconds is not None and seconds > MOST_LATENCY_BY_LAG * lag for seconds in excess.values()
    )
    tolerated = max(TOLERATED_LAG, TOLERATED_LAG_SHARE * _smallest_that_matters(plan, latency))
    if lag is None or lag <= tolerated or met or missed:
        return ResultKind.COMPLETED, ""
    message = (
        f"the load generator sent {100 * harmless_share(plan):.3g} % of its requests at least {lag * 1000:.3g} ms "
        f"late; up to {tolerated * 1000:.3g} ms would not change the result"
    )
    return ResultKind.SATURATED, message


def _smallest_that_matters(plan: Plan, latency: Mapping[str, float]) -> float:
    """Return the smallest threshold, in seconds; before there are any, the smallest percentile that is asked for."""
    measured = [latency[name] for name in plan.percentiles if name in latency]
    return min([*plan.thresholds.values()] or measured, default=latency.get("p50", 0.0))
