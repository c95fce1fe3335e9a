"""What a recorded run says of itself is proved from its trials, and refused where they do not show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.claims.recorded import main, unproved
from tests.unit.report.runs import grid, infeasible, killed, verified

from modelprofiler.api.resource import ModelProfile
from modelprofiler.report.record import RunRecord


def with_explanation(text: str, other: str) -> ModelProfile:
    """Return a finished run with other words in its explanation."""
    data = verified().profile.to_dict()
    (recommendation,) = data["status"]["recommendations"]
    assert text in recommendation["explanation"]
    recommendation["explanation"] = recommendation["explanation"].replace(text, other)
    return ModelProfile.parse(data)


@pytest.mark.parametrize("run", [verified, infeasible, killed, grid])
def test_what_a_run_says_is_proved(run: Callable[[], RunRecord]) -> None:
    """Its explanation, its end and its trials."""
    assert [] == unproved(run().profile, "Local")


def test_a_number_that_no_trial_shows_is_refused() -> None:
    """Another margin, another size, or a sentence that nobody knows."""
    (line,) = unproved(with_explanation("a margin of 10% is added", "a margin of 15% is added"), "Local")
    assert line.startswith("explanation: the trials do not show this: ")
    (line,) = unproved(with_explanation("is the smallest that met", "is by far the smallest that met"), "Local")
    assert line.startswith("explanation: no form reads this: ")


def test_the_command_names_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each clause on a line, and an exit code for scripts."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps(with_explanation("is the smallest", "is by far the smallest").to_dict()))
    assert 1 == main([str(path)])
    out, err = capsys.readouterr()
    assert "1 runs, 1 clauses without proof" in out
    assert str(path) in err
