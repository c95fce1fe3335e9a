"""What a recorder keeps of each answer for the time after the load."""

from modelprofiler.load.recorder import Recorder


def recorder_of(*answers: tuple[float, float, int]) -> Recorder:
    """Return a recorder whose window began at 10 with sub-windows of a second, after these answers."""
    recorder = Recorder(1.0, 0.0)
    recorder.open(10.0)
    for answer in answers:
        recorder.answered.extend(answer)
    recorder.settle()
    return recorder


def kept(recorder: Recorder) -> list[tuple[int, list[int], list[float]]]:
    """Return what is in the log."""
    runs = recorder.log.runs()
    return [(index, list(requests), [round(v, 3) for v in latencies]) for index, requests, latencies in runs]


def test_answers_of_one_sub_window_are_kept_with_their_requests() -> None:
    """In the order they came; latency counts from when they were due."""
    assert [(0, [7, 3], [0.5, 0.25])] == kept(recorder_of((10.25, 10.75, 7), (10.5, 10.75, 3)))


def test_answers_of_several_sub_windows_are_told_apart_and_those_of_the_warm_up_left_out() -> None:
    """They may end together when a server was busy."""
    recorder = recorder_of((9.5, 12.5, 1), (10.5, 12.5, 2), (12.25, 12.5, 3), (10.75, 12.5, 4))
    assert [(0, [2, 4], [2.0, 1.75]), (2, [3], [0.25])] == kept(recorder)
    assert [2, 0, 1] == [window.n for window in recorder.windows]
    assert 4 == recorder.responses


def test_a_request_that_exceeded_its_timeout_is_kept_and_other_failures_are_not() -> None:
    """It took at least that long; a refused connection says nothing about the row."""
    recorder = recorder_of()
    recorder.record_failure(11.0, 41.0, "timeout", 5)
    recorder.record_failure(11.5, 12.0, "refused", 6)
    recorder.record_failure(9.0, 12.0, "timeout", 7)
    assert [(1, [5], [30.0])] == kept(recorder)
