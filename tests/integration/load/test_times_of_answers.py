"""What the times of answers say: of rows that are sent again, and of answers that wait in between."""

from collections.abc import Callable
from typing import Any

import pytest

from modelprofiler.load.result import LoadResult

MakeLoad = Callable[..., LoadResult]
OPEN: dict[str, Any] = {"openLoop": {"rate": "100"}}


@pytest.mark.parametrize("load_of", [OPEN, {"closedLoop": {"concurrency": 2}}], ids=["open", "closed"])
def test_first_visits_are_measured_apart_from_later_ones(load: MakeLoad, load_of: dict[str, Any]) -> None:
    """The first row was sent before the load, and two of the others are equal."""
    unique = [f"{load_of} {number}" for number in range(20)]
    rows = "\n".join([*unique, unique[3]]).encode() + b"\n"
    status = load("cached", load_of, rows=rows).status
    assert status is not None
    assert status.first_visits is not None
    assert status.later_visits is not None
    assert 19 == status.first_visits.requests
    assert status.first_visits.median.seconds >= 0.02
    assert status.later_visits.median.seconds < status.first_visits.median.seconds
    assert status.later_visits.requests > 5


def test_where_rows_are_left_nothing_is_known_of_later_visits(load: MakeLoad) -> None:
    """No row was sent twice."""
    rows = "".join(f"{number}\n" for number in range(5_000)).encode()
    status = load("keep_alive", OPEN, rows=rows).status
    assert status is not None
    assert status.first_visits is not None
    assert status.later_visits is None


def test_answers_that_wait_for_an_acknowledgement_are_counted(load: MakeLoad) -> None:
    """Not those whose parts come at once, or much later."""
    status = load("two_writes", OPEN).status
    assert status is not None
    assert status.split_answers is not None
    share = status.split_answers / status.requests
    assert 0.1 < share < 0.8  # half of the answers; a busy machine delays some of them beyond what is counted
    assert (others := load("split", OPEN).status) is not None
    assert (others.split_answers or 0) / others.requests < share
