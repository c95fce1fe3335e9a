"""Responses over time, recorded."""

import pytest

from modelprofiler.load.timeline import MAX_BINS, TimelineRecorder


@pytest.mark.parametrize("seconds", [3, 40, 700])
def test_a_load_of_any_length_fits_64_bins_and_none_of_its_responses_is_lost(seconds: int) -> None:
    """Bins become longer; what came until a time stays right within a bin."""
    recorder = TimelineRecorder(100.0)
    for tick in range(1, seconds * 10 + 1):
        recorder.observe(100 + tick / 10, tick * 5)
    recorder.observe(100 + seconds + 0.01, seconds * 50 + 1, last=True)
    timeline = recorder.timeline(1e9)
    assert len(timeline.edges) <= MAX_BINS + 1
    assert seconds * 50 + 1 == timeline.completed_between(0, 2e9)
    assert seconds * 25 == pytest.approx(timeline.completed_until(1e9 + 100 + seconds / 2), rel=0.01)
