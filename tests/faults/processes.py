"""The processes of the local cluster, which faults are made of: found by their parents, ended by number.

Only the local cluster is ever touched: its processes are those below its supervisor, its containers those in the
control group of a pod.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.support import Run

PROC = Path("/proc")
POLL_SECONDS = 0.2
PATIENCE = 60.0
"""Seconds in which a process that was started, or killed, is there again."""


def run_folder() -> Path:
    """Return the folder with the sockets of the local cluster, and with the number of its first process."""
    name = os.environ.get("MODELPROFILER_CLUSTER")
    return Path(f"/run/modelprofiler-localcluster{f'-{name}' if name else ''}")


def supervisor() -> int:
    """Return the number of the process below which the whole local cluster runs.

    Raises
    ------
    LookupError
        When there is none.
    """
    try:
        return int((run_folder() / "supervisor.pid").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LookupError("the local cluster does not run") from error


def part(program: str, root: int | None = None) -> int:
    """Return the number of the process of the cluster that runs a program, such as kube-apiserver.

    Parameters
    ----------
    root
        The process below which it is; by default the local cluster's.

    Raises
    ------
    LookupError
        When none does.
    """
    for pid in below(root if root is not None else supervisor()):
        words = _command(pid)
        if words and Path(words[0]).name == program:
            return pid
    raise LookupError(f"no {program} runs in the local cluster")


def below(root: int) -> list[int]:
    """Return the numbers of all processes below one, in the order of their distance."""
    parents: dict[int, list[int]] = {}
    for pid in _all():
        if (parent := _parent(pid)) is not None:
            parents.setdefault(parent, []).append(pid)
    descendants, next_ones = [], [root]
    while next_ones:
        next_ones = [child for one in next_ones for child in parents.get(one, [])]
        descendants += next_ones
    return descendants


def of_pod(uid: str, word: str) -> int:
    """Return the number of the first process of a pod of which an argument contains a word.

    Raises
    ------
    LookupError
        When there is none.
    """
    for pid in sorted(_all()):
        if f"pod{uid}" in _read(pid, "cgroup") and any(word in argument for argument in _command(pid)):
            return pid
    raise LookupError(f"pod {uid} has no process {word}")


def kill(pid: int) -> None:
    """End a process as the kernel does when memory runs out: it has no say in it."""
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process while the block runs: it keeps its connections, and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def wait_for_another(program: str, than: int) -> int:
    """Wait until a part of the cluster runs again, with another number."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(LookupError):
            if (pid := part(program)) != than:
                return pid
        assert time.monotonic() < deadline, f"{program} was not started again"
        time.sleep(POLL_SECONDS)


def wait_for_api(kubectl: Run) -> None:
    """Wait until the API server is ready."""
    deadline = time.monotonic() + PATIENCE
    while kubectl("get", "--raw", "/readyz", check=False).returncode:
        assert time.monotonic() < deadline, "the API server does not come back"
        time.sleep(1)


def _all() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]


def _read(pid: int, file: str) -> str:
    try:
        return (PROC / str(pid) / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # it has ended


def _command(pid: int) -> list[str]:
    return _read(pid, "cmdline").split("\0")[:-1]


def _parent(pid: int) -> int | None:
    _, _, rest = _read(pid, "stat").rpartition(")")  # a program's name may have anything in it
    fields = rest.split()
    return int(fields[1]) if len(fields) > 1 else None
