"""The rows that somebody names on a command line, which may be anything."""

from pathlib import Path

import pytest

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.plugin.dataset import format_of, unusable_file


@pytest.mark.parametrize("dataset", ['{"rows": "' + "x" * 300 + '"}', "a\0b", "nothing.txt", "nothing/"])
def test_what_is_no_file_is_one_sentence(dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were pasted instead of their file's name, for example; nothing is raised."""
    monkeypatch.chdir(tmp_path)
    problem = unusable_file(dataset)
    assert problem is not None
    assert "cannot be read" in problem.message
    assert format_of(dataset) in DatasetFormat


def test_a_folder_below_home_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shell has left the tilde."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"x")
    assert DatasetFormat.FILES is format_of("~/images")
    assert unusable_file("~/images") is None
