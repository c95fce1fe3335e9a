"""Which failures of a server say nothing about the size at which it ran."""

from dataclasses import replace

import pytest
from tests.unit.core.builders import NOON, load_of
from tests.unit.core.search.decisions import spec

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Attempt, Evidence, Failure, ResultKind
from modelprofiler.core.trial import finished_trial
from modelprofiler.load.result import LoadResult

MEBIBYTE = 2**20
CRASHED = Failure(Outcome.CRASHED, "the server ended with exit code 1: Address already in use", 1)
READY = Duration("2s")


def attempt(cpu: int, memory: int, *, fresh: bool = True, index: int = 2) -> Attempt:
    """Return a trial at a size, memory in MiB."""
    return Attempt(index, Purpose.BISECT, Limits(cpu, memory * MEBIBYTE), fresh, "Decide", NOON)


def passed(cpu: int, memory: int) -> Trial:
    """Return a trial of a new server that passed, memory in MiB."""
    evidence = Evidence(load=LoadResult(ResultKind.COMPLETED, status=load_of(100.0)), time_to_ready=READY)
    return finished_trial(spec(), attempt(cpu, memory, index=1), evidence, NOON, [])


@pytest.mark.parametrize(
    ("expected", "cpu", "memory"),
    [
        (Outcome.DISTURBED, 400, 256),
        (Outcome.DISTURBED, 1000, 512),
        (Outcome.CRASHED, 200, 256),
        (Outcome.CRASHED, 400, 128),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.NEVER_READY])
def test_a_start_that_fails_where_one_worked_is_not_evidence_about_the_size(
    expected: Outcome, cpu: int, memory: int, outcome: Outcome
) -> None:
    """At the same size or a smaller one; with less of either, the size may be the reason."""
    evidence = Evidence(failure=replace(CRASHED, outcome=outcome))
    trial = finished_trial(spec(), attempt(cpu, memory), evidence, NOON, [passed(400, 256)])
    assert (expected is Outcome.DISTURBED) == (trial.outcome is Outcome.DISTURBED)
    assert "Address already in use" in trial.message
    if expected is Outcome.DISTURBED:
        assert "although it had started at 400m CPU and 256Mi memory in trial 1" in trial.message


def loaded(failure: Failure) -> Evidence:
    """Return the evidence of a server that ended under load."""
    load = LoadResult(ResultKind.COMPLETED, status=load_of(100.0))
    return Evidence(failure=failure, load=load, time_to_ready=READY)


def test_a_server_that_ends_by_itself_would_do_so_at_any_size() -> None:
    """Exit code 0: as evidence it counts only where no size has passed, and ends the run there."""
    ended = loaded(Failure(Outcome.CRASHED, "the server ended with exit code 0: request limit", 0))
    first = finished_trial(spec(), attempt(1000, 512, index=1), ended, NOON, [])
    assert first.outcome is Outcome.CRASHED
    assert first.message.endswith("it ended by itself, so a larger size would not help")
    later = finished_trial(spec(), attempt(400, 256), ended, NOON, [passed(1000, 512)])
    assert later.outcome is Outcome.DISTURBED


def test_a_crash_of_a_resized_server_counts_once_a_new_one_crashes_too() -> None:
    """It has answered the requests of earlier trials, and was started with more."""
    ended = Evidence(failure=CRASHED, load=LoadResult(ResultKind.COMPLETED, status=load_of(100.0)))
    resized = finished_trial(spec(), attempt(400, 512, fresh=False), ended, NOON, [passed(1000, 512)])
    assert resized.outcome is Outcome.DISTURBED
    new = finished_trial(spec(), attempt(400, 512), replace(ended, time_to_ready=READY), NOON, [passed(1000, 512)])
    assert new.outcome is Outcome.CRASHED
