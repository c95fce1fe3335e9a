"""Processes are found below one of ours, by their program, and stopped by their number."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults import processes


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """Start a shell that has a child."""
    with subprocess.Popen(["bash", "-c", "sleep 60; true"]) as shell:
        yield shell
        for pid in [*processes.below(shell.pid), shell.pid]:
            processes.kill(pid)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def _wait_for_state(pid: int, expected: str) -> None:
    """Wait until a process has a state: a signal is delivered when the process runs next."""
    deadline = time.monotonic() + 20
    while _state(pid) != expected:
        assert time.monotonic() < deadline, _state(pid)
        time.sleep(0.01)


def _part(root: int) -> int:
    deadline = time.monotonic() + 20
    while True:
        try:
            return processes.part("sleep", root)
        except LookupError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_program_is_found_below_its_parent_and_nowhere_else(parent: subprocess.Popen[bytes]) -> None:
    """There may be others of this name on the machine, which are nobody's business here."""
    pid = _part(parent.pid)
    assert pid in processes.below(parent.pid)
    with pytest.raises(LookupError, match="no sleep runs"):
        processes.part("sleep", pid)
    with pytest.raises(LookupError, match="no etcd runs"):
        processes.part("etcd", parent.pid)


def test_a_paused_process_goes_on_afterwards(parent: subprocess.Popen[bytes]) -> None:
    """Also when it was ended meanwhile."""
    pid = _part(parent.pid)
    with processes.paused(pid):
        _wait_for_state(pid, "T")
    _wait_for_state(pid, "S")
    with processes.paused(parent.pid):
        processes.kill(parent.pid)
        os.waitid(os.P_PID, parent.pid, os.WEXITED | os.WNOWAIT)
    processes.kill(pid)


def test_without_a_cluster_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no fault is made elsewhere."""
    monkeypatch.setenv("MODELPROFILER_CLUSTER", "of-nobody")
    with pytest.raises(LookupError, match="the local cluster does not run"):
        processes.part("etcd")
