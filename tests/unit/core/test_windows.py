"""The spans around a load from which usage is taken."""

import math
from dataclasses import replace
from typing import Any

import pytest

from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.windows import Window, windows_from, windows_of
from modelprofiler.load.result import LoadResult

LOAD = LoadResult(ResultKind.COMPLETED, warmup_started=100.0, window_started=105.0, window_ended=135.0, ended=136.5)


def test_a_window_holds_both_of_its_ends() -> None:
    """And nothing that is no time."""
    window = Window(10.0, 12.0)
    assert [False, True, True, True, False] == [time in window for time in (9.9, 10, 11.0, 12.0, 12.1)]
    assert "11" not in window
    assert 2.0 == window.seconds


def test_the_windows_of_a_load_are_its_own_times() -> None:
    """The warm-up belongs to the load, not to the measured window."""
    windows = windows_of(LOAD, Window(90.0, 150.0))
    assert windows is not None
    assert (Window(105.0, 135.0), 100.0, 136.5) == (windows.window, windows.start, windows.end)
    assert Window(90.0, 150.0) == windows.exclusive
    assert LOAD.completed_between == windows.completed_between


def test_the_exclusive_span_begins_no_later_than_the_load() -> None:
    """A server may be called ready a moment after its first request."""
    windows = windows_of(LOAD, Window(101.0, 150.0))
    assert windows is not None
    assert Window(100.0, 150.0) == windows.exclusive


@pytest.mark.parametrize("missing", ["warmup_started", "window_started", "window_ended", "ended"])
def test_a_load_that_did_not_end_its_window_has_none(missing: str) -> None:
    """Whichever of its times it did not reach."""
    absent: dict[str, Any] = {missing: None}
    assert windows_of(replace(LOAD, **absent), Window(0.0, 200.0)) is None


def test_by_default_what_was_before_the_load_does_not_count() -> None:
    """The server may have been loading its model."""
    windows = windows_from(Window(105.0, 135.0), LOAD.completed_between, 100.0, 136.5)
    assert Window(100.0, math.inf) == windows.exclusive
