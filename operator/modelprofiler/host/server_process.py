"""The process of a server: started in its control group, awaited, and ended with everything that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from modelprofiler.core.text import LONGEST_LAST_WORDS, last_words, printable
from modelprofiler.errors import StartFailed
from modelprofiler.host.control_group import Cgroup, signal_all
from modelprofiler.host.ports import MOST_PROCESSES, all_readable, listening, takes
from modelprofiler.host.process_tree import ProcessTree
from modelprofiler.host.readiness import Target, listens, probe

LAUNCH = Path(__file__).with_name("launch.py")
LAUNCH_SECONDS = 20.0
"""How long the steps before exec may take; chosen for a machine under load, which starts Python slowly."""
PROBE_SECONDS = 1.0
"""Timeout of a readiness probe, the kubelet's default; a probe that times out is repeated."""
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.05
"""Seconds between two probes, which is the precision of the time to ready."""
REAP_SECONDS = 5.0
"""How long to wait for the exit code of a killed process, as long as for its death."""
LAST_WORDS_BYTES = 1 << 16
"""How much of the server's output is searched for the cause of its end: many tracebacks."""
MISPLACED_SECONDS = 10.0
"""How long a server may listen on its port at another address before it is no longer waited for. Servers open all of
their addresses within a moment."""
LOOK_SECONDS = 1.0
"""Between two looks at all sockets of a server that is not ready yet: each takes milliseconds."""
MOST_PLACES = 4
"""Addresses that a sentence names; a server has one, and perhaps one for its metrics."""


class ServerProcess:
    """A server process that leads a session of its own.

    Parameters
    ----------
    name
        How messages name it.
    """

    def __init__(self, name: str = "the server") -> None:
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._cgroup: Cgroup | None = None
        self._tree: ProcessTree | None = None
        self._log = Path(os.devnull)
        self._stop_requested = False
        self._refusal: str | None = None
        self.started_at = 0.0
        """When it executed its command, in seconds of the monotonic clock."""

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process is not None, "not started"
        return self._process.pid

    async def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        cgroup: Cgroup | None,
        log_path: Path,
        cpus: Iterable[int] | None = None,
    ) -> None:
        """Start the process and return when it has executed the command.

        It is in `cgroup` and on `cpus` from its first instruction, and the kernel kills it when the
        thread that starts it ends.

        Parameters
        ----------
        argv, env, cwd
            The command, its whole environment, and its working directory. A command without a slash is searched in
            the PATH of `env`.
        cgroup
            The control group that limits and counts it; None for none.
        log_path
            The file that its output is appended to.
        cpus
            The CPUs that it may use; None for all.

        Raises
        ------
        StartFailed
            The command or directory does not exist, or may not be used.
        """
        assert self._process is None, "a server is started once"
        self._cgroup, self._log = cgroup, log_path
        join_files = [str(path) for path in cgroup.join_files] if cgroup else []
        cpu_numbers = ",".join(map(str, sorted(cpus))) if cpus and hasattr(os, "sched_setaffinity") else ""
        report, report_end = os.pipe()
        launcher = ["-I", "-S", str(LAUNCH), str(report_end), cpu_numbers, str(os.getpid())]
        try:
            with log_path.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, *launcher, *join_files, "--", *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=cwd,
                    env=dict(env),
                    pass_fds=(report_end,),
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            os.close(report)
            raise StartFailed(f"{self._name} cannot be started: {error.strerror}: {error.filename or cwd}") from error
        finally:
            os.close(report_end)
        self._tree = ProcessTree(self._process.pid)
        self.started_at = await self._exec_time(report)

    async def _exec_time(self, report: int) -> float:
        """Return when the process executed the command, as the launcher reports."""
        try:
            output = await asyncio.wait_for(asyncio.to_thread(_read_to_end, report), LAUNCH_SECONDS)
        except TimeoutError:
            await self.stop(0)
            raise StartFailed(f"{self._name} did not start within {LAUNCH_SECONDS:.0f} s") from None
        lines = output.decode("utf-8", "replace").splitlines()
        errors = [line.removeprefix("error ") for line in lines if line.startswith("error ")]
        if errors or not lines:
            await self.stop(0)
            raise StartFailed(f"{self._name} cannot be started: {errors[0] if errors else self._last_words()}")
        return float(lines[0])

    async def ready(
        self,
        target: Target,
        *,
        timeout: float,  # noqa: ASYNC109 - it tries again until then
    ) -> float | None:
        """Wait until the server listens or, with a path, answers GET with a status from 200 to 399.

        Returns
        -------
        float or None
            Seconds from exec; None when the server ended, or was not ready within `timeout` seconds from now, or has
            listened on the port at another address for so long that it will not do it at this one.
        """
        end = time.monotonic() + timeout
        pause = FIRST_PAUSE
        self._refusal = None
        misplaced, next_look = None, time.monotonic() + LOOK_SECONDS
        while (now := time.monotonic()) < end and self.alive:
            refusal = await probe(target, min(PROBE_SECONDS, end - now))
            if refusal is None:
                return time.monotonic() - self.started_at
            if self._refusal is None or time.monotonic() < end:  # the last probe is cut short and may say nothing
                self._refusal = refusal
            if now >= next_look:
                next_look = now + LOOK_SECONDS
                elsewhere = target.port in {port for _, port in await asyncio.to_thread(self._misplaced, target)}
                misplaced = (misplaced or now) if elsewhere else None
            if misplaced and now - misplaced > MISPLACED_SECONDS:
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, LONGEST_PAUSE)
        return None

    def _misplaced(self, target: Target) -> list[tuple[str, int]]:
        """Return where the server listens, unless it listens where it is asked."""
        addresses = self.listens_on()
        return (
            [] if any(takes(address, target.host) and port == target.port for address, port in addresses) else addresses
        )

    def listens_on(self) -> list[tuple[str, int]]:
        """Return the addresses and ports on which the server's processes listen."""
        return listening(self._pids())

    def _pids(self) -> set[int]:
        if self._process is None:
            return set()
        if self._cgroup:
            return set(self._cgroup.pids())
        return {process.pid for process in self._tree.members()} if self._tree else set()

    def is_answered_for(self, target: Target) -> bool:
        """Return whether certainly another program listens at an address, and no process of the server.

        A command may only ask a daemon to start the server, which is then neither limited nor measured.
        """
        if not listens(target.host, target.port):
            return False
        pids = self._pids()
        own = listening(pids)
        return target.port not in {port for _, port in own} and all_readable(pids) and len(pids) <= MOST_PROCESSES

    def not_ready_sentence(self, target: Target) -> str:
        """Return what can be seen of a server that did not become ready: where it listens, or how it answered."""
        if not self.alive:
            return self.exit_sentence()
        wrong = self._misplaced(target)
        where = f"{target.host}:{target.port}"
        if wrong:
            places = " and ".join(f"{f'[{a}]' if ':' in a else a}:{port}" for a, port in wrong[:MOST_PLACES])
            seen = f"something listens on {places}, but not on {where}"
        elif target.path is not None and self._refusal is not None:
            seen = f"GET {printable(target.path)} on {where}: the server {self._refusal}"
        else:
            seen = f"nothing listens on {where}"
        return f"{seen}; {self.exit_sentence()}"

    @property
    def alive(self) -> bool:
        """Whether the process lives, or any process in its control group."""
        if self._process is None:
            return False
        if self._process.returncode is None:
            return True
        return bool(self._cgroup.pids()) if self._cgroup else False

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process, or minus the signal that killed it; None while it runs."""
        return self._process.returncode if self._process else None

    def exit_sentence(self) -> str:
        """Return how the process ended, or that it runs, with the last lines of its output."""
        code = self.exit_code
        kills = (self._cgroup.read().oom_kills or 0) if self._cgroup else 0
        last_words = self._last_words()
        output = f": {last_words}" if last_words else ", and printed nothing"
        oom = f"; the kernel killed {kills} of its processes for memory" if kills else ""
        if code is None:
            return f"{self._name} runs{oom}{output}"
        if code < 0:
            ending = f"was killed by {_signal_name(-code)}" + (" when asked to end" if self._stop_requested else "")
        else:
            ending = f"ended with exit code {code}"
        survivors = "; processes that it started live on" if self.alive else ""
        return f"{self._name} {ending}{oom}{survivors}{output}"

    def _last_words(self) -> str:
        """Return the end of the server's output, with the cause of its last error."""
        try:
            with self._log.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - LAST_WORDS_BYTES))
                output = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return last_words("\n".join(line for line in output.splitlines() if line.strip()), LONGEST_LAST_WORDS)

    async def stop(self, grace: float = 1.0) -> bool:
        """Send SIGTERM to all processes of the server, and SIGKILL to those that live after `grace` seconds.

        Returns
        -------
        bool
            Whether all of them have ended. The control group stays, so that its last counters can be read.
        """
        if self._process is None:
            return True
        self._stop_requested = True
        if grace > 0:
            await asyncio.to_thread(self._terminate)
            end = time.monotonic() + grace
            while self.alive and time.monotonic() < end:  # noqa: ASYNC110 - the kernel sets no event
                await asyncio.sleep(0.01)
        gone = await asyncio.to_thread(self._kill)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), REAP_SECONDS)
        return gone and self._process.returncode is not None

    def _terminate(self) -> None:
        if self._cgroup:
            signal_all(self._cgroup.pids(), signal.SIGTERM)
        elif self._tree:
            self._tree.signal(signal.SIGTERM)

    def _kill(self) -> bool:
        gone = self._cgroup.kill() if self._cgroup else True
        # For a server without a group, and for a launcher that has not joined its group yet.
        return bool(self._tree and self._tree.kill()) and gone


def _read_to_end(descriptor: int) -> bytes:
    """Return everything up to the end of the stream, which comes when exec closes its other end."""
    with open(descriptor, "rb") as file:
        return file.read()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
