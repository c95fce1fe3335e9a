"""Completion in real shells, each in a terminal: what a person types, and what stands on the line after the tab key."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.terminal import Terminal

SHELLS = {
    # Nobody has called compinit: the lines see to that themselves.
    "zsh": (["zsh", "-f", "-i"], 'eval "$(modelprofiler completion zsh)"; echo re""ady\n'),
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(modelprofiler completion bash)"; echo re""ady\n'),
    "fish": (["fish", "--private"], "modelprofiler completion fish | source; echo re''ady\n"),
}


@pytest.fixture(scope="module", params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Return a shell in a folder with one file, its completion set up as its help says."""
    command, lines = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed; `hack/shells` installs it")
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    (work / "profile.yaml").touch()
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = {"PATH": programs, "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "work $ "}
    with Terminal(command, cwd=work, env=env) as terminal:
        terminal.until("work")  # fish asks the terminal things first; its prompt has the folder
        terminal.type(lines)
        terminal.until("ready")
        yield terminal


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("modelprofiler compl\t", "modelprofiler completion"),
        ("modelprofiler run --lat\t", "modelprofiler run --latency"),
        ("modelprofiler run prof\t", "modelprofiler run profile.yaml"),
        ("modelprofiler run --dataset prof\t", "modelprofiler run --dataset profile.yaml"),
        ("modelprofiler run --output j\t", "modelprofiler run --output json"),
        ("modelprofiler ml model prof\t", "modelprofiler ml model profile"),
        ("modelprofiler ml model profile --input-datas\t", "modelprofiler ml model profile --input-dataset-id"),
    ],
)
def test_a_line_is_completed(shell: Terminal, typed: str, expected: str) -> None:
    """A command, one of a group, an option, one of its values, a file."""
    shell.type(typed)
    shell.until(expected)
    shell.type("\x15")  # the line is taken away, not run


def test_what_can_follow_is_listed_without_options(shell: Terminal) -> None:
    """Until a hyphen is typed."""
    shell.type("modelprofiler completion \t\t")
    screen = shell.until("zsh")
    shell.type("\x15")
    assert "--help" not in screen.rpartition("modelprofiler completion")[2]
