"""A run as text: the answer first, honest about what there is not, no wider than asked where that can be helped."""

import re
import sys
from datetime import timedelta

import pytest
from tests.unit.report import runs

from modelprofiler.api.quantities import Duration
from modelprofiler.report.record import RunRecord
from modelprofiler.report.text import render


def test_the_recommendation_comes_first() -> None:
    """With what verified it."""
    lines = render(runs.verified(), 100).splitlines()
    assert "digits: Verified" == lines[0]
    assert ["requests  cpu 400m     memory 224Mi", "limits    cpu 400m     memory 224Mi"] == [
        line.strip() for line in lines[3:5]
    ]
    assert lines[6].startswith("Trial 5 ran at exactly 400m CPU and 224Mi memory and met the objectives")


def test_without_a_recommendation_the_text_says_why() -> None:
    """The reason is the one that the condition has."""
    text = render(runs.infeasible(), 300)
    assert text.startswith("digits: No size in the range meets the objectives (NoFeasibleSize)\n")
    assert "over the objective of 12ms at the ceiling" in text


@pytest.mark.parametrize(("trials", "message"), [(0, "No trial has finished."), (1, "Reference")])
def test_an_unfinished_run_says_so(trials: int, message: str) -> None:
    """It shows what there is."""
    text = render(runs.unfinished(trials), 100)
    assert text.startswith("digits: The run has not finished (Running)\n")
    assert message in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_table_fits_the_terminal(width: int) -> None:
    """Columns that do not fit are left out; a word that is too long, such as a digest, is not broken."""
    text = render(runs.killed(), width)
    assert [] == [line for line in text.splitlines() if len(line) > width and "sha256:" not in line]
    assert all(word in text for word in ("TRIAL", "OUTCOME", "JUDGED BY"))


def test_a_wide_terminal_shows_every_figure() -> None:
    """Cost, memory and throttling next to latency."""
    text = render(runs.verified(), 200)
    assert all(word in text for word in ("95% INTERVAL", "RATE", "CPU USED", "CPU/REQUEST", "MEMORY PEAK", "THROTTLED"))


def test_colours_change_nothing_but_colours() -> None:
    """What is under them is the same text."""
    colored = render(runs.verified(), 120, color=True)
    assert "\x1b[" in colored
    assert render(runs.verified(), 120) == re.sub(r"\x1b\[[0-9;]*m", "", colored)


def test_without_rich_the_text_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with the extra ``local`` only."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert render(runs.verified(), 120) == render(runs.verified(), 120, color=True)


def test_a_run_of_another_version_without_conditions_is_shown() -> None:
    """A record is read unchanged."""
    profile = runs.verified().profile
    bare = profile.model_copy(
        update={"status": profile.status.model_copy(update={"conditions": [], "provenance": None})}
    )
    assert render(RunRecord(bare), 100).startswith("digits: Verified\n")


def test_a_run_that_was_suspended_took_what_it_had_used_before_as_well() -> None:
    """It was started twice, and the last start is shown."""
    profile = runs.verified().profile
    started = profile.status.start_time
    assert started is not None
    times = {"completion_time": started + timedelta(minutes=5), "elapsed": Duration("20m")}
    profile = profile.model_copy(update={"status": profile.status.model_copy(update=times)})
    (line,) = [line for line in render(RunRecord(profile), 100).splitlines() if "Took" in line]
    assert line.endswith("25 min")


def test_a_message_cannot_control_the_terminal() -> None:
    """A server's last words may have escape sequences and a bell, and half a character cannot be printed."""
    finished = runs.verified().profile
    rows = [t.model_copy(update={"message": "gone\x1b[2J\x07\r\x9b31m\ud800\u202e", "outcome": "Crashed"})
            for t in finished.status.trials]  # fmt: skip
    profile = finished.model_copy(update={"status": finished.status.model_copy(update={"trials": rows})})
    text = render(RunRecord(profile), 100)
    assert "trial 1: gone[2J" in text
    assert [] == [character for character in text if not character.isprintable() and character != "\n"]
