"""What a run means for its workload: today's size, the one that is enough, and the difference."""

from typing import Any

import pytest
from tests.unit.report import runs

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import CurrentSize, Variable, Verification
from modelprofiler.api.trial import Size
from modelprofiler.plugin.result import render
from modelprofiler.report.record import RunRecord


def size(cpu: str | None, memory: str | None) -> Size:
    """Return a size."""
    return Size(cpu=Quantity(cpu) if cpu else None, memory=Quantity(memory) if memory else None)


def profile_with(requests: Size, today: Size, replicas: int | None = 3, **changes: Any) -> ModelProfile:
    """Return a profile with this size today; 400m and 224Mi are enough."""
    verified = runs.verified().profile
    [recommendation] = verified.status.recommendations
    current = CurrentSize(requests=requests, limits=today, replicas=replicas)
    changed = recommendation.model_copy(update={"current": current, **changes})
    return verified.model_copy(update={"status": verified.status.model_copy(update={"recommendations": [changed]})})


def table(profile: ModelProfile) -> list[list[str]]:
    """Return the words of the table's lines."""
    lines = render(profile, "Deployment shop", 100).splitlines()
    return [line.split() for line in lines[2:7]]


def test_the_difference_is_that_of_a_replica_and_of_all() -> None:
    """A size that is smaller has a minus, and one that is larger a plus."""
    assert [
        ["TODAY", "ENOUGH", "DIFFERENCE", "ALL", "3", "REPLICAS"],
        ["cpu", "request", "2", "400m", "-1600m", "-4800m"],
        ["cpu", "limit", "300m", "400m", "+100m", "+300m"],
        ["memory", "request", "224Mi", "224Mi", "0", "0"],
        ["memory", "limit", "1Gi", "224Mi", "-800Mi", "-2400Mi"],
    ] == table(profile_with(size("2", "224Mi"), size("300m", "1Gi")))


def test_what_is_not_set_today_has_no_difference() -> None:
    """A request that is not set is the limit, as for the API server."""
    assert [
        ["cpu", "request", "2", "400m", "-1600m", "-4800m"],
        ["cpu", "limit", "2", "400m", "-1600m", "-4800m"],
        ["memory", "request", "not", "set", "224Mi", "–", "–"],
        ["memory", "limit", "not", "set", "224Mi", "–", "–"],
    ] == table(profile_with(size(None, None), size("2", None)))[1:]


@pytest.mark.parametrize("replicas", [None, 0])
def test_without_replicas_there_is_no_column_for_them(replicas: int | None) -> None:
    """A DaemonSet does not say how many it has."""
    assert ["TODAY", "ENOUGH", "DIFFERENCE"] == table(profile_with(size("2", "1Gi"), size("2", "1Gi"), replicas))[0]


def test_a_recommendation_without_a_cpu_limit_says_so() -> None:
    """recommendation.cpuLimit None recommends none."""
    profile = profile_with(size("2", "1Gi"), size("2", "1Gi"), limits=size(None, "224Mi"))
    assert ["cpu", "limit", "2", "not", "set", "–", "–"] == table(profile)[2]


def test_what_verifies_the_size_stands_below_the_table() -> None:
    """The line says for how many rows it is verified."""
    verification = Verification(trial=5, environment="Cluster", p95=Duration("12ms"), rows="234 of 3000")
    text = render(profile_with(size("2", "1Gi"), size("2", "1Gi"), verification=verification), "Deployment shop", 100)
    assert text.startswith("Deployment shop, container server: Verified\n")
    assert "\nVerified by trial 5 in this cluster, p95 12ms, 234 of 3000 rows sent\n" in text
    assert "Trial 5 ran at exactly 400m CPU" in text


def test_what_no_trial_verifies_is_called_that() -> None:
    """The first line says so, and nothing below the table says otherwise."""
    text = render(profile_with(size("2", "1Gi"), size("2", "1Gi"), verification=None), "Deployment shop", 100)
    assert text.startswith("Deployment shop, container server: Not verified\n")
    assert "Verified by" not in text


def test_variables_are_part_of_what_is_recommended() -> None:
    """search.threads Auto sets them in the trials."""
    profile = profile_with(size("2", "1Gi"), size("2", "1Gi"), env=[Variable(name="OMP_NUM_THREADS", value="1")])
    assert "\nset OMP_NUM_THREADS=1\n" in render(profile, "Deployment shop", 100)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (runs.infeasible(), "No size in the range meets the objectives (NoFeasibleSize)"),
        (runs.unfinished(), "(Running)"),
    ],
)
def test_a_run_without_a_size_says_why(record: RunRecord, says: str) -> None:
    """The first line has the reason."""
    assert says in render(record.profile, "Deployment shop", 100).splitlines()[0]


def test_no_name_moves_the_cursor() -> None:
    """Names come from a status that others may write."""
    profile = profile_with(size("2", "1Gi"), size("2", "1Gi"), container_name="a\x1b[2Jb")
    assert "\x1b" not in render(profile, "Deployment shop", 100)
