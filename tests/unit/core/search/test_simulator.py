"""The simulated service against what queueing theory says, and the table's place in the documentation."""

import math
import statistics
from pathlib import Path

import pytest
from benchmarks import publish
from benchmarks.search.families import COARSE, FAMILIES, draw
from benchmarks.search.service import MI, Service

from modelprofiler.api.trial import Outcome
from modelprofiler.core.steps import GiveUp, Recommend

CORE = 64_000
"""A limit that never throttles, in millicores."""


def test_a_queue_of_constant_work_waits_as_the_formula_says() -> None:
    """M/D/1: the mean wait is half the load over one less the load, times the work (Pollaczek-Khinchine)."""
    service = Service(cpu_seconds=0.01, rate=50, distribution="constant", window=1e9, requests=20_000)
    wait = service.measure(CORE, CORE).values["mean"] - 0.01
    assert 0.01 * 0.5 / (2 * (1 - 0.5)) == pytest.approx(wait, rel=0.1)


def test_a_request_longer_than_the_quota_stands_still_for_the_rest_of_each_period() -> None:
    """80 ms of work on 200m, from the start of a period: 20 ms in each of four, so 320 ms."""
    service = Service(cpu_seconds=0.08, rate=0.1, distribution="constant", constant_arrivals=True, window=100)
    assert 0.32 == pytest.approx(service.measure(200, 1000).values["p50"], rel=0.01)


def test_threads_spend_the_quota_sooner() -> None:
    """80 ms of work on 500m: 50 ms, a pause and 30 more by one thread; four run out of it after 12.5 ms."""
    one = Service(cpu_seconds=0.08, rate=0.1, distribution="constant", constant_arrivals=True, window=100)
    four = Service(cpu_seconds=0.08, rate=0.1, distribution="constant", constant_arrivals=True, window=100, threads=4)
    assert 0.13 == pytest.approx(one.measure(500, 1000).values["p50"], rel=0.01)
    assert 0.1075 == pytest.approx(four.measure(500, 1000).values["p50"], rel=0.01)


def test_a_closed_loop_keeps_its_clients_busy() -> None:
    """By Little's law their number is the rate times the latency."""
    service = Service(cpu_seconds=0.01, clients=4, workers=2, wait_seconds=0.02)
    measured = service.measure(1000, 1000)
    assert 4 == pytest.approx(service.count / measured.seconds * measured.values["mean"], rel=0.02)


def test_no_more_cpu_is_used_than_the_limit_gives() -> None:
    """Whatever the family."""
    for family in FAMILIES:
        simulation = draw(0, family, COARSE, requests=400)
        limit = simulation.axes[0].first
        measured = simulation.service.measure(limit, limit)
        assert statistics.fmean(measured.cpu_samples) <= limit / 1000 * 1.02


def test_memory_grows_with_what_waits() -> None:
    """A backlog holds its requests."""
    service = Service(cpu_seconds=0.01, rate=50, base_memory=100 * MI, waiting_memory=MI)
    assert service.measure(300, 1000).memory > service.measure(1000, 1000).memory > 100 * MI


def test_a_pause_of_the_machine_is_seen_in_the_percentiles() -> None:
    """Two seconds of thirty."""
    service = Service(cpu_seconds=0.005, rate=50)
    assert service.measure(1000, 1000, stall=(10.0, 2.0)).values["p95"] > 0.5
    assert service.measure(1000, 1000).values["p95"] < 0.1


def test_a_slower_cpu_takes_more_of_it() -> None:
    """As a counter would show."""
    service = Service(cpu_seconds=0.005, rate=50)
    measured = service.measure(1000, 1000, slower=1.2).cpu_per_request
    assert math.log(1.2) == pytest.approx(math.log(measured / service.measure(1000, 1000).cpu_per_request))


def test_what_a_smaller_limit_saves_makes_no_request_faster() -> None:
    """A batching server takes a quarter of the CPU time on a quarter of the CPU, and a request alone as long."""
    service = Service(cpu_seconds=0.01, rate=1, distribution="constant", elasticity=1.0, full_cores=1.0)
    full, quarter = service.measure(1000, 1000), service.measure(250, 250)
    assert full.cpu_per_request / 4 == pytest.approx(quarter.cpu_per_request, rel=0.01)
    assert full.values["p50"] == pytest.approx(quarter.values["p50"], rel=0.01)


def test_busy_waiting_uses_cpu_and_delays_nothing() -> None:
    """Half of what the limit leaves over."""
    still = Service(cpu_seconds=0.01, rate=50)
    spinning = Service(cpu_seconds=0.01, rate=50, spin=0.5)
    a, b = still.measure(1000, 1000), spinning.measure(1000, 1000)
    assert a.values == b.values
    assert (0.02 + a.cpu_per_request) / 2 == pytest.approx(b.cpu_per_request, rel=0.05)


def test_a_server_with_a_limit_of_its_own_refuses_what_is_too_much() -> None:
    """With one request inside at a time, and a load of 80 %, many find it busy; none is answered late."""
    service = Service(cpu_seconds=0.01, rate=80, distribution="constant", most_inside=1)
    measured = service.measure(CORE, CORE)
    assert 0.3 < measured.refused < 0.6
    assert 0.01 == pytest.approx(measured.values["p99"], rel=0.01)


def test_rows_that_were_seen_before_cost_less() -> None:
    """All but the first 20 requests of a fresh server, all of one that has served them."""
    service = Service(cpu_seconds=0.01, rate=50, distribution="constant", cached_rows=20, cached=0.5)
    fresh, warm = service.measure(CORE, CORE), service.measure(CORE, CORE, warm=True)
    assert 0.01 == pytest.approx(max(fresh.latencies[:1]), rel=0.01)
    assert 0.005 == pytest.approx(warm.latencies[0], rel=0.01)


def test_starts_that_fail_are_no_evidence_and_the_run_goes_on() -> None:
    """Every start but the first finds the last server's port in use for a while."""
    simulation = draw(0, "ports in use", COARSE, requests=400)
    ended = simulation.run()
    assert isinstance(ended, Recommend | GiveUp)
    disturbed = [t for t in simulation.trials if t.outcome is Outcome.DISTURBED]
    assert all(t.load is None for t in disturbed)


def test_a_table_replaces_what_is_between_its_markers(tmp_path: Path) -> None:
    """And nothing else."""
    document = tmp_path / "a.md"
    document.write_text("a\n<!-- x begin -->\nold\n<!-- x end -->\nb\n")
    publish.replace("x", "\nnew | 1\n", document)
    assert "a\n<!-- x begin -->\nnew | 1\n<!-- x end -->\nb\n" == document.read_text()
    with pytest.raises(LookupError, match="y begin"):
        publish.replace("y", "", document)
