"""The status of a run is built in one place from its facts, and keeps what those do not mention."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.status import (
    ContainerRecommendation,
    DatasetStatus,
    ModelProfileStatus,
    Provenance,
)
from modelprofiler.api.trial import Purpose, Size
from modelprofiler.core.conditions import Finding, RunState
from modelprofiler.core.drift import drift_of
from modelprofiler.core.status import (
    RunIdentity,
    is_accepted,
    is_finished,
    run_status,
    samples_read,
    seconds_used,
    updated_status,
)
from modelprofiler.core.steps import GiveUp, Recommend

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SPEC = spec_of()
IDENTITY = RunIdentity(
    "8c1f",
    DatasetStatus(rows=600, distinct_rows=600, largest_row=Quantity("1.2Ki"), digest="sha256:1"),
    resources_of(SPEC),
    Provenance(node="n1"),
)
RECOMMENDED = Recommend(
    ContainerRecommendation(container_name="server", requests=Size(), limits=Size()), Reason.VERIFIED, "It passed."
)


def trials() -> Trials:
    """Return two finished trials."""
    return Trials(SPEC).ran(Purpose.REFERENCE, "1", load=load_of(20)).ran(Purpose.BRACKET, "500m", load=load_of(90))


def test_a_running_run_has_its_identity_and_its_trials() -> None:
    """Nothing is recommended yet."""
    status = run_status(ModelProfileStatus(), RunState(3), IDENTITY, NOW, trials=trials(), started=NOW)
    assert (3, "8c1f", IDENTITY.dataset, IDENTITY.resources, IDENTITY.provenance) == (
        status.observed_generation,
        status.run_hash,
        status.dataset,
        status.resources,
        status.provenance,
    )
    assert (trials(), 2, drift_of(trials())) == (status.trials, status.trials_completed, status.drift)
    assert ([], NOW, None, None) == (
        status.recommendations,
        status.start_time,
        status.completion_time,
        status.active_trial,
    )
    assert not is_finished(status)
    assert is_accepted(status)


@pytest.mark.parametrize(
    ("result", "recommendations"),
    [(RECOMMENDED, [RECOMMENDED.recommendation]), (GiveUp(Reason.NO_FEASIBLE_SIZE, "Too slow."), [])],
    ids=["with a recommendation", "without one"],
)
def test_a_finished_run_has_what_its_result_recommends(
    result: Recommend | GiveUp, recommendations: list[ContainerRecommendation]
) -> None:
    """Finished is True however it ended."""
    state = RunState(1, result=result)
    status = run_status(ModelProfileStatus(), state, IDENTITY, NOW, trials=trials(), started=NOW, completed=LATER)
    assert recommendations == status.recommendations
    assert LATER == status.completion_time
    assert is_finished(status)


def test_a_recommendation_of_before_is_gone_while_the_run_searches_again() -> None:
    """Changed objectives make a finished run search further."""
    before = run_status(ModelProfileStatus(), RunState(1, result=RECOMMENDED), IDENTITY, NOW, trials=[], started=NOW)
    assert [] == run_status(before, RunState(2), IDENTITY, LATER, trials=[], started=NOW).recommendations


def test_an_update_keeps_every_other_field() -> None:
    """A queued profile keeps the trials that it has, and its place is rounded."""
    before = run_status(ModelProfileStatus(), RunState(1), IDENTITY, NOW, trials=trials(), started=NOW)
    status = updated_status(before, RunState(2, queue_position=17), LATER, start_time=None)
    assert (trials(), 2, "8c1f") == (status.trials, status.trials_completed, status.run_hash)
    assert (2, 20, None) == (status.observed_generation, status.queue_position, status.start_time)


def test_a_run_that_left_the_queue_has_no_place() -> None:
    """The place of before is not kept."""
    before = updated_status(ModelProfileStatus(), RunState(1, queue_position=2), NOW)
    assert updated_status(before, RunState(1), NOW).queue_position is None


def test_a_condition_that_does_not_change_keeps_its_time() -> None:
    """The conditions of before are those that are compared with."""
    before = updated_status(ModelProfileStatus(), RunState(1), NOW)
    after = updated_status(before, RunState(1, result=RECOMMENDED), LATER)
    times = {condition.type: condition.last_transition_time for condition in after.conditions}
    assert (NOW, LATER) == (times["Accepted"], times["Finished"])


def test_a_refused_profile_is_finished_and_not_accepted() -> None:
    """A client that waits for Finished does not wait for ever."""
    refused = RunState(1, refused=Finding(Reason.SOURCE_NOT_FOUND, "There is no ConfigMap x."))
    status = updated_status(ModelProfileStatus(), refused, NOW)
    assert (True, False) == (is_finished(status), is_accepted(status))


def test_a_status_without_conditions_is_neither() -> None:
    """Nobody has looked at the profile yet."""
    assert (False, False) == (is_finished(ModelProfileStatus()), is_accepted(ModelProfileStatus()))


def test_a_start_that_is_still_to_come_has_used_nothing() -> None:
    """The operator may go on where another clock is behind; what was used before a suspension counts all the same."""
    ahead = ModelProfileStatus(start_time=LATER)
    assert 0.0 == seconds_used(ahead, NOW)
    assert 63.0 == seconds_used(ahead.model_copy(update={"elapsed": Duration("63s")}), NOW)


def test_why_another_source_is_not_read_is_said() -> None:
    """Where the monitoring of the cluster is what keeps it from being read."""
    message = samples_read("Kubelet", "Prometheus has other labels").message
    assert "Usage of the container is read from the kubelet: Prometheus has other labels." == message


def test_the_source_of_samples_is_named() -> None:
    """In the message of MetricsAvailable."""
    finding = samples_read("Prometheus")
    assert Reason.SAMPLES_READ is finding.reason
    assert "Prometheus" in finding.message
