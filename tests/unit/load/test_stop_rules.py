"""The rules that end a window early."""

import math
import random

import pytest

from modelprofiler.load.histogram import Histogram
from modelprofiler.load.stop_rules import QueueState, is_certain, is_lost, is_overloaded


def windows(mean: float, per_window: int = 50, count: int = 12, seed: int = 0) -> list[Histogram]:
    """Return sub-windows of latencies within half of the mean."""
    r = random.Random(seed)
    result = []
    for _ in range(count):
        window = Histogram()
        for _ in range(per_window):
            window.record(mean * r.uniform(0.5, 1.5))
        result.append(window)
    return result


@pytest.mark.parametrize(
    ("sentence", "thresholds", "failures", "max_error", "certain"),
    [
        ("far below its threshold: certain", {"p95": 1.0}, 0, None, True),
        ("far above its threshold: certain", {"p95": 0.01}, 0, None, True),
        ("at its threshold: not certain", {"p95": 0.1454}, 0, None, False),
        ("one of two thresholds broken: certain", {"p95": 1.0, "mean": 0.01}, 0, None, True),
        ("one of two thresholds uncertain: not certain", {"p95": 1.0, "mean": 0.1}, 0, None, False),
        ("the maximum may still grow: not certain", {"max": 1.0}, 0, None, False),
        ("the maximum was broken: certain", {"max": 0.01}, 0, None, True),
        ("without a failure of 600, at most 1 %: certain", {"p95": 1.0}, 0, 0.01, True),
        ("a third failed, at most 1 %: certain", {"p95": 0.1454}, 200, 0.01, True),
        ("1 % failed, at most 1 %: not certain", {"p95": 1.0}, 6, 0.01, False),
        ("nothing to decide: not certain", {}, 0, None, False),
        ("without a failure, and no threshold: not certain", {}, 0, 0.01, False),
    ],
)
def test_the_verdict_is_certain_when(
    sentence: str, thresholds: dict[str, float], failures: int, max_error: float | None, certain: bool
) -> None:
    """Latencies between 50 and 150 ms."""
    assert certain is is_certain(windows(0.1), thresholds, 600, failures, max_error), sentence


@pytest.mark.parametrize(
    ("requests", "failures", "maximum", "certain"),
    [(298, 0, 0.01, False), (299, 0, 0.01, True), (299, 1, 0.01, False), (9999, 0, 0.0, False)],
)
def test_few_failures_are_certain_after(requests: int, failures: int, maximum: float, certain: bool) -> None:
    """299 requests without one, when at most 1 % may fail; that none ever fails is never certain."""
    assert certain is is_certain(windows(0.1), {"p95": 1.0}, requests, failures, maximum)


def test_nine_sub_windows_are_never_enough() -> None:
    """However clear they look."""
    assert not is_certain(windows(0.1, count=9), {"p95": 10.0}, 450, 0, None)


def test_too_few_requests_for_the_percentile_are_never_enough() -> None:
    """A p99 from 120 requests has no upper end at 99.9 %."""
    assert not is_certain(windows(0.1, per_window=10), {"p99": 10.0}, 120, 0, None)


@pytest.mark.parametrize(
    ("sentence", "thresholds", "ages", "maximum", "lost"),
    [
        ("half of 600 took longer than the mean, of at most 1000", {"p95": 0.1}, [], 1000, True),
        ("none took longer than 200 ms", {"p95": 0.2}, [], 1000, False),
        ("but 60 are in flight for longer", {"p95": 0.2}, [0.3] * 60, 1000, True),
        ("those in flight may still be in time", {"p95": 0.2}, [0.1] * 60, 1000, False),
        ("50 of 1000 may be too slow", {"p95": 0.2}, [0.3] * 50, 1000, False),
        ("more requests may come than are slow so far", {"p95": 0.1}, [], 10_000, False),
        ("how many come is not known", {"p95": 0.1}, [], math.inf, False),
        ("a mean may still fall", {"mean": 0.01}, [], 1000, False),
    ],
)
def test_the_percentile_is_lost_when(
    sentence: str, thresholds: dict[str, float], ages: list[float], maximum: float, lost: bool
) -> None:
    """600 latencies between 50 and 150 ms so far."""
    assert lost is is_lost(windows(0.1), ages, thresholds, maximum), sentence


def states(served: float, arriving: float = 50, start: int = 0, count: int = 6) -> list[QueueState]:
    """Return the states of the queue of a server that completes `served` requests a second."""
    result = []
    for i in range(count):
        due, completed = int(arriving * i), int(served * i)
        backlog = start + due - completed
        result.append(QueueState(due, completed, backlog, 0.01 + backlog / max(served, 1)))
    return result


@pytest.mark.parametrize(
    ("sentence", "states", "overloaded"),
    [
        ("half of what arrives is served", states(25), True),
        ("nothing is served", states(0), True),
        ("three quarters are served", states(37), True),
        ("everything is served", states(50), False),
        ("98 % are served: chance explains it", states(49), False),
        ("too little was seen", states(25, count=5), False),
        ("two requests a second, one served: too few to tell", states(1, arriving=2), False),
        (
            "a stall that is over: the backlog shrank once",
            [*states(25)[:-1], QueueState(250, 240, 10, 0.1)],
            False,
        ),
    ],
)
def test_the_server_is_overloaded_when(sentence: str, states: list[QueueState], overloaded: bool) -> None:
    """Looked at over five steps."""
    assert overloaded is is_overloaded(states), sentence
