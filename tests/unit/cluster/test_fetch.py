"""A run is read from a cluster as its operator wrote it."""

from __future__ import annotations

import pytest
from tests.unit.cluster.objects import load_result, load_status, now, raw_profile
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.values import READ, a_row

from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster.act import full_report
from modelprofiler.cluster.adapter import CONFIG_MAPS, PROFILES, Kind
from modelprofiler.cluster.fetch import fetch
from modelprofiler.cluster.gather.observation import Measured
from modelprofiler.errors import NotFound, Refused
from modelprofiler.metrics.series import series

RESULT = load_result(load_status())
MEASURED = Measured(
    READ.usage, complete=True, cpu_seconds=series([(100, 1.5), (115, 2.5)]), memory=series([(100, 2**27), (115, 2**28)])
)


@pytest.fixture
async def cluster() -> StandIn:
    """Return an API server with a profile of one trial, and its report."""
    cluster = StandIn(lambda: now(0))
    raw = raw_profile()
    raw["status"] = {"runHash": "abc", "trials": [a_row().to_dict()]}
    cluster.put(PROFILES, raw)
    profile = ModelProfile.parse(raw)
    await full_report.write(cluster, profile, "abc", a_row(), RESULT, MEASURED)
    return cluster


async def test_a_trial_has_what_its_load_handed_back_and_its_samples(cluster: StandIn) -> None:
    """From the report; its row from the status."""
    [trial] = (await fetch(cluster, "team", "digits")).trials
    assert (a_row(), RESULT, MEASURED.cpu_seconds, MEASURED.memory) == (
        trial.trial,
        trial.load,
        trial.cpu_seconds,
        trial.memory,
    )


async def test_samples_stay_when_usage_comes_late(cluster: StandIn) -> None:
    """The load is not handed back again; what is new of the samples is."""
    profile = ModelProfile.parse(cluster.of(PROFILES)[0])
    await full_report.write(cluster, profile, "abc", a_row(), None)
    [trial] = (await fetch(cluster, "team", "digits")).trials
    assert (RESULT, MEASURED.memory) == (trial.load, trial.memory)


@pytest.mark.parametrize("edit", ["{", "[]", '{"trial": {}}'])
async def test_a_report_that_somebody_edited_leaves_the_row(cluster: StandIn, edit: str) -> None:
    """It is in the status."""
    cluster.of(CONFIG_MAPS)[0]["data"]["abc.trial-001.json"] = edit
    [trial] = (await fetch(cluster, "team", "digits")).trials
    assert (a_row(), None) == (trial.trial, trial.load)


async def test_a_report_of_somebody_else_or_of_an_earlier_run_is_not_read(cluster: StandIn) -> None:
    """Of the same name, or with the same number."""
    report = cluster.of(CONFIG_MAPS)[0]
    report["data"] = {"older.trial-001.json": report["data"]["abc.trial-001.json"]}
    assert {} == (await fetch(cluster, "team", "digits")).details
    report["metadata"]["ownerReferences"] = []
    assert {} == (await fetch(cluster, "team", "digits")).details


async def test_a_report_whose_name_somebody_else_has_is_read_under_its_own(cluster: StandIn) -> None:
    """The operator has written it under the next name."""
    mine = cluster.objects.pop((CONFIG_MAPS.plural, "team", "digits-report"))
    cluster.put(CONFIG_MAPS, {"metadata": {"name": "digits-report", "namespace": "team"}})
    mine["metadata"]["name"] = "digits-report-2"
    cluster.put(CONFIG_MAPS, mine)
    assert [1] == list((await fetch(cluster, "team", "digits")).details)


async def test_a_report_that_may_not_be_read_is_done_without(cluster: StandIn) -> None:
    """Not everybody who may read profiles may read ConfigMaps."""

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if kind is CONFIG_MAPS:
            raise Refused("configmaps is forbidden", 403)

    cluster.before = refuse
    assert (1, {}) == (len((run := await fetch(cluster, "team", "digits")).trials), run.details)


async def test_a_profile_that_does_not_exist_is_reported(cluster: StandIn) -> None:
    """With its namespace, which is what is most often wrong."""
    with pytest.raises(NotFound, match="there is no ModelProfile x in the namespace team"):
        await fetch(cluster, "team", "x")
