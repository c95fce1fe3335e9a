"""The processes of a server that has no control group: its session and its descendants."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import psutil

KILL_SECONDS = 5.0
"""How long processes may take to die of SIGKILL; as for a control group."""


class ProcessTree:
    """A process that leads a session of its own, and every process that it started.

    A process that starts another session and whose parent ends (a daemon) is included only if it was seen before that.

    Parameters
    ----------
    pid
        Number of the process that leads the session.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._known: dict[int, psutil.Process] = {}

    def members(self) -> list[psutil.Process]:
        """Return the living processes, after a search for new ones in the whole system (takes milliseconds)."""
        for process in psutil.process_iter():
            if process.pid in self._known:
                continue
            with contextlib.suppress(OSError, psutil.Error):
                if process.pid == self.pid or os.getsid(process.pid) == self.pid or process.ppid() in self._known:
                    self._known[process.pid] = process
        return self.alive()

    def alive(self) -> list[psutil.Process]:
        """Return the processes of the last search that still live; a zombie does not."""
        self._known = {pid: process for pid, process in self._known.items() if _is_alive(process)}
        return list(self._known.values())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process."""
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def kill(self, seconds: float = KILL_SECONDS) -> bool:
        """Kill every process, also those started meanwhile; return whether all ended within `seconds`."""
        end = time.monotonic() + seconds
        while members := self.members():
            for process in members:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        return True


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
