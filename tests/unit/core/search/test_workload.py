"""Today's size of a workload: its Baseline trial, and what the recommended size saves."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cluster.objects import BIG, MI
from tests.unit.cluster.values import REFERENCE, a_row

from modelprofiler.api.conditions import Reason
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Outcome, Purpose, Size, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.workload import Workload, baseline_step, compared
from modelprofiler.core.steps import GiveUp, Recommend

ENOUGH = Size(cpu=Quantity("400m"), memory=Quantity("512Mi"))
TODAY = Limits(2000, 4096 * MI)


def size(cpu: str = "", memory: str = "") -> Size:
    """Return a size; a part of it may be missing."""
    return Size(cpu=Quantity(cpu) if cpu else None, memory=Quantity(memory) if memory else None)


def workload(requests: Size | None = None, limits: Size | None = None, replicas: int | None = 3) -> Workload:
    """Return a Deployment, by default of 2 CPUs and 4 GiB."""
    return Workload("Deployment shop", requests or size("2", "4Gi"), limits or size(), replicas)


def baseline(index: int = 2, outcome: Outcome = Outcome.PASSED, limits: Limits = TODAY) -> Trial:
    """Return a finished Baseline trial."""
    return a_row(index, purpose=Purpose.BASELINE, limits=limits.to_size(), outcome=outcome)


def recommended(workload: Workload, *trials: Trial) -> Recommend:
    """Return the recommendation of 400m and 512Mi, compared with today's size."""
    plain = ContainerRecommendation(container_name="server", requests=ENOUGH, limits=ENOUGH)
    step = compared(Recommend(plain, Reason.VERIFIED, "Trial 5 passed."), workload, BIG, trials)
    assert isinstance(step, Recommend)
    return step


def test_todays_size_is_tried_once_the_reference_has_passed() -> None:
    """At the limits, or else at the requests; once where it says something, three times where it does not."""
    step = baseline_step(workload(), BIG, [a_row()])
    assert step is not None
    assert (Purpose.BASELINE, TODAY, True, "Measure") == (step.purpose, step.limits, step.fresh, step.window)
    limited = baseline_step(workload(limits=size("3")), BIG, [a_row()])
    assert limited is not None
    assert Limits(3000, 4096 * MI) == limited.limits
    disturbed = [baseline(index, Outcome.DISTURBED) for index in (2, 3)]
    assert baseline_step(workload(), BIG, [a_row(), *disturbed]) is not None
    assert baseline_step(workload(), BIG, [a_row(), *disturbed, baseline(4, Outcome.DISTURBED)]) is None


@pytest.mark.parametrize(
    ("sentence", "workload", "trials"),
    [
        ("there is no reference yet", workload(), []),
        ("the reference failed", workload(), [a_row(step=REFERENCE, outcome=Outcome.SLOW)]),
        ("it was tried", workload(), [a_row(), baseline()]),
        ("it was too slow, which is a result", workload(), [a_row(), baseline(outcome=Outcome.SLOW)]),
        ("memory is not set", workload(size("2")), [a_row()]),
        ("the reference is at this size", workload(size("1", "1Gi")), [a_row()]),
    ],
)
def test_no_trial_at_todays_size_is_run_in_vain(sentence: str, workload: Workload, trials: list[Any]) -> None:
    """Nor is one run where there is no such size."""
    assert (sentence, None) == (sentence, baseline_step(workload, BIG, trials))


def test_what_is_saved_is_reported_for_each_replica_and_for_all() -> None:
    """In the recommendation and in its sentence, with how today's size did."""
    step = recommended(workload(), a_row(), baseline())
    saved, current = step.recommendation.savings, step.recommendation.current
    assert saved is not None
    assert current is not None
    assert {
        "perReplica": {"cpu": "1600m", "memory": "3584Mi"},
        "allReplicas": {"cpu": "4800m", "memory": "10752Mi"},
    } == saved.to_dict()
    assert {"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {}, "replicas": 3, "trial": 2} == current.to_dict()
    assert step.message == (
        "Trial 5 passed. Today Deployment shop requests 2 CPU and 4Gi of memory for this container; the recommended "
        "size saves 1600m CPU and 3584Mi of memory for each replica, 4800m CPU and 10752Mi of memory for all 3. At 2 "
        "CPU and 4Gi memory trial 2 met the objectives."
    )


def test_a_size_that_is_too_small_today_is_reported() -> None:
    """By how much, and by which trial."""
    step = recommended(
        workload(size("200m", "1Gi")), a_row(), baseline(outcome=Outcome.SLOW, limits=Limits(200, 1024 * MI))
    )
    assert (
        "the recommended size saves 512Mi of memory for each replica, 1536Mi of memory for all 3; the recommended size "
        "is 200m CPU larger. At 200m CPU and 1Gi memory trial 2 ended as Slow."
    ) in step.message


def test_a_workload_that_requests_nothing_saves_nothing() -> None:
    """Nothing is made up."""
    step = recommended(workload(size(), size()))
    assert step.recommendation.savings is None
    assert "Today Deployment shop requests nothing for this container." in step.message


def test_a_run_that_ends_without_a_recommendation_stays_unchanged() -> None:
    """There is nothing to compare."""
    step = GiveUp(Reason.NO_FEASIBLE_SIZE, "none")
    assert step == compared(step, workload(), BIG, [])
