"""What a user reads at each point of a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster.objects import BIG, load_result, load_status, now, profile, raw_profile
from tests.unit.cluster.values import READ, a_job, a_row, active

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import (
    ContainerRecommendation,
    DatasetStatus,
    EffectiveResources,
    ModelProfileStatus,
    Provenance,
)
from modelprofiler.api.trial import ActiveTrial
from modelprofiler.cluster.decide import status
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.inputs import Inputs
from modelprofiler.cluster.gather.observation import Measured, Observation
from modelprofiler.cluster.gather.world import Node
from modelprofiler.cluster.settings import Settings
from modelprofiler.core import status as core_status
from modelprofiler.core.conditions import Finding
from modelprofiler.core.steps import GiveUp, Recommend
from modelprofiler.load.node.reading import NodeReading

DATASET = DatasetStatus(rows=3, distinct_rows=3, largest_row=Quantity(3), digest="sha256:d")
RANGE = EffectiveResources.model_validate({"cpu": {"values": ["1"]}, "memory": {"values": ["1Gi"]}})
ACCEPTED = Accepted(
    Inputs(DATASET, "requests.txt", "sha256:c", None), RANGE, "abc", Settings(scoring_image="scoring:1")
)
NOTHING = Observation()
SIZE = BIG.to_size()
RECOMMEND = Recommend(
    ContainerRecommendation(container_name="server", requests=SIZE, limits=SIZE), Reason.VERIFIED, "it was verified"
)
GIVE_UP = GiveUp(Reason.NO_FEASIBLE_SIZE, "it is too slow")
T0, T1, T2 = now(0), now(60), now(120)


def profile_with(**fields: Any) -> ModelProfile:
    """Return a profile with a status."""
    return profile().model_copy(update={"status": ModelProfileStatus(run_hash="abc", **fields)})


def running(p: ModelProfile, trial: ActiveTrial | None = None) -> ModelProfileStatus:
    """Return the status of a run that goes on in the second minute."""
    return status.running(p, ACCEPTED, trial, NOTHING, T2)


def over(p: ModelProfile, result: Recommend | GiveUp) -> ModelProfileStatus:
    """Return the status of a run that ends in the second minute."""
    return status.ended(p, ACCEPTED, result, NOTHING, T2)


def summaries(written: ModelProfileStatus) -> dict[str, str]:
    """Return status and reason by type of condition."""
    return {c.type: f"{c.status} {c.reason}" for c in written.conditions}


QUEUED = status.waiting(profile_with(), ACCEPTED, 2, T1)
LOADING = running(profile_with(start_time=T1), active())
HELD = status.held(
    profile(suspend=True).model_copy(update={"status": ModelProfileStatus(trials=[a_row()])}), ACCEPTED, NOTHING, T2
)
WINDING_DOWN = running(profile_with(start_time=T1, trials=[a_row()]))
SUCCEEDED = over(profile_with(start_time=T1, trials=[a_row()]), RECOMMEND)
FAILED = over(profile_with(start_time=T1, trials=[a_row()]), GIVE_UP)
REFUSED = status.refused(profile_with(trials=[a_row()]), Finding(Reason.SOURCE_NOT_FOUND, "there is no ConfigMap"), T1)

POINTS = {
    # Accepted, Finished, Succeeded, Ready, Reconciling, Stalled
    "it waits for its turn": (
        QUEUED,
        ("True Valid", "False Queued", "Unknown Queued", "False InProgress", "True InProgress", "False InProgress"),
    ),
    "a trial is under way": (
        LOADING,
        ("True Valid", "False Running", "Unknown Running", "False InProgress", "True InProgress", "False InProgress"),
    ),
    "what is left is removed": (
        WINDING_DOWN,
        ("True Valid", "False Running", "Unknown Running", "False InProgress", "True InProgress", "False InProgress"),
    ),
    "it is suspended": (
        HELD,
        ("True Valid", "False Suspended", "Unknown Suspended", "False Suspended", "False Suspended", "False Suspended"),
    ),
    "it has succeeded": (
        SUCCEEDED,
        ("True Valid", "True Verified", "True Verified", "True Recommended", "False Idle", "False Idle"),
    ),
    "it has failed": (
        FAILED,
        ("True Valid", "True NoFeasibleSize", "False NoFeasibleSize", "False Failed", "False Idle", "True Failed"),
    ),
    "it was not accepted": (
        REFUSED,
        (
            "False SourceNotFound",
            "True NotAccepted",
            "False NotAccepted",
            "False NotAccepted",
            "False Idle",
            "True NotAccepted",
        ),
    ),
}


@pytest.mark.parametrize("sentence", POINTS)
def test_the_conditions_say_where_a_run_is(sentence: str) -> None:
    """All seven are there, for this generation, also those that kstatus reads."""
    written, expected = POINTS[sentence]
    order = ("Accepted", "Finished", "Succeeded", "Ready", "Reconciling", "Stalled")
    assert dict(zip(order, expected, strict=True)) == {t: summaries(written)[t] for t in order}
    assert {t.value for t in ConditionType} == set(summaries(written))
    assert {1} == {c.observed_generation for c in written.conditions} | {written.observed_generation}


def test_a_message_says_what_is_waited_for() -> None:
    """The position in the queue, what the trial does, why it was refused."""
    messages = [next(c.message for c in s.conditions if c.type == "Finished") for s in (QUEUED, LOADING, REFUSED)]
    assert [
        "Waiting in the queue: number 2.",
        "Trial 1 (Reference): .",
        "there is no ConfigMap",
    ] == messages


def test_what_has_not_changed_keeps_its_time() -> None:
    """A status that is computed twice is the same."""
    again = running(profile_with(start_time=T1, conditions=LOADING.conditions), active())
    later = status.running(
        profile_with(start_time=T1, conditions=LOADING.conditions), ACCEPTED, active(), NOTHING, now(999)
    )
    assert LOADING.conditions == again.conditions == later.conditions


def test_the_times_of_a_run() -> None:
    """It starts when it leaves the queue, ends once, and a paused one starts anew."""
    fresh = running(profile_with(), active())
    over_again = over(profile_with(start_time=T0, completion_time=T1), RECOMMEND)
    assert [(T2, None), (T1, None), (None, None), (T1, T2), (T0, T1)] == [
        (s.start_time, s.completion_time) for s in (fresh, LOADING, HELD, SUCCEEDED, over_again)
    ]


def test_a_recommendation_is_shown_when_there_is_one() -> None:
    """A run that gave up has none."""
    assert [RECOMMEND.recommendation] == SUCCEEDED.recommendations
    assert [] == FAILED.recommendations


def test_finished_trials_stay_whatever_happens() -> None:
    """They are the state of the run."""
    assert [1] * 5 == [len(s.trials) for s in (HELD, WINDING_DOWN, SUCCEEDED, FAILED, REFUSED)]
    assert [1] * 5 == [s.trials_completed for s in (HELD, WINDING_DOWN, SUCCEEDED, FAILED, REFUSED)]


@pytest.mark.parametrize(
    ("expected", "measured"),
    [
        ("Unknown NotYetRead", None),
        ("Unknown NotYetRead", Measured(None, complete=False)),
        ("True SamplesRead", READ),
        ("False SourceUnreachable", Measured(None, complete=False, problem="no answer", reachable=False)),
        ("False NoSamples", Measured(None, complete=True, problem="no series")),
    ],
)
def test_metrics_are_available_when_samples_were_read(expected: str, measured: Measured | None) -> None:
    """Otherwise the message says why not."""
    observation = Observation(jobs=(a_job(measured=measured),))
    updated = status.running(profile_with(), ACCEPTED, active(), observation, T2)
    assert expected == summaries(updated)["MetricsAvailable"]


def test_metrics_that_were_read_once_stay_read_between_trials() -> None:
    """There is nothing to read then."""
    before = [Condition(type="MetricsAvailable", status="True", reason="SamplesRead", last_transition_time=T0)]
    assert "True SamplesRead" == summaries(running(profile_with(conditions=before)))["MetricsAvailable"]


def test_a_source_that_fails_after_the_usage_was_recorded_changes_nothing() -> None:
    """The pod is about to go then: a late look at it may find no answer, and no sample."""
    before = [Condition(type="MetricsAvailable", status="True", reason="SamplesRead", last_transition_time=T0)]
    row = a_row(usage=READ.usage)
    for late in (Measured(None, complete=False, problem="no answer", reachable=False), Measured(None, complete=True)):
        children = Observation(jobs=(a_job(measured=late),))
        updated = status.running(profile_with(conditions=before, trials=[row]), ACCEPTED, None, children, T2)
        assert "True SamplesRead" == summaries(updated)["MetricsAvailable"]


def test_provenance_is_what_the_run_began_with() -> None:
    """Not what the installation has become since."""
    assert LOADING.provenance is not None
    assert ("scoring:1", "sha256:c", "sha256:d") == (
        LOADING.provenance.scoring_image,
        LOADING.provenance.code_digest,
        LOADING.provenance.dataset_digest,
    )
    begun = Provenance(scoring_image="scoring:0")
    assert begun == running(profile_with(provenance=begun), active()).provenance


def test_provenance_names_the_node_and_what_runs_on_it() -> None:
    """As far as it is known: a node may be gone by then."""
    result = replace(load_result(load_status()), cpu_model="CPU 9000", cgroup_version="v2")
    provenance = status.on_node(
        Provenance(dataset_digest="d"),
        Node("node1", "host-1", None, "6.1.0", "v1.35.4"),
        "scoring@sha256:1",
        result,
        load_is_there=True,
    )
    assert ("CPU 9000", "v2") == (provenance.cpu_model, provenance.cgroup_version)
    assert ("d", "node1", "6.1.0", "v1.35.4", None) == (
        provenance.dataset_digest,
        provenance.node,
        provenance.kernel,
        provenance.kubelet_version,
        provenance.instance_type,
    )
    assert "gone" == status.on_node(Provenance(), Node("gone", "gone"), "i", None, load_is_there=False).node


def test_provenance_of_a_load_elsewhere_is_what_the_reader_saw() -> None:
    """The CPU of the load's own node is not that of the server's."""
    reading = NodeReading(cores=4, shared_cores=2, cpu_model="CPU 5000", cgroup_version="v2", kernel="6.1.0-uml")
    result = replace(load_result(load_status()), cpu_model="CPU 9000", cgroup_version="v1", node=reading)
    elsewhere = status.on_node(Provenance(), Node("node2", "host-2"), "i", result, load_is_there=False)
    assert ("CPU 5000", "v2", "6.1.0-uml", "static") == (
        elsewhere.cpu_model,
        elsewhere.cgroup_version,
        elsewhere.kernel,
        elsewhere.cpu_manager_policy,
    )
    unknown = status.on_node(
        Provenance(), Node("node2", "host-2"), "i", replace(result, node=None), load_is_there=False
    )
    assert (None, None, None) == (unknown.cpu_model, unknown.cgroup_version, unknown.cpu_manager_policy)


def test_a_profile_that_does_not_parse_keeps_what_was_recorded_but_the_active_trial() -> None:
    """Whatever it is: it cannot be read, and need not be."""
    raw = raw_profile() | {"status": {"trials": [{"index": 1}], "activeTrial": {"index": 2}, "runHash": "abc"}}
    updated = status.unreadable(raw, "spec.load: is required", T1)
    assert ([{"index": 1}], "abc", None, 1) == (
        updated["trials"],
        updated["runHash"],
        updated.get("activeTrial"),
        updated["observedGeneration"],
    )
    accepted = next(c for c in updated["conditions"] if c["type"] == "Accepted")
    assert ("False", "InvalidSpec", "spec.load: is required") == (
        accepted["status"],
        accepted["reason"],
        accepted["message"],
    )


def test_a_finished_status_and_a_refused_one_can_be_recognized() -> None:
    """A refused one is finished too, until it is edited."""
    assert [(False, False), (True, False), (True, False), (True, True)] == [
        (core_status.is_finished(s), not core_status.is_accepted(s)) for s in (LOADING, SUCCEEDED, FAILED, REFUSED)
    ]
