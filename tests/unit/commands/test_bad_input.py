"""Whatever a command is given, it answers in one sentence for each problem, never with a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.report import runs

import modelprofiler.report
from modelprofiler.cli import main
from modelprofiler.report.document import document

PROGRAM = [sys.executable, "-m", "modelprofiler"]


@pytest.fixture
def report(tmp_path: Path) -> str:
    """Return a file with a verified run, whose name no encoding has."""
    data = document(runs.verified())
    data["profile"]["metadata"]["name"] = "digits\ud800"
    file = tmp_path / "digits.json"
    file.write_text(json.dumps(data))
    return str(file)


def run(*arguments: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command, its output redirected as a shell would."""
    line = 'exec "$0" "$@" ' + shell
    command = ["bash", "-c", line, *PROGRAM, *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


BAD_FILES = {
    "empty": b"",
    "binary": bytes(range(256)),
    "not UTF-8": "é: 1".encode("latin-1"),
    "a list": b"[1]",
    "a list of nothing": b'{"kind": "List", "items": []}',
    "a list of text": b'{"kind": "List", "items": ["x"]}',
    "deep JSON": b"[" * 99_999,
    "deep YAML": b"{a: " * 999 + b"}" * 999,
    "a deep list": b"- " * 99_999,
    "another kind": b"{apiVersion: v1, kind: Pod, metadata: {name: x}}",
}


@pytest.mark.parametrize("command", ["validate", "plan", "run", "report", "patch"])
@pytest.mark.parametrize("content", BAD_FILES)
def test_a_file_that_is_no_profile_is_one_problem(
    tmp_path: Path, command: str, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its name."""
    file = tmp_path / "x.yaml"
    file.write_bytes(BAD_FILES[content])
    assert main([command, str(file)]) in (1, 2)
    [problem] = capsys.readouterr().err.splitlines()
    assert str(file) in problem or "this is a v1 Pod" in problem


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", ""], "the name of a run must not be empty"),
        (["report", "Digits run"], "there is no file or directory 'Digits run', and no profile can have this name"),
        (["report", "digits", "-n", "a/../b"], "--namespace: 'a/../b' is not a valid Kubernetes name"),
        (["get", "a/../b"], "NAME: 'a/../b' is not a valid Kubernetes name"),
        (["init", "--dataset", "x", "--output", "/missing/x"], "--output: there is no folder /missing"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it becomes a part of an address, or anything is read."""
    assert 2 == main(arguments)
    assert f"modelprofiler: {message}\n" == capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "", "[1]", "\x00", "{", "[" * 9999, "current-context: x"])
def test_a_kubeconfig_that_cannot_be_used_is_one_problem(
    tmp_path: Path, content: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the client's traceback nor its log."""
    config = tmp_path / "config"
    if content is not None:
        config.write_text(content)
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config))
    assert 1 == main(["get"])
    [problem] = capsys.readouterr().err.splitlines()
    assert problem.startswith("modelprofiler: no cluster: ")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["report"], ["report", "-o", "html"]])
def test_a_reader_that_has_seen_enough_is_no_error(report: str, arguments: list[str]) -> None:
    """As `| head` does."""
    command = [*arguments, report] if arguments[0] == "report" else arguments
    assert "" == run(*command, shell="| head -c 0").stderr


def test_a_full_disk_is_reported_in_a_sentence(report: str) -> None:
    """Output is lost only when it is flushed."""
    ended = run("report", report, shell=">/dev/full")
    assert (1, "modelprofiler: No space left on device\n") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&-"])
def test_a_closed_stream_is_no_error(report: str, shell: str) -> None:
    """A program may be started without them."""
    ended = run("report", report, shell=shell)
    assert (0, "") == (ended.returncode, ended.stderr)


def test_closed_standard_input_is_an_empty_file() -> None:
    """Like /dev/null."""
    ended = run("validate", "-", shell="<&-")
    assert (2, 1) == (ended.returncode, len(ended.stderr.splitlines()))


@pytest.mark.parametrize("output", ["text", "json", "html"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_encoding_can_print_every_report(report: str, output: str, encoding: str) -> None:
    """What it lacks is escaped; HTML and JSON are always in UTF-8."""
    ended = run("report", report, "-o", output, PYTHONIOENCODING=encoding)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert output == "text" or "\N{REPLACEMENT CHARACTER}" not in ended.stdout


def test_every_report_can_be_written_to_a_file(report: str, tmp_path: Path) -> None:
    """Half a character is escaped, as JSON does."""
    file = tmp_path / "copy.json"
    assert 0 == main(["report", report, "-o", "json", "--file", str(file)])
    assert json.loads(Path(report).read_text()) == json.loads(file.read_text())


@pytest.mark.parametrize("columns", ["1", "20", "400"])
def test_help_and_report_fit_any_terminal(report: str, columns: str) -> None:
    """However narrow."""
    for command in (["--help"], ["run", "--help"], ["report", report]):
        assert 0 == run(*command, COLUMNS=columns).returncode


def test_a_problem_cannot_control_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may quote the file."""
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"apiVersion": "\x1b[31m\r\n", "kind": "Pod"}))
    assert 2 == main(["report", str(file)])
    error = capsys.readouterr().err
    assert (1, False) == (len(error.splitlines()), "\x1b" in error)


@pytest.mark.parametrize("output", ["text", "json", "html"])
def test_only_the_page_needs_jinja2(
    report: str, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator's image does not have it."""
    for module in ("page", "html"):
        monkeypatch.delitem(sys.modules, f"modelprofiler.report.{module}", raising=False)
        monkeypatch.delattr(modelprofiler.report, module, raising=False)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert (1 if output == "html" else 0) == main(["report", report, "-o", output])
    expected = "modelprofiler: this command needs jinja2: pip install 'modelprofiler[local]'\n"
    assert (expected if output == "html" else "") == capsys.readouterr().err


@pytest.mark.parametrize("wait", ["nan", "-1", "inf", "soon"])
def test_a_wait_is_a_number_of_seconds(wait: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Comparisons with NaN would wait for ever."""
    with pytest.raises(SystemExit) as ended:
        main(["run", "x.yaml", f"--wait={wait}"])
    assert (2, True) == (ended.value.code, "argument --wait: " in capsys.readouterr().err)
