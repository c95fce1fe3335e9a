"""What a node counted in a window: interpolated between readings, bounded, and nothing where it was not read."""

import math

import pytest

from modelprofiler.load.node.history import COUNTERS, History, read_counters


def history(*readings: tuple[float, float], longest: int = 100) -> History:
    """Return a history of (time, busy seconds) of a node with one idle CPU besides."""
    times = iter(readings)
    current = [next(times)]
    recorded = History(lambda: (current[0][1], 0.0, 2 * current[0][0], 7.0, 4096.0), lambda: current[0][0], longest)
    recorded.take()
    for reading in times:
        current[0] = reading
        recorded.take()
    return recorded


def test_a_window_between_readings_is_interpolated() -> None:
    """A window begins and ends when it likes."""
    grown = history((0, 0), (1, 1), (2, 1), (3, 3)).increase(0.5, 2.5)
    assert grown is not None
    assert pytest.approx({"busy": 1.5, "steal": 0, "idle": 4, "major_faults": 0, "read_bytes": 0}) == grown


@pytest.mark.parametrize("window", [(-1, 2), (1, 4), (2, 1)])
def test_a_window_that_was_not_read_throughout_is_not_known(window: tuple[float, float]) -> None:
    """A part of it would be taken for the whole."""
    assert history((0, 0), (1, 1), (2, 2), (3, 3)).increase(*window) is None


def test_old_readings_are_forgotten() -> None:
    """A reader may run for as long as a run does."""
    kept = history(*((float(t), float(t)) for t in range(500)), longest=8)
    assert kept.increase(0, 499) is None
    assert kept.increase(495, 499) is not None
    assert len(kept._times) <= 8


def test_a_counter_that_the_node_does_not_have_is_no_zero() -> None:
    """A kernel without them has an empty /proc/vmstat."""
    counters = iter([(1.0, 0.0, 1.0, math.nan, math.nan), (2.0, 0.0, 2.0, math.nan, math.nan)])
    recorded = History(counters.__next__, iter([1, 2]).__next__)
    recorded.take()
    recorded.take()
    grown = recorded.increase(1, 2)
    assert grown is not None
    assert math.isnan(grown["read_bytes"])


def test_this_machine_has_every_counter() -> None:
    """As every Linux does."""
    values = read_counters()
    assert values is not None
    assert len(COUNTERS) == len(values)
    assert all(value >= 0 for value in values)
