"""The first process of the cluster: starts its parts in order, restarts what dies, collects orphans.

It runs as process 1 of the cluster's PID namespace, so the kernel ends every process of the cluster, containers
included, when it ends: there is nothing to stop one by one. Usage: supervisor.py CONFIG STATUS, where CONFIG holds one
JSON object a line: name, argv, log, and ready (a URL or a socket's path that answers once the part serves, or "").
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_TIMEOUT_S = 60.0  # then the next part starts anyway: it may be what is missing
MAX_RESTARTS = 20  # a part that dies this often is left dead, and `status` says so
MAX_RESTART_DELAY_S = 15.0


@dataclass
class Part:
    """One program: how it is started, and how it fared."""

    name: str
    argv: list[str]
    log: str
    ready: str
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = -1
    started: float = 0.0
    restart_at: float | None = field(default=None)

    def start(self) -> None:
        """Start the program; its output is appended to its log."""
        self.restarts += 1
        self.started = time.monotonic()
        self.restart_at = None
        with Path(self.log).open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # What main() blocks for itself would stay blocked in the program.
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()),
            )

    def ended(self, status: int) -> None:
        """Plan the restart, later each time, unless there were too many."""
        code = os.waitstatus_to_exitcode(status)
        print(f"{self.name} ended with {code} after {time.monotonic() - self.started:.1f} s", flush=True)
        if self.process is not None:
            self.process.returncode = code  # Popen must not wait for it again
        self.process = None
        if self.restarts < MAX_RESTARTS:
            self.restart_at = time.monotonic() + min(0.5 * 2**self.restarts, MAX_RESTART_DELAY_S)

    def is_ready(self) -> bool:
        """Ask the program itself; no answer within a second is no."""
        if not self.ready:
            return True
        try:
            if self.ready.startswith("/"):
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(1)
                    client.connect(self.ready)
                    return True
            # Only "does it serve yet", over an address of this namespace: the certificate says nothing here.
            context = ssl._create_unverified_context()  # noqa: SLF001
            with urllib.request.urlopen(self.ready, timeout=1, context=context) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def write_status(path: Path, parts: list[Part]) -> None:
    """Leave what `localcluster status` prints; replaced whole, never half written."""
    status: dict[str, Any] = {
        part.name: {"running": part.process is not None, "restarts": max(part.restarts, 0)} for part in parts
    }
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(status))
    temporary.replace(path)


def reap(parts: list[Part]) -> bool:
    """Collect every dead child, ours or adopted; true when one of ours died."""
    changed = False
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return changed
        if pid == 0:
            return changed
        for part in parts:
            if part.process is not None and part.process.pid == pid:
                part.ended(status)
                changed = True


def main() -> None:
    """Run until SIGTERM, or until killed."""
    parts = [Part(**json.loads(line)) for line in Path(sys.argv[1]).read_text().splitlines()]
    status_path = Path(sys.argv[2])
    # The signals are waited for, never delivered: no handler, no race.
    signals = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    waiting = list(parts)  # not started yet; the one before the first of them is not ready yet
    last: Part | None = None
    while True:
        changed = reap(parts)
        now = time.monotonic()
        if waiting and (last is None or last.is_ready() or now - last.started > READY_TIMEOUT_S):
            last = waiting.pop(0)
            last.start()
            changed = True
        for part in parts:
            if part.restart_at is not None and now >= part.restart_at:
                part.start()
                changed = True
        if changed:
            write_status(status_path, parts)
        busy = waiting or any(part.restart_at is not None for part in parts)
        received = signal.sigtimedwait(signals, 0.05 if busy else 60.0)
        if received is not None and received.si_signo in (signal.SIGTERM, signal.SIGINT):
            return


if __name__ == "__main__":
    main()
