"""One run at a time on a machine: two would disturb each other's measurements.

This is not `filelock.FileLock`, which opens its file for writing and refuses one that belongs to another user. The lock
is one for all users of the machine, and a user who may only read the file must be able to lock it and to read who holds
it. flock(2) allows that, and the kernel releases the lock when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelprofiler.core.text import printable
from modelprofiler.errors import MachineBusy

LOCK_FILE = Path(tempfile.gettempdir()) / "modelprofiler.lock"
POLL_SECONDS = 0.5
"""Between two attempts to get the lock; short compared with a run, which takes minutes."""
MAX_HOLDER_BYTES = 200


@contextmanager
def machine_lock(
    holder: str, *, wait_seconds: float = 0.0, waiting: Callable[[str], None] = lambda _: None, file: Path = LOCK_FILE
) -> Iterator[None]:
    """Reserve the machine for this process; the reservation ends with the process, however it ends.

    Parameters
    ----------
    holder
        How messages to others name this process.
    wait_seconds
        How long to wait while another process holds the lock.
    waiting
        Called once, with a sentence that names the other process, before waiting.
    file
        The lock file: one for all users of the machine.

    Raises
    ------
    MachineBusy
        Another process still holds the lock after that time.
    """
    descriptor = _open(file)
    try:
        deadline = time.monotonic() + wait_seconds
        announced = False
        while not _try_lock(descriptor):
            other = printable(os.pread(descriptor, MAX_HOLDER_BYTES, 0).decode(errors="replace")).strip()
            other = other or "another run"
            if time.monotonic() >= deadline:
                raise MachineBusy(f"{other} is running on this machine, and two runs would disturb each other")
            if not announced:
                waiting(f"waiting for {other} to end")
                announced = True
            time.sleep(POLL_SECONDS)
        with suppress(OSError):  # another user's file: it can be locked, but not written
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{holder} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    """Open the lock file; another user's can only be read, which is enough to lock it.

    Anybody may make a file in a folder for temporary files: a link there would have this process write into another
    file of its user, and a pipe would have it wait for ever.

    Raises
    ------
    MachineBusy
        It is not a regular file.
    """
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | flags, 0o666)
        except PermissionError:
            descriptor = os.open(file, os.O_RDONLY | flags)
    except OSError as error:
        raise MachineBusy(f"{file} cannot be used to reserve this machine: {error.strerror}; remove it") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MachineBusy(f"{file} cannot be used to reserve this machine, because it is not a regular file; remove it")
    return descriptor


def _try_lock(descriptor: int) -> bool:
    """Lock the file if nobody else holds the lock; return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
