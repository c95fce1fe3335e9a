"""`modelprofiler validate`: what is wrong with a file, and with the flags over it."""

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
