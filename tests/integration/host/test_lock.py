"""Two runs on one machine would disturb each other: the second waits, or is refused with the name of the first."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelprofiler.errors import MachineBusy
from modelprofiler.host.lock import machine_lock

HOLD = """
import sys
from pathlib import Path
from modelprofiler.host.lock import machine_lock
with machine_lock("profile other", file=Path(sys.argv[1])):
    print("has it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a lock of the test's own."""
    return tmp_path / "lock"


@pytest.fixture
def other(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Return another process that has the machine, until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_with_the_name_of_the_first(file: Path, other: subprocess.Popen[str]) -> None:
    """By name and process number."""
    with (
        pytest.raises(MachineBusy, match=rf"^profile other \(process {other.pid}\) is running"),
        machine_lock("x", file=file),
    ):
        pass


def test_a_second_run_may_wait(file: Path, other: subprocess.Popen[str]) -> None:
    """The message names the other run, comes once, and waiting ends when that run has ended."""
    messages: list[str] = []

    def end(message: str) -> None:
        messages.append(message)
        other.kill()

    with machine_lock("x", wait_seconds=60, waiting=end, file=file):
        assert [f"waiting for profile other (process {other.pid}) to end"] == messages


def test_a_run_that_was_killed_holds_nothing(file: Path, other: subprocess.Popen[str]) -> None:
    """The kernel gives the lock back with the process."""
    other.kill()
    other.wait()
    with machine_lock("x", file=file):
        assert "x" in file.read_text()


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_lock_file_that_somebody_else_has_prepared_is_not_used(kind: str, file: Path, tmp_path: Path) -> None:
    """Through a link, another file of this user would be overwritten; a pipe would wait for ever."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    if kind == "link":
        file.symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.mkdir()
    with pytest.raises(MachineBusy, match="cannot be used to reserve this machine"), machine_lock("me", file=file):
        pass
    assert "precious" == victim.read_text()
