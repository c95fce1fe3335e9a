"""One run at a time on a machine: two would measure each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelprofiler.errors import MachineBusy

LOCK_FILE = Path(tempfile.gettempdir()) / "modelprofiler.lock"
POLL_SECONDS = 0.5


@contextmanager
def machine(
    who: str, *, wait_seconds: float = 0.0, waiting: Callable[[str], None] = lambda _: None, file: Path = LOCK_FILE
) -> Iterator[None]:
    """Have the machine to oneself; the lock goes with the process, however that ends.

    Parameters
    ----------
    who
        What to tell others that find it taken.
    wait_seconds
        How long to wait for it.
    waiting
        Called once with who has it, before waiting.
    file
        Where the lock is: one for all users of the machine.

    Raises
    ------
    MachineBusy
        When somebody else has it, and still has it after that time.
    """
    descriptor = _open(file)
    try:
        end = time.monotonic() + wait_seconds
        told = False
        while not _locked(descriptor):
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another run"
            if time.monotonic() >= end:
                raise MachineBusy(f"{holder} is running on this machine, and two would measure each other")
            if not told:
                waiting(f"waiting for {holder} to end")
                told = True
            time.sleep(POLL_SECONDS)
        _describe(descriptor, who)
        yield
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    """Open the lock; that of another user can only be read, which is enough to lock it."""
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _describe(descriptor: int, who: str) -> None:
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{who} (process {os.getpid()})".encode(), 0)
