"""The live table, as it stands on the screen of a terminal."""

import io

import pytest
from rich.console import Console
from tests.unit.report import runs

from modelprofiler.api.trial import ActiveTrial, Stage, Trial
from modelprofiler.local.progress import Progress
from modelprofiler.local.view import LiveView, PlainView
from modelprofiler.report.record import TrialRecord

RUN = runs.verified()


def lines(view: LiveView, width: int, height: int) -> list[str]:
    """Return what a terminal of this size shows."""
    console = Console(width=width, height=height, file=io.StringIO())
    with console.capture() as drawn:
        console.print(view._render())
    return drawn.get().splitlines()


def view_with(trials: list[Trial], width: int, height: int) -> LiveView:
    """Return the view of a run in its next trial."""
    view = LiveView(RUN.profile, Console(width=width, height=height, file=io.StringIO(), force_terminal=True))
    for trial in trials:
        view.on_trial_finished(TrialRecord(trial))
    last = trials[-1]
    active = ActiveTrial(
        index=last.index + 1, purpose=last.purpose, limits=last.limits, stage=Stage.LOADING, message="sending the load",
        start_time=last.start_time,
    )  # fmt: skip
    view.on_stage(Progress(active, 0.0))
    return view


@pytest.mark.parametrize(("height", "hidden"), [(30, False), (10, True)])
def test_the_trial_in_progress_is_always_on_the_screen(height: int, hidden: bool) -> None:
    """Of the finished ones the last are shown, where there is no room for all."""
    trials = [t.model_copy(update={"index": i}) for i, t in enumerate(RUN.profile.status.trials * 3, 1)]
    view = view_with(trials, 100, height)
    screen = lines(view, 100, height)
    view.close()
    assert len(screen) < height
    assert "sending the load" in screen[-2]
    assert screen[-3].split()[0] == str(len(trials))
    assert hidden == any("earlier trials not shown" in line for line in screen)


def test_what_was_waited_for_is_taken_away_when_it_goes_on() -> None:
    """Notes stay."""
    view = view_with(RUN.profile.status.trials, 100, 30)
    view.on_wait("waiting 10 s, because the last trial was inconclusive")
    view.on_note("image x is not used here")
    assert any("waiting 10 s" in line for line in lines(view, 100, 30))
    assert view._progress is not None
    view.on_stage(view._progress)
    screen = lines(view, 100, 30)
    view.close()
    assert not any("waiting 10 s" in line for line in screen)
    assert any("image x" in line for line in screen)


def test_what_is_left_on_the_screen_has_every_trial() -> None:
    """It may scroll."""
    trials = [t.model_copy(update={"index": i}) for i, t in enumerate(RUN.profile.status.trials * 3, 1)]
    view = view_with(trials, 100, 10)
    view.close()
    assert isinstance(view._console.file, io.StringIO)
    assert "earlier trials not shown" not in view._console.file.getvalue().rpartition("digits: ")[2]


def test_a_report_takes_the_place_of_the_table() -> None:
    """It has the same one, in full."""
    view = view_with(RUN.profile.status.trials, 100, 30)
    view.clear()
    view.close()
    assert isinstance(view._console.file, io.StringIO)
    assert "TRIAL" not in view._console.file.getvalue()


def test_a_log_has_a_line_a_trial() -> None:
    """With its size, outcome and duration."""
    out = io.StringIO()
    view = PlainView(RUN.profile, out)
    for trial in RUN.profile.status.trials:
        view.on_trial_finished(TrialRecord(trial))
    assert len(RUN.profile.status.trials) + 1 == len(out.getvalue().splitlines())
