"""The address of a running server, and the options that say what is sent to it."""

from pathlib import Path

import pytest

from modelprofiler.cli import main
from modelprofiler.errors import InvalidInput
from modelprofiler.files.overrides import Overrides
from modelprofiler.files.running_server import Address, running_server


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://host", Address("http", "host", 80)),
        ("https://host", Address("https", "host", 443)),
        ("HTTP://Host:8080/", Address("http", "host", 8080, "/")),
        ("http://[::1]:1/a/b?c=d#e", Address("http", "::1", 1, "/a/b?c=d")),
        ("http://host?q=1", Address("http", "host", 80, "/?q=1")),
    ],
)
def test_an_address_is_read(text: str, expected: Address) -> None:
    """Without a path, that of the profile counts."""
    assert expected == Address.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "host:80", "//host", "ftp://host", "http://", "http://h:0", "http://h:99999", "http://h:x", "http://[::1",
     "http://h /x", "http://h/\n", "http://u:p@h", "http://u@h", "http://h/" + "x" * 3000],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """In one sentence, without a password."""
    with pytest.raises(InvalidInput) as raised:
        Address.parse(text)
    assert ["--url"] == [problem.path for problem in raised.value.problems]
    assert "u:p" not in str(raised.value)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    """And every option that has no meaning without trials."""
    with pytest.raises(InvalidInput) as raised:
        running_server(
            "http://host", None, Overrides(cpu="1", max_trials=3, port=5, duration="1s"), ca_bundle=tmp_path / "none"
        )
    problems = raised.value.problems
    paths = ["--cpu", "--max-trials", "--port", "--dataset", "--rate", "--latency", "--ca-bundle", "--ca-bundle"]
    assert paths == [problem.path for problem in problems[:8]]


def test_problems_of_values_have_their_option(tmp_path: Path) -> None:
    """As in a file."""
    overrides = Overrides(dataset="x", rate="0", latency=("p95=0s",), method="FETCH", path="x y", timeout="0s")
    with pytest.raises(InvalidInput) as raised:
        running_server("http://host", None, overrides)
    messages = " ".join(map(str, raised.value.problems))
    for flag in ("--rate", "--latency", "--method", "--path", "--timeout"):
        assert f"(from {flag})" in messages


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "FILE: is needed"),
        (("--max-requests", "3", "x.yaml"), "--max-requests: needs --url"),
        (
            ("--url", "http://127.0.0.1:1", "--resume", "--directory", "x", "--max-requests", "0"),
            "--resume: has no effect",
        ),
    ],
)
def test_a_run_says_which_options_belong_together(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code of bad input."""
    assert 2 == main(["run", *arguments])
    assert message in capsys.readouterr().err


def test_a_slowdown_needs_another_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which a server that is not limited does not have; the count of requests is bounded, too."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "apiVersion: modelprofiler.io/v1alpha1\nkind: ModelProfile\nmetadata: {name: a}\nspec:\n"
        "  server: {template: {spec: {containers: [{name: a, image: b}]}}}\n  dataset: {source: {path: nowhere}}\n"
        "  load: {openLoop: {rate: 1k}, duration: 1h}\n  objectives: {maxSlowdownPercent: 10}\n"
    )
    assert 2 == main(["run", str(file), "--url", "http://127.0.0.1:1"])
    errors = capsys.readouterr().err
    assert "spec.objectives.maxSlowdownPercent: compares with a run at the largest size" in errors
    assert "--max-requests: the load has about 3,605,000 requests, more than 1,000,000" in errors
    assert "spec.dataset.source.path: nowhere cannot be read" in errors
