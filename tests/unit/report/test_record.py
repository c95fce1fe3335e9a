"""What is kept of a run is read again as it was written, whole or not at all."""

import json
from pathlib import Path

import pytest
from tests.unit.cluster.objects import load_result, load_status, profile
from tests.unit.cluster.values import a_row

from modelprofiler.api.resource import ModelProfile
from modelprofiler.errors import RecordUnreadable
from modelprofiler.metrics.series import series
from modelprofiler.report.record import RunRecord, TrialRecord, write_notes, write_profile, write_trial

FULL = TrialRecord(
    a_row(), load_result(load_status()), series([(1.0, 0.5), (2.0, 0.75)]), series([(1.0, 2**20), (2.0, 2**21)])
)


def with_trials(*records: TrialRecord) -> ModelProfile:
    """Return a profile whose status has these trials."""
    original = profile()
    return original.model_copy(
        update={"status": original.status.model_copy(update={"trials": [r.trial for r in records]})}
    )


def test_a_trial_is_read_as_it_was_written() -> None:
    """Histogram, timeline and samples included."""
    assert FULL == TrialRecord.from_dict(json.loads(json.dumps(FULL.to_dict())))


def test_a_trial_without_a_load_has_none() -> None:
    """A server that crashed was sent nothing."""
    assert TrialRecord(a_row()) == TrialRecord.from_dict(TrialRecord(a_row()).to_dict())


def test_a_load_that_somebody_has_cut_is_left_out() -> None:
    """The row is worth having without it."""
    data = FULL.to_dict()
    data["load"]["result"] = data["load"]["result"][:40]
    assert (FULL.trial, None) == (TrialRecord.from_dict(data).trial, TrialRecord.from_dict(data).load)


def test_a_run_is_read_from_its_directory_or_its_file(tmp_path: Path) -> None:
    """Rows of the status, each with its record."""
    write_trial(tmp_path, FULL)
    write_profile(tmp_path, with_trials(FULL))
    for path in (tmp_path, tmp_path / "profile.json"):
        assert (FULL,) == RunRecord.read(path).trials


def test_notes_are_kept(tmp_path: Path) -> None:
    """A sentence each."""
    write_profile(tmp_path, with_trials())
    assert () == RunRecord.read(tmp_path).notes
    write_notes(tmp_path, ["The load and the server shared their CPUs."])
    assert ("The load and the server shared their CPUs.",) == RunRecord.read(tmp_path).notes


def test_a_trial_that_was_not_recorded_to_its_end_does_not_count(tmp_path: Path) -> None:
    """The run ended between the two files: the trial runs again."""
    write_trial(tmp_path, FULL)
    write_profile(tmp_path, with_trials())
    assert ({}, ()) == (RunRecord.read(tmp_path).details, RunRecord.read(tmp_path).trials)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is not the directory of a run"), ("{", "profile.json is not JSON"), ("[" * 99_999, "deep")],
)
def test_what_is_not_a_record_is_one_problem(tmp_path: Path, content: str | None, message: str) -> None:
    """With the file's name."""
    file = tmp_path / "profile.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(RecordUnreadable, match=message):
        RunRecord.read(tmp_path)


@pytest.mark.parametrize("samples", [[1], [["a", "b"]], [[1.0, float("nan")]], [[float("inf"), 1.0]]])
def test_samples_that_are_no_numbers_are_refused(samples: object) -> None:
    """A chart could not be drawn of them."""
    data = FULL.to_dict() | {"samples": {"workingSetBytes": samples}}
    with pytest.raises(RecordUnreadable, match="not the record of a trial"):
        TrialRecord.from_dict(data)
