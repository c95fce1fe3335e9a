"""The numbers of a plan follow from the profile."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.files.documents import document

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus, EffectiveResources
from modelprofiler.core.rows import rows_need
from modelprofiler.local.plan import RunPlan, plan


def planned(directory: Path, cpus: int = 4, **changes: Any) -> RunPlan:
    """Return the plan of a file on a machine with this number of CPUs."""
    spec = document(directory, **changes).profile.spec
    return plan(spec, EffectiveResources.model_validate(spec.resources.to_dict()), range(cpus))


@pytest.mark.parametrize(("rate", "expected", "enough"), [("50", 1500, True), ("1", 30, True), ("0.4", 12, False)])
def test_requests_are_counted_against_what_a_percentile_needs(
    tmp_path: Path, rate: str, expected: float, enough: bool
) -> None:
    """59 for p95; a window of 30 s is extended to four times that."""
    (need,) = planned(tmp_path, load={"openLoop": {"rate": rate}}).percentiles
    assert ("p95", 59) == (need.metric, need.needed)
    assert expected == pytest.approx(need.expected)
    assert enough is need.enough


def test_a_closed_loop_decides_itself_how_many_requests_there_are(tmp_path: Path) -> None:
    """It is not known before."""
    (need,) = planned(tmp_path, load={"closedLoop": {"concurrency": 2}}).percentiles
    assert need.enough is None


def test_a_grid_has_no_more_trials_than_sizes(tmp_path: Path) -> None:
    """And an adaptive search no more than maxTrials."""
    sizes = {"cpu": {"values": ["1", "2"]}, "memory": {"values": ["1Gi", "2Gi"]}}
    assert 4 == planned(tmp_path, resources=sizes, search={"strategy": "Grid"}).most_trials
    assert 20 == planned(tmp_path, resources=sizes).most_trials


def test_the_deadline_bounds_the_time(tmp_path: Path) -> None:
    """Whatever the trials could take."""
    assert 120 == planned(tmp_path, search={"deadline": "2m"}).longest


def test_sharing_of_cpus_is_part_of_the_plan(tmp_path: Path) -> None:
    """Where the server may take all of them."""
    assert planned(tmp_path, 1).shared
    assert not planned(tmp_path, 2).shared


def _dataset(rows: int, distinct: int) -> DatasetStatus:
    return DatasetStatus(rows=rows, distinct_rows=distinct, largest_row=Quantity(10), digest="sha256:0")


def _of_rate(rate: str) -> ModelProfileSpec:
    return ModelProfileSpec.model_validate(
        {
            "server": {"entryScript": {"source": {"inline": "x"}}},
            "dataset": {"source": {"inline": "{}"}},
            "load": {"openLoop": {"rate": rate}, "warmup": "2s", "duration": "8s"},
            "objectives": {"latency": {"p95": "300ms"}},
        }
    )


def test_rows_that_no_window_has_room_for_are_reported_before_the_run() -> None:
    """25 requests per second for 2 + 8 s send 250 of 3,000 rows, and a window is not extended in vain."""
    need = rows_need(_of_rate("25"), _dataset(3_000, 3_000))
    assert need is not None
    assert (250, 120) == (need.expected, need.window)
    (sentence,) = need.sentences
    assert sentence.startswith("the confirming trial sends about 250 of 3,000 rows")
    assert "sending all takes 120s (a load.duration of 30s is enough" in sentence


def test_a_window_is_extended_where_all_rows_then_fit() -> None:
    """600 rows take 24 s, and 32 are allowed."""
    need = rows_need(_of_rate("25"), _dataset(600, 600))
    assert need is not None
    assert (650, []) == (need.expected, need.sentences)


def test_few_rows_are_sent_many_times() -> None:
    """Three distinct rows, fifty times each."""
    need = rows_need(_of_rate("15"), _dataset(40, 3))
    assert need is not None
    assert need.sentences[0].startswith("each distinct row is sent about 50 times in a trial")
