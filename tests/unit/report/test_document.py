"""A run is read again however it was kept."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.unit.report import runs

from modelprofiler.errors import InvalidInput, RecordUnreadable
from modelprofiler.report.document import document, read
from modelprofiler.report.record import write_profile, write_trial


def test_a_document_holds_the_whole_run(tmp_path: Path) -> None:
    """Histograms and samples too."""
    file = tmp_path / "run.json"
    noted = replace(runs.verified(), notes=("The load and the server shared their CPUs.",))
    file.write_text(json.dumps(document(noted)))
    assert (noted.trials, noted.notes) == (read(file).trials, read(file).notes)


def test_a_directory_and_its_profile_are_the_run(tmp_path: Path) -> None:
    """As a run here leaves them."""
    for record in runs.verified().trials:
        write_trial(tmp_path, record)
    write_profile(tmp_path, runs.verified().profile)
    assert runs.verified().trials == read(tmp_path).trials == read(tmp_path / "profile.json").trials


@pytest.mark.parametrize("listed", [False, True])
def test_what_kubectl_prints_is_a_run_without_its_details(tmp_path: Path, listed: bool) -> None:
    """One object, or a list of one."""
    data = runs.verified().profile.to_dict()
    file = tmp_path / "digits.yaml"
    file.write_text(yaml.safe_dump({"kind": "List", "items": [data]} if listed else data))
    run = read(file)
    assert (5, {}) == (len(run.trials), run.details)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, RecordUnreadable, "cannot be read"),
        ("{", RecordUnreadable, "is neither JSON nor YAML"),
        ("[]", InvalidInput, "does not contain an object"),
        ("kind: Pod", InvalidInput, "this is a Pod without apiVersion"),
        ("a: 1", InvalidInput, "is not a run: it has no kind"),
        ("[" * 99_999, RecordUnreadable, "is nested too deeply"),
        ("{a: " * 999 + "}" * 999, RecordUnreadable, "is nested too deeply"),
        ('{"kind": "List", "items": ["x"]}', InvalidInput, "does not contain an object"),
        ('{"kind": "List", "items": [{}, {}]}', InvalidInput, "is a list of 2 objects"),
        ("{kind: RunReport, profile: 1}", InvalidInput, "without a profile"),
        (
            "{kind: RunReport, profile: {}, trials: [{}]}",
            RecordUnreadable,
            r"run.yaml, trials\[0\]: this is not the record of a trial",
        ),
    ],
)
def test_what_is_not_a_run_is_one_problem(
    tmp_path: Path, content: str | None, error: type[Exception], message: str
) -> None:
    """In a sentence."""
    file = tmp_path / "run.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(error, match=message):
        read(file)
