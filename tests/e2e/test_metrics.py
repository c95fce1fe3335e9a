"""Both sources of usage, each against the same server of known cost: what a request costs, and what else a row says."""

import os
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.e2e.support import Object, Profile, cost_profile, cost_server, find_condition

from modelprofiler.api.trial import Trial

CPU_SECONDS_PER_REQUEST = 0.010
MEMORY_MIB = 48
SOURCES = ("Kubelet", "Prometheus")


@pytest.fixture(scope="module")
def profiles(apply: Callable[[Object, str], Profile], module_namespace: str) -> dict[str, Profile]:
    """Profile one size with each source; all are in the queue at once."""
    size = {"cpu": {"values": ["800m"]}, "memory": {"values": ["128Mi"]}}
    server = cost_server(cpu_ms=CPU_SECONDS_PER_REQUEST * 1e3, memory_mib=MEMORY_MIB)
    # Over two or three samples: a sample that a busy machine takes late is the less wrong, the further they are apart.
    load = {"duration": "30s"}
    return {
        source: apply(
            cost_profile(
                source.lower(),
                server,
                resources=size,
                metrics={"source": source},
                load=load,
                search={"threads": "Auto"},
            ),
            module_namespace,
        )
        for source in SOURCES
        if source == "Kubelet" or os.environ.get("PROMETHEUS_URL")
    }


@pytest.fixture(scope="module", params=SOURCES)
def source(request: pytest.FixtureRequest, profiles: dict[str, Profile]) -> str:
    """Name a source that there is."""
    if request.param not in profiles:
        pytest.skip("PROMETHEUS_URL names no Prometheus that the operator can reach")
    return str(request.param)


@pytest.fixture(scope="module")
def row(source: str, profiles: dict[str, Profile], note: Callable[[str], None]) -> Trial:
    """Return the one row of the profile with this source; its size is the recommendation, verified by this trial."""
    status = profiles[source].succeeded()
    condition = find_condition(status, "MetricsAvailable")
    assert condition is not None
    reader = {"Kubelet": "the kubelet"}.get(source, source)
    assert ("True", f"Usage of the container is read from {reader}.") == (condition.status, condition.message)
    trial = status.trials[-1]
    assert trial.usage is not None
    note(f"{source}: {trial.usage.cpu_time_per_request} a request of 10ms, {trial.usage.samples} samples")
    return trial


def test_the_row_says_which_source_was_read(row: Trial, source: str) -> None:
    """Auto may choose either, so a reader must be able to tell."""
    assert row.usage is not None
    assert source == row.usage.source
    assert row.usage.samples >= 1


def test_a_request_costs_what_the_server_was_told_to_burn(row: Trial) -> None:
    """Within 5 %, from samples that come every 10 to 20 s: a difference of counters, never a rate."""
    assert row.usage is not None
    assert row.usage.cpu_time_per_request is not None
    assert pytest.approx(CPU_SECONDS_PER_REQUEST, rel=0.05) == row.usage.cpu_time_per_request.seconds


def test_the_memory_held_is_seen(row: Trial) -> None:
    """What the server holds, and an interpreter on top of it."""
    assert row.usage is not None
    assert row.usage.memory is not None
    assert MEMORY_MIB * 2**20 <= row.usage.memory.peak.bytes <= (MEMORY_MIB + 32) * 2**20


def test_memory_that_stays_is_no_leak(row: Trial, profiles: dict[str, Profile], source: str) -> None:
    """The interpreter's own start is not counted either."""
    assert row.usage is not None
    assert row.usage.memory is not None
    growth = row.usage.memory.growth_per1000_requests
    assert growth is None or not growth.value
    assert "Memory grows" not in profiles[source].succeeded().recommendations[0].explanation


def test_what_else_the_node_did_is_reported(row: Trial) -> None:
    """Where the load runs on the server's node, which it then sees."""
    if row.node is None:
        pytest.skip("the load ran on another node")
    assert row.node.cpus is not None
    assert row.node.other_cpu is not None
    assert row.node.other_cpu.millicores <= 1000 * row.node.cpus
    assert row.node.steal_percent is not None


def test_variables_that_sized_the_thread_pools_are_recommended(profiles: dict[str, Profile], source: str) -> None:
    """The server ran with them, at less than one core."""
    variables = profiles[source].succeeded().recommendations[0].env
    assert ("OMP_NUM_THREADS", "1") in [(variable.name, variable.value) for variable in variables]


def test_threads_throttling_and_the_time_to_ready_are_reported(row: Trial) -> None:
    """Each is a number; the server has one thread."""
    assert row.usage is not None
    assert row.usage.threads == 1
    assert row.usage.throttled_percent is not None
    assert 0 <= float(row.usage.throttled_percent) <= 100
    assert row.time_to_ready is not None
    assert row.time_to_ready.seconds >= 0


def test_all_sources_had_their_turn_one_after_the_other(profiles: dict[str, Profile]) -> None:
    """Two servers under load at once would disturb each other."""
    rows = sorted((p.finished().trials[-1] for p in profiles.values()), key=lambda row: row.start_time)
    for before, after in pairwise(rows):
        assert before.completion_time <= after.start_time
