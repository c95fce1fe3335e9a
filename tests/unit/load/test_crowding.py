"""A server that was slow on a full machine says nothing about its limit, unless the limit is what it waited for."""

from dataclasses import replace

import pytest

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import UsageStatus
from modelprofiler.load.crowding import crowding
from modelprofiler.load.summary import LoadResult, ResultKind

FULL = LoadResult(ResultKind.COMPLETED, cores=2, busy_percent=99, steal_percent=0, cpu_percent=10)


def used(throttled: str | None) -> UsageStatus:
    """Return the usage of a server that was stopped at its quota in so many percent of its periods."""
    return UsageStatus(throttled_percent=None if throttled is None else Quantity(throttled))


def test_what_others_took_is_told() -> None:
    """Of 2 CPUs, of which the server may have had 0.3 and the generator 0.1."""
    assert "at least 1.6 CPUs of it for others" in (crowding(FULL, 0.3) or "")


@pytest.mark.parametrize(
    "result",
    [replace(FULL, busy_percent=80), replace(FULL, busy_percent=None), replace(FULL, cores=None)],
    ids=["room was left", "nobody looked", "nobody knows of how much"],
)
def test_a_machine_that_was_not_seen_to_be_full_is_not_blamed(result: LoadResult) -> None:
    """Missing is not full."""
    assert crowding(result, 0.3) is None


@pytest.mark.parametrize(("throttled", "expected"), [("49", True), (None, True), ("50", False), ("88", False)])
def test_a_server_that_used_its_quota_up_was_slow_for_that(throttled: str | None, expected: bool) -> None:
    """Others would have kept it from that."""
    assert expected == (crowding(FULL, 0.3, used(throttled)) is not None)
