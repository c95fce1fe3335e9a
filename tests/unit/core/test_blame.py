"""Which failures of a server say nothing about the size at which it ran."""

from dataclasses import replace

import pytest
from tests.unit.core.builders import NOON, load_of
from tests.unit.core.search.decisions import spec

from modelprofiler.api.conditions import FailureCause
from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.answers.causes import MEANINGS
from modelprofiler.core.axis import Limits
from modelprofiler.core.evidence import Attempt, Evidence, Failure, ResultKind
from modelprofiler.core.trial import finished_trial
from modelprofiler.load.result import LoadResult

MEBIBYTE = 2**20
CRASHED = Failure(Outcome.CRASHED, "the server ended with exit code 1: something went wrong", 1)
READY = Duration("2s")


def attempt(cpu: int, memory: int, *, fresh: bool = True, index: int = 2) -> Attempt:
    """Return a trial at a size, memory in MiB."""
    return Attempt(index, Purpose.BISECT, Limits(cpu, memory * MEBIBYTE), fresh, "Decide", NOON)


def passed(cpu: int, memory: int) -> Trial:
    """Return a trial of a new server that passed, memory in MiB."""
    evidence = Evidence(load=LoadResult(ResultKind.COMPLETED, status=load_of(100.0)), time_to_ready=READY)
    return finished_trial(spec(), attempt(cpu, memory, index=1), evidence, NOON, [])


@pytest.mark.parametrize(("cpu", "memory"), [(400, 256), (1000, 512)])
@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.NEVER_READY])
def test_a_start_that_fails_where_one_worked_is_not_evidence_about_the_size(
    cpu: int, memory: int, outcome: Outcome
) -> None:
    """At the same size or a smaller one."""
    evidence = Evidence(failure=replace(CRASHED, outcome=outcome))
    trial = finished_trial(spec(), attempt(cpu, memory), evidence, NOON, [passed(400, 256)])
    assert Outcome.DISTURBED is trial.outcome
    assert "although it had started at 400m CPU and 256Mi memory in trial 1: the server ended" in trial.message


@pytest.mark.parametrize(("cpu", "memory"), [(200, 256), (400, 128)])
def test_a_crash_for_no_reason_that_it_names_counts_when_it_is_repeated(cpu: int, memory: int) -> None:
    """With less of either, the size may be the reason; or a licence, a full disk, the time of day."""
    evidence, trials = Evidence(failure=CRASHED), [passed(400, 256)]
    once = finished_trial(spec(), attempt(cpu, memory), evidence, NOON, trials)
    again = finished_trial(spec(), attempt(cpu, memory, index=3), evidence, NOON, [*trials, once])
    assert (Outcome.DISTURBED, Outcome.CRASHED) == (once.outcome, again.outcome)
    assert "the crash counts only if it happens again at this size" in once.message
    assert "counts only" not in again.message
    assert Outcome.CRASHED is finished_trial(spec(), attempt(cpu, memory), evidence, NOON, []).outcome
    late = Evidence(failure=replace(CRASHED, outcome=Outcome.NEVER_READY))
    assert Outcome.NEVER_READY is finished_trial(spec(), attempt(cpu, memory), late, NOON, trials).outcome


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (FailureCause.PORT_IN_USE, "OSError: [Errno 98] Address already in use"),
        (FailureCause.PORT_IN_USE, "Error: listen EADDRINUSE: address already in use :::8080"),
        (FailureCause.PORT_IN_USE, "Web server failed to start. Port 8080 was already in use."),
        (FailureCause.OPEN_FILES, "accept4: Too many open files; retrying in 1s"),
        (FailureCause.PROCESSES, "RuntimeError: can't start new thread"),
        (FailureCause.PROCESSES, "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory"),
        (FailureCause.DISK_FULL, "OSError: [Errno 28] No space left on device"),
        (FailureCause.LICENCE, "FATAL: license expired on 2026-01-01"),
        (FailureCause.LICENCE, "no valid license was found for this host"),
        (FailureCause.DEVICE, "RuntimeError: Found no NVIDIA driver on your system."),
        (FailureCause.DEVICE, "the server was killed by SIGILL, and printed nothing"),
        (FailureCause.ARCHITECTURE, "exec /usr/bin/server: exec format error"),
        (FailureCause.DEPENDENCY, "ModuleNotFoundError: No module named 'sklearn'"),
        (FailureCause.DEPENDENCY, "error while loading shared libraries: libgomp.so.1: cannot open shared object file"),
        (FailureCause.PERMISSION, "PermissionError: [Errno 13] Permission denied: '/models'"),
        (FailureCause.NETWORK, "socket.gaierror: [Errno -3] Temporary failure in name resolution"),
    ],
)
def test_a_cause_that_no_size_can_fix_is_no_evidence_about_a_size(cause: FailureCause, text: str) -> None:
    """At the largest size it ends the run and is named; at a smaller one, where a larger has passed, it is repeated."""
    evidence = Evidence(failure=Failure(Outcome.CRASHED, f"the server ended with exit code 1: {text}", 1))
    first = finished_trial(spec(), attempt(1000, 512, index=1), evidence, NOON, [])
    assert (Outcome.CRASHED, cause) == (first.outcome, first.cause)
    assert f"; {MEANINGS[cause].advice}" in first.message
    for index in (2, 3):
        later = finished_trial(spec(), attempt(200, 128, index=index), evidence, NOON, [passed(400, 256)])
        assert (Outcome.DISTURBED, cause) == (later.outcome, later.cause)


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (FailureCause.OUT_OF_MEMORY, "MemoryError"),
        (
            FailureCause.OUT_OF_MEMORY,
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        ),
        (FailureCause.OUT_OF_MEMORY, "java.lang.OutOfMemoryError: Java heap space"),
        (FailureCause.WORKERS_ENDED, "[2026-01-01 12:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:8)"),
    ],
)
def test_a_cause_that_a_size_changes_counts_at_once(cause: FailureCause, text: str) -> None:
    """A runtime that says that it lacks memory need not say it twice."""
    evidence = Evidence(failure=Failure(Outcome.CRASHED, f"the server ended with exit code 1: {text}", 1))
    trial = finished_trial(spec(), attempt(400, 128), evidence, NOON, [passed(400, 256)])
    assert (Outcome.CRASHED, cause) == (trial.outcome, trial.cause)


def test_a_server_that_runs_may_have_gone_on_without_what_it_lacked() -> None:
    """A file that is not there is a warning of many servers; a port that it cannot bind is not."""
    log = "the server runs: config.yaml: No such file or directory, using defaults"
    late = Failure(Outcome.NEVER_READY, f"the server was not ready within 15s: nothing listens; {log}")
    assert finished_trial(spec(), attempt(200, 128), Evidence(failure=late), NOON, [passed(400, 256)]).cause is None
    bound = replace(late, message="the server runs: [Errno 98] Address already in use; retrying")
    trial = finished_trial(spec(), attempt(200, 128), Evidence(failure=bound), NOON, [passed(400, 256)])
    assert (Outcome.DISTURBED, FailureCause.PORT_IN_USE) == (trial.outcome, trial.cause)


def loaded(failure: Failure) -> Evidence:
    """Return the evidence of a server that ended under load."""
    load = LoadResult(ResultKind.COMPLETED, status=load_of(100.0))
    return Evidence(failure=failure, load=load, time_to_ready=READY)


def test_a_server_that_ends_by_itself_would_do_so_at_any_size() -> None:
    """Exit code 0: as evidence it counts only where no size has passed, and ends the run there."""
    ended = loaded(Failure(Outcome.CRASHED, "the server ended with exit code 0: request limit", 0))
    first = finished_trial(spec(), attempt(1000, 512, index=1), ended, NOON, [])
    assert first.outcome is Outcome.CRASHED
    assert (FailureCause.ENDED_BY_ITSELF, True) == (first.cause, "so a larger size would not help" in first.message)
    later = finished_trial(spec(), attempt(400, 256), ended, NOON, [passed(1000, 512)])
    assert later.outcome is Outcome.DISTURBED


def test_a_crash_of_a_resized_server_counts_once_a_new_one_crashes_too() -> None:
    """It has answered the requests of earlier trials, and was started with more."""
    ended = Evidence(failure=CRASHED, load=LoadResult(ResultKind.COMPLETED, status=load_of(100.0)))
    resized = finished_trial(spec(), attempt(400, 512, fresh=False), ended, NOON, [passed(1000, 512)])
    assert resized.outcome is Outcome.DISTURBED
    tries = [passed(1000, 512), resized]
    new = finished_trial(spec(), attempt(400, 512, index=3), replace(ended, time_to_ready=READY), NOON, tries)
    assert new.outcome is Outcome.CRASHED
