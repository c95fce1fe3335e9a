"""Where only the ceiling can be tried, a model of the queue says what may be enough; nothing is called verified."""

from tests.unit.core.builders import Trials, load_of
from tests.unit.core.search.decisions import FAST, REFERENCE, spec
from tests.unit.core.search.simulator import resources_of

from modelprofiler.api.conditions import Reason
from modelprofiler.core.search.estimate import estimate
from modelprofiler.core.steps import Recommend

WHY = "limits cannot be enforced here"


def estimate_after(trials: Trials) -> Recommend | None:
    """Return what is expected after these trials."""
    return estimate(trials.spec, resources_of(trials.spec), "server", "Local", trials, why=WHY)


def test_the_smallest_cpu_that_the_queue_needs_is_expected() -> None:
    """50 requests/s of 8ms need 400m; the objective leaves room for little less than half of that again."""
    estimate = estimate_after(Trials(spec()).ran(REFERENCE, "1", load=FAST))
    assert estimate is not None
    cpu = estimate.recommendation.limits.cpu
    assert cpu is not None
    assert 400 < cpu.millicores <= 600
    assert "at the ceiling the load used 400m CPU" in estimate.message


def test_it_is_never_verified() -> None:
    """Also where the size is the one that was measured, and the sentence says why."""
    estimate = estimate_after(Trials(spec(resources=ONE)).ran(REFERENCE, "1", load=FAST))
    assert estimate is not None
    assert (None, Reason.NOT_VERIFIED) == (estimate.recommendation.verification, estimate.reason)
    assert WHY in estimate.message


def test_a_server_that_is_too_slow_without_limits_gives_no_estimate() -> None:
    """The search says what is wrong then."""
    assert estimate_after(Trials(spec()).ran(REFERENCE, "1", load=load_of(900))) is None


ONE = {"cpu": {"values": ["1"]}, "memory": {"values": ["1Gi"]}}
