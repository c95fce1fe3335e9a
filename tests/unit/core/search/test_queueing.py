"""The model of a queue under a CFS quota, against what is known of queues."""

from dataclasses import replace

import pytest

from modelprofiler.core.search.queueing import Workload, metrics_at

IDLE = Workload(cpu_seconds=0.02, spread=0.0, other_seconds=0.0, workers=1, rate=0.5, constant=True)


def test_an_idle_server_takes_as_long_as_a_request_costs() -> None:
    """At one core and above."""
    assert metrics_at(IDLE, 1.0)["max"] == pytest.approx(0.02)


def test_a_request_within_the_quota_runs_at_full_speed() -> None:
    """20ms fit into the 20ms that 200m gives in a period."""
    assert metrics_at(IDLE, 0.2)["p50"] == pytest.approx(0.02, abs=1e-3)


def test_a_request_beyond_the_quota_waits_for_the_next_period() -> None:
    """At 100m it runs 10ms, waits for the rest of the period and runs 10ms."""
    assert metrics_at(IDLE, 0.1)["p50"] == pytest.approx(0.11, abs=0.01)


def test_waiting_follows_pollaczek_and_khinchine() -> None:
    """M/D/1 at a utilisation of 0.5: half a service time on average."""
    queue = Workload(cpu_seconds=0.01, spread=0.0, other_seconds=0.0, workers=1, rate=50, seconds=1e9)
    assert metrics_at(queue, 1.0)["mean"] == pytest.approx(0.015, rel=0.1)


def test_less_cpu_is_never_faster() -> None:
    """Over the whole range."""
    queue = Workload(cpu_seconds=0.01, spread=0.6, other_seconds=0.01, workers=1, rate=20)
    p95 = [metrics_at(queue, cores / 20)["p95"] for cores in range(5, 21)]
    assert sorted(p95, reverse=True) == pytest.approx(p95, rel=0.02)


def test_a_held_worker_makes_others_wait() -> None:
    """40 requests/s of 20ms each (1ms of it CPU) are too near to one worker's limit."""
    holding = Workload(cpu_seconds=0.001, spread=0.0, other_seconds=0.019, workers=1, rate=40)
    assert metrics_at(holding, 1.0)["p95"] > 1.5 * metrics_at(replace(holding, held=False), 1.0)["p95"]


def test_clients_of_a_closed_loop_wait_for_each_other() -> None:
    """Four clients of one worker: each waits for the other three (asymptotic bound N S)."""
    loop = Workload(cpu_seconds=0.01, spread=0.0, other_seconds=0.0, workers=1, clients=4)
    assert metrics_at(loop, 1.0)["p50"] == pytest.approx(0.04, rel=0.01)
    assert metrics_at(loop, 0.5)["mean"] == pytest.approx(0.08, rel=0.1)
