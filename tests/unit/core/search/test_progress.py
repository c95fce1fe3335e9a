"""The next step of a run in either shell: the search, its deadline, and a machine that cannot enforce limits."""

from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.decisions import CONFIRM, FAST, GOOD, REFERENCE, bracketed, spec
from tests.unit.core.search.simulator import resources_of

from modelprofiler.api.conditions import Reason
from modelprofiler.core.search.progress import Subject, progress
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step

WHY = "cgroups cannot be written"


def step_after(trials: Trials, elapsed: float | None = 0.0, *, not_enforced: str = "") -> Step:
    """Return the next step of a run with a deadline of an hour."""
    subject = Subject(trials.spec, resources_of(trials.spec), "server", "Local", not_enforced)
    return progress(subject, trials, elapsed)


def test_before_the_deadline_it_is_the_step_of_the_search() -> None:
    """Also at the very second, and for a run that has not started."""
    trials = bracketed()
    expected = next_step(trials.spec, resources_of(trials.spec), "server", "Local", trials)
    assert isinstance(expected, RunTrial)
    assert [expected] * 3 == [step_after(trials, elapsed) for elapsed in (0.0, 3600.0, None)]


def test_after_the_deadline_the_best_so_far_is_recommended() -> None:
    """It is not verified, and the message names the deadline."""
    step = step_after(bracketed(), 3600.1)
    assert isinstance(step, Recommend)
    assert Reason.NOT_VERIFIED is step.reason
    assert "search.deadline of 1h passed" in step.message


def test_a_deadline_before_any_pass_ends_the_run_without_a_recommendation() -> None:
    """There is nothing to recommend."""
    step = step_after(Trials(spec()), 3601)
    assert isinstance(step, GiveUp)
    assert Reason.DEADLINE_EXCEEDED is step.reason


def test_a_finished_search_is_not_changed_by_the_deadline() -> None:
    """A verified recommendation that arrives late is still verified."""
    trials = bracketed().ran(CONFIRM, "550m", "256Mi", load=GOOD)
    step = step_after(trials, 7200)
    assert isinstance(step, Recommend)
    assert Reason.VERIFIED is step.reason


def test_without_enforced_limits_the_reference_trial_is_the_only_one() -> None:
    """A forecast follows from it, which is never verified."""
    trials = Trials(spec())
    first = step_after(trials, not_enforced=WHY)
    assert isinstance(first, RunTrial)
    assert REFERENCE is first.purpose
    step = step_after(trials.ran(REFERENCE, "1", load=FAST), not_enforced=WHY)
    assert isinstance(step, Recommend)
    assert (Reason.NOT_VERIFIED, None) == (step.reason, step.recommendation.verification)
    assert f"The recommended size was not verified: {WHY}." == step.message


def test_without_enforced_limits_a_reference_that_fails_still_ends_the_run() -> None:
    """No forecast makes up for a server that is too slow on the whole machine."""
    slow = load_of(2000, p50=1900)
    step = step_after(Trials(spec()).ran(REFERENCE, "1", load=slow).ran(REFERENCE, "1", load=slow), not_enforced=WHY)
    assert isinstance(step, GiveUp)
    assert Reason.NO_FEASIBLE_SIZE is step.reason


def test_without_enforced_limits_no_pass_counts_as_verified() -> None:
    """Trials of an earlier run with limits do not change that."""
    step = step_after(bracketed().ran(CONFIRM, "550m", "256Mi", load=GOOD), not_enforced=WHY)
    assert isinstance(step, Recommend)
    assert (Reason.NOT_VERIFIED, None) == (step.reason, step.recommendation.verification)
