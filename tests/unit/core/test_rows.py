"""What a verification says about the rows that were sent, and does not say about the others."""

from typing import Any

import pytest

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus
from modelprofiler.api.trial import Size, Trial
from modelprofiler.core.rows import RowsSent, forecast, window_for, with_forecast


def _spec(load: dict[str, Any]) -> ModelProfileSpec:
    return ModelProfileSpec.model_validate(
        {
            "server": {"entryScript": {"source": {"inline": "x"}}},
            "dataset": {"source": {"inline": "{}"}},
            "load": load,
            "objectives": {"latency": {"p95": "300ms"}},
        }
    )


SPEC = _spec({"openLoop": {"rate": "25"}})


def _trial(index: int, sent: int, distinct: int | None, *, requests: int = 200, memory: str = "128Mi") -> Trial:
    return Trial.model_validate(
        {
            "index": index,
            "purpose": "Confirm",
            "limits": Size(cpu=Quantity("1"), memory=Quantity(memory)).to_dict(),
            "outcome": "Passed",
            "fresh": True,
            "startTime": "2026-01-01T00:00:00Z",
            "completionTime": "2026-01-01T00:00:10Z",
            "load": {
                "requests": requests,
                "rate": "25",
                "rowsCovered": sent,
                "distinctRows": distinct,
                "duration": "8s",
            },
        }
    )


def test_rows_that_were_not_sent_are_counted_and_the_window_for_all_is_reported() -> None:
    """2,766 of 3,000 rows are unknown."""
    proof = _trial(5, 234, 3_000)
    rows = RowsSent.of(proof, [proof])
    assert rows is not None
    assert ("234 of 3000", False) == (str(rows), rows.complete)
    expected = (
        "Trial 5 sent 234 of 3,000 distinct rows, so what the other 2,766 need is not known; at 25 requests per second "
        "a window of 120s would send all."
    )
    assert [expected] == rows.sentences(SPEC)


def test_few_rows_that_are_sent_again_and_again_may_come_from_a_cache() -> None:
    """Three rows, forty times each."""
    proof = _trial(5, 3, 3, requests=120)
    rows = RowsSent.of(proof, [proof])
    assert rows is not None
    expected = (
        "Trial 5 sent its 3 distinct rows 40 times each in the window: a server that answers equal requests from a "
        "cache looks cheaper than it is."
    )
    assert [expected] == rows.sentences(SPEC)


def test_a_single_row_is_reported_as_one() -> None:
    """Grammar."""
    rows = RowsSent.of(_trial(5, 1, 1), [])
    assert rows is not None
    assert rows.sentences(SPEC)[0].startswith("Trial 5 sent its row 200 times in the window")


def test_many_rows_that_were_all_sent_need_no_sentence() -> None:
    """The verification speaks for all of them."""
    rows = RowsSent.of(_trial(5, 600, 600, requests=800), [])
    assert rows is not None
    assert (True, []) == (rows.complete, rows.sentences(SPEC))


def test_all_rows_at_no_larger_size_count() -> None:
    """More memory breaks no request."""
    proof, smaller = _trial(6, 234, 3_000), _trial(4, 3_000, 3_000, requests=3_000, memory="96Mi")
    rows = RowsSent.of(proof, [smaller, proof])
    assert rows is not None
    assert ("3000 of 3000", 4) == (str(rows), rows.trial.index)


def test_what_is_not_known_is_not_reported() -> None:
    """Results of older versions do not have the number of distinct rows."""
    assert RowsSent.of(_trial(5, 3, None), []) is None


@pytest.mark.parametrize(
    ("rows", "rate", "message"),
    [
        (3_000, 25.0, "at 25 requests per second a window of 120s would send all"),
        (1_000_000, 25.0, "a window of an hour would send all at 278 requests per second"),
        (3, 0.0, "a window of an hour would send all at 1 requests per second"),
    ],
)
def test_the_window_for_all_rows_is_at_most_an_hour(rows: int, rate: float, message: str) -> None:
    """Otherwise the rate has to be higher."""
    assert message == window_for(rows, rate)


def _dataset(rows: int, distinct: int, **fields: Any) -> DatasetStatus:
    return DatasetStatus(rows=rows, distinct_rows=distinct, largest_row=Quantity(10), digest="sha256:0", **fields)


@pytest.mark.parametrize(
    ("load", "rows", "sentence"),
    [
        ({"openLoop": {"rate": "50"}}, 1_000, ""),
        ({"closedLoop": {"concurrency": 1}}, 10**6, ""),
        (
            {"openLoop": {"rate": "10"}},
            9_000,
            (
                "the confirming trial sends about 350 of 9,000 rows, and what the others need stays unknown; sending "
                "all takes 900s (a load.duration of 225s is enough, as that trial extends its window up to 4 times)"
            ),
        ),
        (
            {"openLoop": {"rate": "0.4"}},
            4,
            (
                "p95 needs 59 requests in a window, and only 48 are expected in one that is extended to 120s: raise "
                "the rate or load.duration"
            ),
        ),
        (
            {"openLoop": {"rate": "0.8"}, "parallelism": 2},
            4,
            (
                "p95 needs 59 requests of each load pod in a window, and only 48 are expected in one that is extended "
                "to 120s: raise the rate or load.duration"
            ),
        ),
        (
            {"openLoop": {"rate": "50"}},
            100,
            (
                "each distinct row is sent about 18 times in a trial: a server that answers equal requests from a "
                "cache looks cheaper than it is"
            ),
        ),
    ],
    ids=["enough", "closed", "too many rows", "too few requests", "of each pod", "few rows"],
)
def test_what_a_load_cannot_show_is_known_before_the_run(load: dict[str, Any], rows: int, sentence: str) -> None:
    """By the rate, the longest window and the rows; the rate of a closed loop is not known."""
    assert ([sentence] if sentence else []) == forecast(_spec(load), _dataset(rows, rows))


def test_a_forecast_is_added_to_what_is_odd_about_the_rows() -> None:
    """Where equal rows are among that already, it is not said twice; without anything there are no warnings."""
    spec = _spec({"openLoop": {"rate": "10"}})
    odd = with_forecast(spec, _dataset(9_000, 9_000, warnings=["odd"]))
    assert ["odd", *forecast(spec, _dataset(9_000, 9_000))] == odd.warnings
    assert ["equal rows"] == with_forecast(spec, _dataset(100, 1, warnings=["equal rows"])).warnings
    assert with_forecast(spec, _dataset(300, 300)).warnings is None
