"""The processes of a server where no control group holds them: its session, and what descends from it."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import psutil

KILL_SECONDS = 5.0


class ProcessTree:
    """A process that leads a session of its own, and every process that it started.

    A process that starts a session of its own and whose parent ends (a daemon) is only known if it was seen before.

    Parameters
    ----------
    pid
        The leader.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._known: dict[int, psutil.Process] = {}

    def members(self) -> list[psutil.Process]:
        """Return those that live, looking for new ones in the whole system (milliseconds)."""
        for process in psutil.process_iter():
            if process.pid in self._known:
                continue
            with contextlib.suppress(OSError, psutil.Error):
                if process.pid == self.pid or os.getsid(process.pid) == self.pid or process.ppid() in self._known:
                    self._known[process.pid] = process
        return self.alive()

    def alive(self) -> list[psutil.Process]:
        """Return those that were known and still live; a zombie does not."""
        self._known = {pid: process for pid, process in self._known.items() if _lives(process)}
        return list(self._known.values())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to each."""
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def kill(self, seconds: float = KILL_SECONDS) -> bool:
        """End every one, also those started meanwhile; return whether all were gone within `seconds`."""
        end = time.monotonic() + seconds
        while members := self.members():
            for process in members:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        return True


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
