"""A user who is not root asks systemd to delegate a control group."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from modelprofiler.errors import LimitsUnavailable
from modelprofiler.host import scope
from modelprofiler.host.scope import enter_scope


class Replaced(Exception):
    """The process is another program now."""


@pytest.fixture
def systemd_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a systemd-run that runs what comes after the dashes, for a user without control groups."""
    program = tmp_path / "systemd-run"
    program.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(scope.SCOPE_VARIABLE, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    def refuse(name: str) -> None:
        raise LimitsUnavailable("nothing may be written")

    def replace(program: str, command: list[str], environment: dict[str, str]) -> None:
        raise Replaced(command, environment[scope.SCOPE_VARIABLE])

    monkeypatch.setattr(scope, "open_cgroup", refuse)
    monkeypatch.setattr(os, "execve", replace)
    return program


def test_the_command_is_run_again_in_a_scope_of_its_own(systemd_run: Path) -> None:
    """The scope is delegated, so that groups may be made in it, and marked, so that the command does not ask again."""
    with pytest.raises(Replaced) as replaced:
        enter_scope(["modelprofiler", "run", "profile.yaml"])
    options = ["--user", "--scope", "--quiet", "--collect", "-p", "Delegate=yes"]
    assert ([str(systemd_run), *options, "--", "modelprofiler", "run", "profile.yaml"], "1") == replaced.value.args


def test_in_the_scope_it_is_not_done_again(systemd_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is returned instead."""
    monkeypatch.setenv(scope.SCOPE_VARIABLE, "1")
    assert "nothing may be written" == enter_scope(["modelprofiler"])


def test_a_systemd_that_cannot_is_quoted(systemd_run: Path) -> None:
    """Without a session bus there is no user's systemd."""
    systemd_run.write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    assert "nothing may be written; systemd-run: Failed to connect to bus" == enter_scope(["modelprofiler"])


def test_without_systemd_the_reason_is_returned(systemd_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program could delegate a scope."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "nothing may be written" == enter_scope(["modelprofiler"])


def test_nothing_is_done_where_groups_are_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, or in a container."""

    class Group:
        def remove(self) -> bool:
            return True

    monkeypatch.setattr(scope, "open_cgroup", lambda name: Group())
    assert enter_scope(["modelprofiler"]) is None
