"""How a prepare pod inspects a volume, which is a folder here."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.cli import main
from modelprofiler.core.sources import digest
from modelprofiler.files.inspect import PrepareConfig, PrepareResult, SourceProblem, prepare
from modelprofiler.load.rows.examine import describe

NOBODY = 65534
CLAIM = "spec.{}.source.persistentVolumeClaim"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Make a volume with a model of two files, a script and rows."""
    (tmp_path / "model/sub").mkdir(parents=True)
    (tmp_path / "model/weights.bin").write_bytes(b"\xff" * 3_000_000)
    (tmp_path / "model/sub/labels.txt").write_text("a\nb\n", encoding="utf-8")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/score.py").write_text("def init(): pass\n", encoding="utf-8")
    (tmp_path / "rows.txt").write_text("one\n\nthree\none\n", encoding="utf-8")
    return tmp_path


def inspect(volume: Path, **inside: str) -> PrepareResult:
    """Inspect parts of the volume, each by its path."""
    sources = [
        {"part": part, "path": CLAIM.format(part), "claim": "c", "root": str(volume), "inside": path}
        for part, path in inside.items()
    ]
    return prepare(PrepareConfig.model_validate({"sources": sources, "file": "score.py"}))


def problem_of(volume: Path, **inside: str) -> tuple[str, str]:
    """Return reason and message of the only problem."""
    (problem,) = inspect(volume, **inside).problems
    assert CLAIM.format(next(iter(inside))) == problem.path
    return problem.reason, problem.message


def headers_checked(environment: dict[str, str], **more: object) -> list[tuple[str, str]]:
    """Return what is wrong with a header whose value is in a Secret."""
    reference = {"secretKeyRef": {"name": "login", "key": "token"}}
    endpoint = {"headers": [{"name": "Authorization", "valueFrom": reference}]}
    config = PrepareConfig.model_validate({"sources": [], "endpoint": endpoint, **more})
    return [(problem.reason, problem.path) for problem in prepare(config, environment).problems]


def test_headers_from_secrets_are_checked_with_the_sources(volume: Path) -> None:
    """Their problems are in the result beside those of the sources."""
    path = "spec.endpoint.http.headers[0].valueFrom.secretKeyRef"
    assert [("SourceNotFound", path)] == headers_checked({})
    assert [("SourceUnreadable", path)] == headers_checked({"MODELPROFILER_HEADER_0": "a\nb"})
    assert [] == headers_checked({"MODELPROFILER_HEADER_0": "abc"})
    source = {"part": "dataset", "path": "spec.dataset.source", "claim": "c", "root": str(volume), "inside": "none"}
    assert 2 == len(headers_checked({}, sources=[source]))


def test_files_have_the_digest_they_would_have_in_a_config_map(volume: Path) -> None:
    """So that a run stays the same when its files move."""
    files = {"weights.bin": b"\xff" * 3_000_000, "sub/labels.txt": b"a\nb\n"}
    result = inspect(volume, model="model", code="code", dataset="rows.txt")
    assert (digest(files), digest({"score.py": b"def init(): pass\n"})) == (result.model_digest, result.code_digest)
    assert result.dataset is not None
    assert describe([b"one", b"three", b"one"]) == result.dataset.model_copy(update={"warnings": None})
    assert ["the dataset has 2 distinct rows of 3"] == [w.partition(":")[0] for w in result.dataset.warnings or ()]
    assert ([], []) == (result.single_files, result.problems)


def test_a_path_may_be_a_single_file(volume: Path) -> None:
    """As a key of a ConfigMap is."""
    result = inspect(volume, model="model/weights.bin", code="code/score.py")
    assert digest({"weights.bin": b"\xff" * 3_000_000}) == result.model_digest
    assert ["model", "code"] == result.single_files


def test_the_root_of_a_volume_has_lost_and_found(volume: Path) -> None:
    """Which is root's, and not a file of the model."""
    before = inspect(volume, model="").model_digest
    (volume / "lost+found").mkdir(mode=0o700)
    (volume / "lost+found/x").write_bytes(b"x")
    assert before == inspect(volume, model="").model_digest


def test_what_is_missing_is_reported_with_what_exists(volume: Path) -> None:
    """As far as the path leads."""
    contents = "it has code, model, rows.txt"
    assert ("SourceNotFound", f"claim 'c' has no 'modl'; {contents}") == problem_of(volume, model="modl")
    deeper = "claim 'c' has no 'model/x/y'; its folder 'model' has sub, weights.bin"
    assert ("SourceNotFound", deeper) == problem_of(volume, model="model/x/y")
    assert (
        "SourceNotFound",
        "'model' of claim 'c' has no file 'score.py'; it has sub/labels.txt, weights.bin",
    ) == problem_of(volume, code="model")
    folder = "'model' of claim 'c' is not a file; path must name the file with the rows"
    assert ("SourceNotFound", folder) == problem_of(volume, dataset="model")
    (volume / "hollow").mkdir()
    assert ("SourceNotFound", "'hollow' of claim 'c' has no files") == problem_of(volume, model="hollow")


def test_a_dataset_needs_a_row(volume: Path) -> None:
    """As everywhere."""
    (volume / "empty").touch()
    message = "the dataset is empty; write one request body per line"
    assert ("InvalidDataset", message) == problem_of(volume, dataset="empty")


def test_everything_that_is_wrong_is_reported_together(volume: Path) -> None:
    """Not one after the other."""
    assert 3 == len(inspect(volume, model="x", code="y", dataset="z").problems)


def test_a_link_must_not_lead_out(volume: Path) -> None:
    """Of the volume, nor of the folder, which is all that a pod gets to see; nor to nowhere."""
    (volume / "out").symlink_to("/etc")
    assert ("SourceUnreadable", "'out' of claim 'c' is a link that leads out of the volume") == problem_of(
        volume, model="out"
    )
    (volume / "inner").symlink_to("model")
    assert digest({"weights.bin": b"\xff" * 3_000_000, "sub/labels.txt": b"a\nb\n"}) == (
        inspect(volume, model="inner").model_digest
    )
    link = volume / "model/link"
    for target, message in (
        ("../rows.txt", "model/link is a link that leads out of 'model' of claim 'c'; copy the file"),
        ("nowhere", "model/link is a link to nowhere"),
        ("sub", "model/link is a link to a folder; copy the folder"),
    ):
        link.symlink_to(target)
        assert ("SourceUnreadable", message) == problem_of(volume, model="model")
        link.unlink()
    link.symlink_to("weights.bin")
    assert inspect(volume, model="model").model_digest is not None


@pytest.fixture
def without_root() -> Iterator[Path]:
    """Make a folder that everybody may read, and give up the rights of root, who may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        if os.getuid() == 0:
            os.seteuid(0)


def test_what_may_not_be_read_is_named(without_root: Path) -> None:
    """With what makes it readable."""
    (without_root / "model").mkdir()
    (without_root / "model/weights.bin").touch(mode=0)
    if os.getuid() == 0:
        os.seteuid(NOBODY)
    reason, message = problem_of(without_root, model="model")
    assert "SourceUnreadable" == reason
    assert "may not read model/weights.bin of claim 'c'; `chmod -R a+rX` allows it" in message


def test_a_result_fits_into_a_termination_message() -> None:
    """However long names are; what is left out is counted."""
    problem = SourceProblem(reason="SourceNotFound", path="p", message="ü" * 3000)
    text = PrepareResult(problems=[problem] * 3).encode()
    assert len(text.encode()) <= TERMINATION_MESSAGE_BYTES
    decoded = PrepareResult.decode(text)
    assert decoded.problems[-1].message.endswith("(and 1 more)")


def test_the_command_writes_what_was_found(volume: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It succeeds even with problems, which are in the result."""
    source = {"part": "dataset", "path": "p", "claim": "c", "root": str(volume), "inside": "nowhere"}
    (tmp_path / "prepare.json").write_text(json.dumps({"sources": [source]}), encoding="utf-8")
    arguments = ("--config", str(tmp_path / "prepare.json"), "--result", str(tmp_path / "result"))
    assert 0 == main(["prepare", *arguments])
    (problem,) = PrepareResult.decode((tmp_path / "result").read_text(encoding="utf-8")).problems
    assert f"p: {problem.message}\n" == capsys.readouterr().out
    assert 1 == main(["prepare", "--config", str(tmp_path / "nowhere")])
