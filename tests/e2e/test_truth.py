"""A server of known cost: what is measured is what it burns and holds, what is recommended is what that implies."""

import statistics
from collections.abc import Callable

import pytest
from benchmarks.implied import p95_at
from tests.e2e.support import Object, Profile, cost_profile, cost_server, trial_with

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Outcome, Purpose, Trial

CPU_SECONDS_PER_REQUEST = 0.010
RATE = 20.0
OBJECTIVE_SECONDS = 1.0
"""Four times what the smallest size that keeps up needs, and far below what any smaller one does: whatever else the
machine does, it is a different size that meets it only when something is measured wrongly."""
CPU = range(100, 601, 50)
"""Millicores."""

HELD_MIB, INTERPRETER_MIB, STEP_MIB = 96, 24, 16


@pytest.fixture(scope="module")
def profile(apply: Callable[[Object, str], Profile], module_namespace: str) -> Profile:
    """Profile the server with neither margin; Auto chooses the source."""
    return apply(
        cost_profile(
            "truth",
            cost_server(cpu_ms=CPU_SECONDS_PER_REQUEST * 1e3, memory_mib=HELD_MIB),
            load={"openLoop": {"rate": f"{RATE:g}"}},
            objectives={"latency": {"p95": f"{OBJECTIVE_SECONDS * 1e3:g}ms"}},
            resources={
                "cpu": {"min": f"{CPU[0]}m", "max": f"{CPU[-1]}m", "step": f"{CPU.step}m"},
                "memory": {"min": "64Mi", "max": "256Mi", "step": f"{STEP_MIB}Mi"},
            },
            search={"repetitions": 2, "maxTrials": 20},
        ),
        module_namespace,
    )


@pytest.fixture(scope="module")
def status(profile: Profile, note: Callable[[str], None]) -> ModelProfileStatus:
    """Return the status at the end of the run."""
    status = profile.succeeded(within=1200)
    note(f"truth: {len(status.trials)} trials, {[f'{t.purpose} {t.limits.cpu} {t.outcome}' for t in status.trials]}")
    return status


@pytest.fixture(scope="module")
def reference(status: ModelProfileStatus) -> Trial:
    """Return the row of the Reference trial."""
    return trial_with(status, Purpose.REFERENCE)


def test_the_cpu_time_of_a_request_is_what_the_server_burns(
    status: ModelProfileStatus, note: Callable[[str], None]
) -> None:
    """Within 5 %, at whatever size: the median of the trials that kept up."""
    usages = [trial.usage for trial in status.trials if trial.outcome is Outcome.PASSED]
    times = [used.cpu_time_per_request for used in usages if used is not None]
    measured = [time.seconds for time in times if time is not None]
    note(f"truth: CPU time of a request {[f'{seconds * 1e3:.2f}ms' for seconds in measured]}, 10ms burnt")
    assert pytest.approx(CPU_SECONDS_PER_REQUEST, rel=0.05) == statistics.median(measured)


def test_the_cpu_recommended_is_what_the_cost_implies(status: ModelProfileStatus, note: Callable[[str], None]) -> None:
    """Within one step of the smallest size at which a queue with this cost meets the objective."""
    implied = next(size for size in CPU if p95_at(size / 1000, CPU_SECONDS_PER_REQUEST, RATE) <= OBJECTIVE_SECONDS)
    recommended = status.recommendations[0].limits.cpu
    assert recommended is not None
    note(f"truth: {recommended} CPU recommended, {implied}m implied")
    assert abs(recommended.millicores - implied) <= CPU.step, status.recommendations[0].explanation


def test_the_memory_recommended_is_what_is_held(status: ModelProfileStatus, note: Callable[[str], None]) -> None:
    """Not less than that, and not more than an interpreter and a step of the range beyond it."""
    recommended = status.recommendations[0].limits.memory
    assert recommended is not None
    note(f"truth: {recommended} memory recommended, {HELD_MIB}Mi held")
    assert HELD_MIB * 2**20 <= recommended.bytes <= (HELD_MIB + INTERPRETER_MIB + STEP_MIB) * 2**20


def test_auto_says_which_source_it_chose(reference: Trial) -> None:
    """Prometheus where its series exist, else the kubelet."""
    assert reference.usage is not None
    assert reference.usage.source in ("Prometheus", "Kubelet")
