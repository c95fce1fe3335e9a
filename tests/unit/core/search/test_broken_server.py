"""A server that does not work: the message says why, and that more CPU or another objective would not help."""

from datetime import UTC, datetime

from modelprofiler.api.conditions import Reason
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import LoadStatus, Outcome, Purpose, Trial
from modelprofiler.core.judge import judge
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import GiveUp

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
RESOURCES = {"cpu": {"values": ["200m", "1"]}, "memory": {"values": ["128Mi", "1Gi"]}}
PROFILE = ModelProfile.parse(
    {
        "apiVersion": "modelprofiler.io/v1alpha1",
        "kind": "ModelProfile",
        "metadata": {"name": "broken", "namespace": "default"},
        "spec": {
            "server": {"template": {"spec": {"containers": [{"name": "server", "image": "i"}]}}},
            "dataset": {"source": {"inline": "row"}},
            "load": {"openLoop": {"rate": "10"}},
            "objectives": {"latency": {"p95": "100ms"}},
            "resources": RESOURCES,
        },
    }
)


def test_a_first_request_that_is_refused_ends_the_run_as_a_failed_reference() -> None:
    """Status 500 on the smoke request: the reason speaks of the server, and the advice is not to raise the range."""
    message = "the first request was answered with status 500: no model"
    trial = Trial(
        index=1,
        purpose=Purpose.REFERENCE,
        limits={"cpu": "1", "memory": "1Gi"},
        fresh=True,
        outcome=Outcome.ERRORS,
        message=message,
        start_time=EPOCH,
        completion_time=EPOCH,
    )
    step = next_step(PROFILE.spec, EffectiveResources.model_validate(RESOURCES), "server", "Cluster", [trial])
    assert GiveUp(Reason.REFERENCE_FAILED, f"Errors at the ceiling, 1 CPU and 1Gi memory: {message}") == step


def test_a_trial_with_errors_says_of_which_kind_they_were() -> None:
    """The commonest first, so that a crash under load is not taken for a slow answer."""
    load = LoadStatus.model_validate(
        {
            "requests": 100,
            "failures": 40,
            "failuresByKind": {"status": 10, "reset": 30},
            "rate": "10",
            "rowsCovered": 1,
            "duration": "10s",
            "latency": {"p95": "10ms"},
        }
    )
    verdict = judge(PROFILE.spec, load=load, usage=None, time_to_ready=None, reference=None)
    assert Outcome.ERRORS is verdict.outcome
    assert verdict.message.endswith(", over the objective of 1%; failures: 30 by reset, 10 by status")
