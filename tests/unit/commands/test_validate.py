"""`modelprofiler validate`: what is wrong with a file, and with the flags over it."""

import json
from pathlib import Path

import pytest
from tests.ports import unused_port
from tests.unit.files.documents import document

from modelprofiler.cli import main

PORT = {"http": {"port": unused_port()}}


def test_flags_are_checked_with_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each problem names the flag that caused it."""
    file = document(tmp_path, endpoint=PORT).path
    assert 0 == main(["validate", file, "--rate", "20"])
    capsys.readouterr()
    assert 2 == main(["validate", file, "--rate", "0", "--cpu", "1:2"])
    error = capsys.readouterr().err
    assert f"{file}: spec.load.openLoop: rate must be greater than 0 and at most 100k (from --rate)" in error
    assert f"{file}: --cpu: must be MIN:MAX:STEP" in error


def test_flags_stand_over_what_is_wrong_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As they do in a run."""
    file = document(tmp_path, endpoint=PORT, resources={"cpu": {"values": ["500"]}}).path
    assert 2 == main(["validate", file])
    assert "spec.resources.cpu: 500 is more than the " in capsys.readouterr().err
    assert 0 == main(["validate", file, "--cpu", "100m"])


def test_what_a_run_downloads_is_a_note_of_validate_and_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan does without the rows, as text and as JSON."""
    rows = {"source": {"uri": {"uri": "https://example.com/rows.txt"}}}
    file = document(tmp_path, endpoint=PORT, dataset=rows).path
    note = "spec.dataset.source.uri: the files are downloaded and checked when a run begins"
    assert 0 == main(["validate", file])
    assert note in capsys.readouterr().err
    assert 0 == main(["plan", file])
    output = capsys.readouterr()
    assert note in output.err
    assert "its rows are not known before a run begins" in output.out
    assert 0 == main(["plan", "--output", "json", file])
    assert json.loads(capsys.readouterr().out)["dataset"] is None
    assert 0 == main(["validate", "--for", "cluster", document(tmp_path, dataset=rows).path])


def test_a_secret_that_only_the_cluster_has_is_a_note_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a problem here."""
    rows = {"source": {"secret": {"name": "rows"}}}
    file = document(tmp_path, endpoint=PORT, dataset=rows).path
    assert 0 == main(["validate", "--for", "cluster", file])
    assert "Secret 'rows' is not in the file; it must be in the cluster" in capsys.readouterr().err
    assert 2 == main(["validate", file])
    assert "spec.dataset.source.secret.name: there is no Secret 'rows' in the file" in capsys.readouterr().err


def test_each_problem_is_one_line_that_a_terminal_only_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file may come from somebody else."""
    path = Path(document(tmp_path, endpoint=PORT).path)
    data = json.loads(path.read_text())
    profile = next(o for o in data.get("items", [data]) if o["kind"] == "ModelProfile")
    profile["spec"] |= {"resources": {"cpu": {"values": ["1\n\x1b[31m"]}}, "a\nb": 1}
    path.write_text(json.dumps(data))
    assert 2 == main(["validate", str(path)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{path}: ") and line.isprintable() for line in lines)
