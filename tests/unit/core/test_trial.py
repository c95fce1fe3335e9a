"""What the evidence of a trial becomes, for a cluster and for this machine alike."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.core.builders import NOON, load_of
from tests.unit.core.search.decisions import spec

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import MemoryUsage, NodeLoad, Outcome, Purpose, Trial, UsageStatus
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Attempt, Evidence, Failure, ResultKind
from modelprofiler.core.judge import rejudge
from modelprofiler.core.steps import Window
from modelprofiler.core.trial import finished_trial, with_late_usage
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.result import LoadResult

SLOW_P95, FAST_P95 = 900.0, 100.0
MEASURED = UsageStatus(cpu=Quantity("200m"), memory=MemoryUsage(peak=Quantity("187Mi"), peak_source="Cgroup"))


def completed(p95: float = FAST_P95, **observed: Any) -> LoadResult:
    """Return a load that came to its end."""
    return LoadResult(ResultKind.COMPLETED, status=load_of(p95), **observed)


def trial(evidence: Evidence, window: Window = "Measure") -> Trial:
    """Return the row of a reference trial at 1 CPU."""
    attempt = Attempt(1, Purpose.REFERENCE, Limits(1000, 2**30), True, window, NOON)
    return finished_trial(spec(), attempt, evidence, NOON, [])


def test_a_trial_that_was_run_to_measure_usage_does_not_pass_without_it() -> None:
    """The message says why there is none; one that only decides needs none, and a failure stays a failure."""
    bare = Evidence(load=completed(), usage_problem="no sample came")
    row = trial(bare)
    assert (Outcome.NO_METRICS, "no sample came") == (row.outcome, row.message)
    assert Outcome.PASSED is trial(bare, "Decide").outcome
    assert Outcome.PASSED is trial(replace(bare, usage=MEASURED)).outcome
    assert Outcome.NO_METRICS is trial(replace(bare, usage=MEASURED.model_copy(update={"memory": None}))).outcome
    assert Outcome.SLOW is trial(replace(bare, load=completed(SLOW_P95))).outcome


@pytest.mark.parametrize(
    ("kind", "outcome", "message"),
    [
        (ResultKind.CONNECT_FAILED, Outcome.NEVER_READY, "it failed; last words"),
        (ResultKind.SMOKE_FAILED, Outcome.ERRORS, "it failed; last words"),
        (ResultKind.SATURATED, Outcome.GENERATOR_SATURATED, "it failed"),
        (ResultKind.FAILED, Outcome.LOAD_FAILED, "it failed"),
    ],
)
def test_a_load_that_failed_says_what_the_trial_is(kind: ResultKind, outcome: Outcome, message: str) -> None:
    """The server's last words are added where the failure is the server's."""
    row = trial(Evidence(load=LoadResult(kind, "it failed"), last_words="last words"))
    assert (outcome, message) == (row.outcome, row.message)


def test_what_the_shell_saw_comes_before_what_the_load_says() -> None:
    """A server that crashed explains a failed load."""
    crashed = Failure(Outcome.CRASHED, "exit code 1")
    row = trial(Evidence(failure=crashed, load=LoadResult(ResultKind.FAILED, "connection refused")))
    assert (Outcome.CRASHED, "exit code 1") == (row.outcome, row.message)


@pytest.mark.parametrize(
    ("expected", "busy", "steal", "own", "same"),
    [
        (Outcome.DISTURBED, 99, 0, 20, True),
        (Outcome.DISTURBED, 60, 40, 20, True),
        (Outcome.SLOW, 80, 0, 20, True),
        (Outcome.SLOW, 99, 0, 260, True),
        (Outcome.SLOW, 99, 0, 20, False),
        (Outcome.SLOW, None, 0, 20, True),
    ],
)
def test_a_machine_that_was_full_with_others_disturbed_the_trial(
    expected: Outcome, busy: float | None, steal: float, own: float, same: bool
) -> None:
    """Only where the load ran on the server's machine, and neither it nor the server had filled it."""
    load = completed(SLOW_P95, cores=4, busy_percent=busy, steal_percent=steal, cpu_percent=own)
    row = trial(Evidence(load=load, load_on_machine=same, machine="node n1"))
    assert expected is row.outcome
    assert row.message.startswith("node n1 had too little CPU left") == (expected is Outcome.DISTURBED)


def test_a_kubelet_tells_other_work_where_the_load_ran_elsewhere() -> None:
    """It is what the whole node used less what the server used; without one of the two it is not known."""
    elsewhere = Evidence(load=completed(), usage=MEASURED, load_on_machine=False, machine_cores=1.5)
    assert NodeLoad(other_cpu=Quantity("1300m")) == trial(elsewhere).node
    assert trial(replace(elsewhere, machine_cores=None)).node is None


def test_late_usage_joins_the_row_it_belongs_to() -> None:
    """A node load that is not known leaves the recorded one."""
    row = trial(Evidence(load=completed(cores=2, steal_percent=1.0)), "Decide")
    late = with_late_usage(spec(), [row], 1, MEASURED, None)
    assert (MEASURED, row.node, Outcome.PASSED) == (late.usage, row.node, late.outcome)


AT_LIMIT = MemoryUsage(peak=Quantity("400Mi"), peak_source="WorkingSet", lifetime_peak=Quantity("1023Mi"))


def killed_somewhere(*, kills: int | None = 2, on_machine: bool = False, **used: Any) -> Evidence:
    """Return the evidence of a load that met its objectives while the kernel killed something on the server's node."""
    usage = MEASURED.model_copy(update={"memory": AT_LIMIT, "source": "Kubelet", "oom_kills": 0} | used)
    load = completed(oom_kills=kills if on_machine else 0, node=NodeReading(oom_kills=kills))
    return Evidence(load=load, usage=usage, load_on_machine=on_machine, machine="node n1")


@pytest.mark.parametrize("on_machine", [True, False])
def test_a_kill_that_the_kubelet_does_not_know_of_counts_when_it_happens_again(on_machine: bool) -> None:
    """A master that replaces its workers passes otherwise, and each of them is killed."""
    evidence = killed_somewhere(on_machine=on_machine)
    first = trial(evidence)
    assert Outcome.DISTURBED is first.outcome
    assert first.message == (
        "the kernel's OOM killer ended 2 processes on node n1 during the load, and the container's memory had reached "
        "its limit of 1Gi, although no kill in it was counted; it counts if it happens again at this size"
    )
    again = finished_trial(
        spec(), Attempt(2, Purpose.REFERENCE, Limits(1000, 2**30), True, "Measure", NOON), evidence, NOON, [first]
    )
    assert Outcome.OOM_KILLED is again.outcome
    assert again.message.endswith("it happened again at this size")


@pytest.mark.parametrize(
    "evidence",
    [
        killed_somewhere(kills=0),
        killed_somewhere(kills=None),
        killed_somewhere(memory=AT_LIMIT.model_copy(update={"lifetime_peak": Quantity("900Mi")})),
        killed_somewhere(memory=AT_LIMIT.model_copy(update={"lifetime_peak": None})),
        killed_somewhere(source="Cgroup"),
    ],
)
def test_a_kill_elsewhere_on_the_machine_is_none_of_this_server(evidence: Evidence) -> None:
    """A server below its limit was not killed at it, and its own control group knows better."""
    assert Outcome.PASSED is trial(evidence).outcome


def test_a_message_that_is_too_long_for_the_status_is_cut_with_a_mark() -> None:
    """A traceback of a server may be of any length."""
    row = trial(Evidence(failure=Failure(Outcome.CRASHED, "x" * 5000)))
    assert 2048 == len(row.message)
    assert row.message.endswith("x…")


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(failure=Failure(Outcome.OOM_KILLED, "the kernel killed it")),
        Evidence(load=completed(), usage=MEASURED.model_copy(update={"oom_kills": 2})),
    ],
)
def test_a_resized_server_that_is_killed_for_memory_is_no_evidence(evidence: Evidence) -> None:
    """It held what the loads before had left; also when it is judged again. A fresh server's kill counts."""
    passed = trial(Evidence(load=completed(), usage=MEASURED))
    resized = Attempt(2, Purpose.BRACKET, Limits(500, 2**30), False, "Decide", NOON)
    row = finished_trial(spec(), resized, evidence, NOON, [passed])
    assert Outcome.DISTURBED is row.outcome
    assert "held the memory of earlier loads" in row.message
    assert Outcome.DISTURBED is rejudge(spec(), [passed, row])[1].outcome
    fresh = replace(resized, fresh=True)
    assert Outcome.OOM_KILLED is finished_trial(spec(), fresh, evidence, NOON, [passed]).outcome
