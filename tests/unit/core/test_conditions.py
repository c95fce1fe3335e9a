from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Size
from modelprofiler.core.conditions import Finding, RunState, conditions_for
from modelprofiler.core.steps import GiveUp, Recommend

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
RECOMMENDATION = ContainerRecommendation(container_name="server", requests=Size(), limits=Size())
VERIFIED = Recommend(RECOMMENDATION, Reason.VERIFIED, "It was verified.")
NOT_VERIFIED = Recommend(RECOMMENDATION, Reason.NOT_VERIFIED, "It was not verified.")
NO_SIZE = GiveUp(Reason.NO_FEASIBLE_SIZE, "Nothing is large enough.")
NOT_FOUND = Finding(Reason.SOURCE_NOT_FOUND, "There is no ConfigMap x.")

STATES = {
    "not looked at": RunState(1, checked=False),
    "refused": RunState(1, refused=NOT_FOUND),
    "queued": RunState(1, queue_position=2),
    "running": RunState(1, active="Trial 3 runs at 300m."),
    "suspended": RunState(1, suspended=True),
    "verified": RunState(1, result=VERIFIED),
    "not verified": RunState(1, result=NOT_VERIFIED),
    "infeasible": RunState(1, result=NO_SIZE),
}

# Accepted, Finished, Succeeded, Ready, Reconciling, Stalled: T, F or U, and the reason of Succeeded.
TABLE = {
    "not looked at": ("U F U U T F", Reason.NOT_SEEN),
    "refused": ("F T F F F T", Reason.NOT_ACCEPTED),
    "queued": ("T F U F T F", Reason.QUEUED),
    "running": ("T F U F T F", Reason.RUNNING),
    "suspended": ("T F U F F F", Reason.SUSPENDED),
    "verified": ("T T T T F F", Reason.VERIFIED),
    "not verified": ("T T T T F F", Reason.NOT_VERIFIED),
    "infeasible": ("T T F F F T", Reason.NO_FEASIBLE_SIZE),
}


def by_type(state: RunState, previous: list[Condition] | None = None, now: datetime = NOW) -> dict[str, Condition]:
    """Return the conditions by their type."""
    return {c.type: c for c in conditions_for(state, previous or [], now)}


@pytest.mark.parametrize("state", STATES)
def test_the_conditions_of_a_run_that_is(state: str) -> None:
    """Each state of a run has one row."""
    conditions = by_type(STATES[state])
    types = ("Accepted", "Finished", "Succeeded", "Ready", "Reconciling", "Stalled")
    statuses, reason = TABLE[state]
    assert statuses == " ".join(conditions[t].status[0] for t in types)
    assert reason == conditions["Succeeded"].reason


@pytest.mark.parametrize("state", STATES)
def test_all_seven_are_set_at_first_sight(state: str) -> None:
    """A script can wait for any of them from the first write on."""
    assert [t.value for t in ConditionType] == [c.type for c in conditions_for(STATES[state], [], NOW)]


@pytest.mark.parametrize(
    ("metrics", "status", "reason"),
    [
        (None, "Unknown", Reason.METRICS_UNKNOWN),
        (Finding(Reason.SAMPLES_READ, "From the kubelet."), "True", Reason.SAMPLES_READ),
        (Finding(Reason.NO_SAMPLES, "None yet."), "False", Reason.NO_SAMPLES),
        (Finding(Reason.SOURCE_UNREACHABLE, "No answer."), "False", Reason.SOURCE_UNREACHABLE),
    ],
)
def test_metrics_are_available_once_samples_were_read(metrics: Finding | None, status: str, reason: Reason) -> None:
    """Positive, negative and unknown."""
    condition = by_type(replace(STATES["running"], metrics=metrics))["MetricsAvailable"]
    assert (status, reason) == (condition.status, condition.reason)


def test_the_message_says_what_is_going_on() -> None:
    """The message of the active trial, and the place in the queue."""
    assert by_type(STATES["running"])["Succeeded"].message == "Trial 3 runs at 300m."
    assert "number 2" in by_type(STATES["queued"])["Finished"].message


def test_a_time_of_transition_stays_while_the_status_does() -> None:
    """From queued to running Succeeded stays Unknown: only its reason changes."""
    before = conditions_for(STATES["queued"], [], NOW)
    condition = by_type(STATES["running"], before, LATER)["Succeeded"]
    assert (Reason.RUNNING, NOW) == (condition.reason, condition.last_transition_time)


def test_a_time_of_transition_moves_with_the_status() -> None:
    """From running to verified Succeeded becomes True, and Accepted stays so."""
    condition = by_type(STATES["verified"], conditions_for(STATES["running"], [], NOW), LATER)
    assert (LATER, NOW) == (condition["Succeeded"].last_transition_time, condition["Accepted"].last_transition_time)


def test_conditions_speak_of_a_generation() -> None:
    """The one that was looked at."""
    assert {7} == {c.observed_generation for c in conditions_for(RunState(7), [], NOW)}


def test_what_may_mislead_is_a_part_of_the_acceptance() -> None:
    """A profile that can be run and is odd is accepted with a remark."""
    state = RunState(generation=1, warnings=("the dataset has 3 distinct rows of 40",))
    accepted = conditions_for(state, [], NOW)[0]
    expected = "The profile can be run as it is written. But the dataset has 3 distinct rows of 40."
    assert ("True", expected) == (accepted.status, accepted.message)
