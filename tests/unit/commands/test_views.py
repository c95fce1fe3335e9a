"""The commands that show a run: what they print, where they write, how they end."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tests.unit.report import runs

from modelprofiler.cli import main
from modelprofiler.commands import get
from modelprofiler.report.document import document
from modelprofiler.report.record import RunRecord


@pytest.fixture
def run(tmp_path: Path) -> str:
    """Return a file with a verified run."""
    return kept(tmp_path / "digits.json", document(runs.verified()))


def kept(file: Path, data: dict[str, object]) -> str:
    """Write data to a file and return its name."""
    file.write_text(json.dumps(data))
    return str(file)


def test_a_report_is_printed_as_text(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By default; without colours where nobody looks."""
    assert 0 == main(["report", run])
    out = capsys.readouterr().out
    assert ("digits: Verified", False) == (out.splitlines()[0], "\x1b" in out)


def test_a_report_is_one_document(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is what it was read from."""
    assert 0 == main(["report", run, "-o", "json"])
    assert json.loads(Path(run).read_text()) == json.loads(capsys.readouterr().out)


def test_a_report_is_written_as_a_page(run: str, tmp_path: Path) -> None:
    """To a file that is named."""
    assert 0 == main(["report", run, "-o", "html", "--file", str(tmp_path / "x.html")])
    assert (tmp_path / "x.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["report", "./missing.json"], 1, "missing.json cannot be read: No such file"),
        (["report", "{run}", "--file", "/missing/x"], 2, "--file: /missing/x cannot be written"),
        (["patch", "{run}"], 2, "--workload: is required"),
        (["patch", "{run}", "-w", "Pod/x"], 2, "--workload: 'Pod' is not a kind with a pod template"),
        (["patch", "{run}", "-w", "Deployment/x", "-o", "kustomize", "-f", "x.yaml"], 2, "--file: with kustomize"),
        (["compare", "{run}", "{run}", "--max-increase", "a lot"], 2, "--max-increase: 'a lot' is not a percentage"),
    ],
)
def test_a_problem_is_reported_in_a_sentence(
    run: str, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2 for bad input, 1 for a run that is missing or has no recommendation."""
    assert code == main([a.replace("{run}", run) for a in arguments])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("record", [runs.infeasible(), runs.unfinished()])
def test_no_patch_is_written_without_a_recommendation(
    tmp_path: Path, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever its form."""
    run = kept(tmp_path / "x.json", document(record))
    for output in ("patch", "kustomize", "helm"):
        assert 1 == main(["patch", run, "-o", output, "-w", "Deployment/x"])
    assert "" == capsys.readouterr().out


def test_a_component_is_written_to_a_directory(run: str, tmp_path: Path) -> None:
    """That is there already."""
    directory = tmp_path / "component"
    directory.mkdir()
    assert 0 == main(["patch", run, "-w", "Deployment/x", "-o", "kustomize", "--file", str(directory)])
    assert ["kustomization.yaml", "resources.yaml"] == sorted(f.name for f in directory.iterdir())


def test_values_are_printed(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For a chart's path; no workload is needed."""
    assert 0 == main(["patch", run, "-o", "helm", "--values-path", "server.resources"])
    assert "400m" == yaml.safe_load(capsys.readouterr().out)["server"]["resources"]["requests"]["cpu"]


@pytest.mark.parametrize(("maximum", "code"), [("10%", 1), ("40", 0)])
def test_a_comparison_ends_by_what_is_allowed(run: str, tmp_path: Path, maximum: str, code: int) -> None:
    """A pipeline reads the exit code."""
    new = kept(tmp_path / "new.json", document(runs.killed()))
    assert code == main(["compare", run, new, "--max-increase", maximum])


def test_profiles_are_listed_as_kubectl_lists_them() -> None:
    """The same columns; what there is not yet is empty."""
    finished = runs.verified().profile.to_dict()
    finished["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    new = {"metadata": {"name": "new"}}
    lines = get.table([finished, new], datetime.fromisoformat("2026-01-01T03:00:00Z")).splitlines()
    assert ["NAME", "SUCCEEDED", "REASON", "TRIALS", "CPU", "MEMORY", "P95", "ROWS", "AGE"] == lines[0].split()
    assert ["digits", "True", "Verified", "5", "400m", "224Mi", "116.9ms", "3h"] == lines[1].split()
    assert "new" == lines[2]


def test_a_listed_status_cannot_control_the_terminal() -> None:
    """Whoever may write it."""
    evil = {"metadata": {"name": "x"}, "status": {"conditions": [{"type": "Succeeded", "reason": "a\x1b[2J\nb"}]}}
    assert ["x", "a[2J", "b"] == get.table([evil], datetime.now(UTC)).splitlines()[1].split()
