"""When the generator holds itself, not the server, responsible."""

import dataclasses

import pytest

from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.plan import Plan
from modelprofiler.load.saturation import harmless_share, judge_generator

PLAN = Plan.of(
    LoadConfig.model_validate(
        {"host": "x", "port": 1, "endpoint": {}, "dataset": {"path": "x"}, "load": {"openLoop": {"rate": "5"}}}
    )
)


@pytest.mark.parametrize(
    ("sentence", "cpu", "lag", "threshold", "p95", "saturated"),
    [
        ("at ease", 20, 0.001, 0.25, 0.1, False),
        ("without CPU left", 95, 0.001, 0.25, 0.1, True),
        ("late, and the server seems slow", 20, 0.1, 0.25, 0.3, True),
        ("late, and the server is fast enough all the same", 20, 0.1, 0.25, 0.2, False),
        ("late by less than a tenth of the threshold", 20, 0.02, 0.25, 0.3, False),
        ("late by 4 ms, which is never held against it", 20, 0.004, 0.01, 0.3, False),
        ("late by 100 ms, and the server is slow by more than twice that", 20, 0.1, 0.25, 0.46, False),
        ("late by 100 ms, and the server is slow by no more than twice that", 20, 0.1, 0.25, 0.44, True),
        ("late, and nothing is known of the percentile", 20, 0.1, 0.25, None, True),
        ("late by more than a tenth of the median, without a threshold", 20, 0.02, None, 0.1, True),
        ("without a lag to tell", 20, None, None, None, False),
    ],
)
def test_the_generator_is_saturated_when(
    sentence: str, cpu: float, lag: float | None, threshold: float | None, p95: float | None, saturated: bool
) -> None:
    """Lag and latencies in seconds; the median is half of p95."""
    plan = dataclasses.replace(PLAN, thresholds={} if threshold is None else {"p95": threshold})
    latency = {} if p95 is None else {"p95": p95, "p50": p95 / 2}
    kind, message = judge_generator(plan, cpu, lag, latency)
    assert (ResultKind.SATURATED if saturated else ResultKind.COMPLETED) is kind, sentence
    assert saturated is message.startswith("the load generator ")


@pytest.mark.parametrize(
    ("metrics", "share"),
    [(("p50",), 0.25), (("p95",), 0.025), (("p50", "p95"), 0.025), (("p95", "p99"), 0.01), ((), 0.01)],
)
def test_requests_that_cannot_move_a_percentile_may_be_late(metrics: tuple[str, ...], share: float) -> None:
    """Half of those beyond it; of several percentiles the highest counts, also before there are thresholds."""
    assert pytest.approx(share) == harmless_share(dataclasses.replace(PLAN, percentiles=metrics))
    assert pytest.approx(share) == harmless_share(dataclasses.replace(PLAN, thresholds=dict.fromkeys(metrics, 1.0)))


def test_before_there_are_thresholds_lag_is_held_against_the_percentile_that_matters() -> None:
    """A tenth of p95, from which the threshold will follow."""
    plan = dataclasses.replace(PLAN, percentiles=("p95",))
    latency = {"p95": 0.2, "p50": 0.01}
    assert ResultKind.COMPLETED is judge_generator(plan, 20, 0.019, latency)[0]
    assert ResultKind.SATURATED is judge_generator(plan, 20, 0.021, latency)[0]
