"""The report holds every trial in full, and never keeps one from being recorded."""

import base64
import json
from typing import Any

import pytest
from tests.unit.cluster.objects import UID, load_result, load_status, now, profile
from tests.unit.cluster.standin import StandIn
from tests.unit.cluster.values import a_row

from modelprofiler.api.trial import Trial
from modelprofiler.cluster import names
from modelprofiler.cluster.act import full_report
from modelprofiler.cluster.adapter import CONFIG_MAPS, Kind
from modelprofiler.errors import ClusterUnavailable, Conflict, Refused
from modelprofiler.load.result import LoadResult

RESULT = load_result(load_status())
FIRST = "abc.trial-001.json"


@pytest.fixture
def cluster() -> StandIn:
    """Return an API server in memory."""
    return StandIn(lambda: now(0))


async def write(cluster: StandIn, trial: Trial, result: LoadResult | None = RESULT, run: str = "abc") -> dict[str, Any]:
    """Write a trial; return what the report says of every trial."""
    await full_report.write(cluster, profile(), run, trial, result)
    return read(cluster)


def read(cluster: StandIn) -> dict[str, Any]:
    """Return what the report says of every trial."""
    return {key: json.loads(text) for key, text in cluster.of(CONFIG_MAPS)[0]["data"].items()}


async def test_a_trial_is_there_with_all_that_its_load_handed_back(cluster: StandIn) -> None:
    """The histogram too, which the status has no room for."""
    entry = (await write(cluster, a_row()))[FIRST]
    assert a_row().to_dict() == entry["trial"]
    assert RESULT == LoadResult.decode(base64.b64decode(entry["load"]["result"]).decode())
    meta = cluster.of(CONFIG_MAPS)[0]["metadata"]
    assert ("digits-report", UID) == (meta["name"], meta["ownerReferences"][0]["uid"])


async def test_late_usage_completes_a_trial_and_keeps_its_load(cluster: StandIn) -> None:
    """It comes without a result."""
    await write(cluster, a_row(usage=None))
    entry = (await write(cluster, a_row(), None))[FIRST]
    assert (a_row().to_dict(), True) == (entry["trial"], "result" in entry["load"])


async def test_writing_the_same_again_changes_nothing(cluster: StandIn) -> None:
    """An operator that was killed after the write writes it again."""
    assert await write(cluster, a_row()) == await write(cluster, a_row())


async def test_trials_of_earlier_runs_make_room(cluster: StandIn) -> None:
    """A ConfigMap holds one mebibyte."""
    await write(cluster, a_row(), run="old")
    await write(cluster, a_row())
    assert [FIRST, "abc.trial-002.json"] == sorted(await write(cluster, a_row(2)))


@pytest.mark.parametrize("edited", ["no JSON", "[]", "null", ""])
async def test_a_report_that_somebody_edited_is_written_over(cluster: StandIn, edited: str) -> None:
    """It is ours."""
    await write(cluster, a_row())
    cluster.of(CONFIG_MAPS)[0]["data"][FIRST] = edited
    assert a_row().to_dict() == (await write(cluster, a_row(), None))[FIRST]["trial"]


async def test_a_config_map_of_somebody_else_is_left_alone_and_the_report_has_another_name(cluster: StandIn) -> None:
    """The first to create one, by chance or on purpose, would otherwise keep the report from being written."""
    cluster.put(CONFIG_MAPS, {"metadata": {"name": "digits-report", "namespace": "team"}, "data": {"mine": "1"}})
    for index in (1, 2):
        assert {"mine": 1} == await write(cluster, a_row(index))
    other, report = cluster.of(CONFIG_MAPS)
    assert ("digits-report-2", [FIRST, "abc.trial-002.json"]) == (report["metadata"]["name"], sorted(report["data"]))
    assert "ownerReferences" not in other["metadata"]


async def test_where_every_name_is_taken_the_trial_is_recorded_all_the_same(
    cluster: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """The status has the row, and the log says why there is no report."""
    for name in names.alternatives("digits-report"):
        cluster.put(CONFIG_MAPS, {"metadata": {"name": name, "namespace": "team"}})
    await full_report.write(cluster, profile(), "abc", a_row(), RESULT)
    assert "all names that the report 'digits-report' may have are taken" in caplog.text


async def test_a_report_that_is_full_takes_the_row_alone(cluster: StandIn) -> None:
    """What the load handed back is most of it."""
    await write(cluster, a_row())
    refusals = iter([Refused("the ConfigMap is too long", 422)])

    def full(verb: str, kind: Kind, name: str) -> None:
        for refusal in refusals if verb == "patch" else ():
            raise refusal

    cluster.before = full
    assert {"trial": a_row(2).to_dict()} == (await write(cluster, a_row(2)))["abc.trial-002.json"]


async def test_a_report_that_takes_nothing_keeps_no_trial_from_being_recorded(cluster: StandIn) -> None:
    """The status has the row."""

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if verb != "get":
            raise Refused("denied", 403)

    cluster.before = refuse
    await full_report.write(cluster, profile(), "abc", a_row(), RESULT)
    assert [] == cluster.of(CONFIG_MAPS)


@pytest.mark.parametrize("error", [ClusterUnavailable("no answer"), Conflict("changed")])
async def test_an_api_server_that_does_not_answer_is_asked_again_before_the_status_is_written(
    cluster: StandIn, error: Exception
) -> None:
    """So that nothing is lost."""

    def fail(verb: str, kind: Kind, name: str) -> None:
        raise error

    cluster.before = fail
    with pytest.raises(type(error)):
        await full_report.write(cluster, profile(), "abc", a_row(), RESULT)
