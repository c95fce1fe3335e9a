"""One server process: started in its control group, waited for, ended with everything it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from modelprofiler.errors import StartFailed
from modelprofiler.host.control_group import Cgroup, signal_all
from modelprofiler.host.processes import ProcessTree

LAUNCH = Path(__file__).with_name("launch.py")
LAUNCH_SECONDS = 20.0
"""How long the steps before exec may take; a machine under load starts Python slowly."""
PROBE_SECONDS = 1.0
"""Of one attempt, as the kubelet's default; an attempt that is too slow is repeated."""
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.05
"""Between attempts, in seconds: what the time to ready is known to."""
REAP_SECONDS = 5.0
LAST_WORDS_BYTES = 2048
LAST_WORDS_LINES = 20


class Server:
    """A server process in a session of its own.

    Parameters
    ----------
    name
        What it is called in sentences.
    """

    def __init__(self, name: str = "the server") -> None:
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._cgroup: Cgroup | None = None
        self._tree: ProcessTree | None = None
        self._log = Path(os.devnull)
        self._asked_to_end = False
        self.started_at = 0.0
        """When it became itself (exec), in seconds of the monotonic clock."""

    @property
    def pid(self) -> int:
        """The number of the process that was started."""
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
        """Start it; returns as soon as it runs.

        It is in `cgroup` and on `cpus` from its first instruction, and is killed when the thread that starts it ends.

        Parameters
        ----------
        argv, env, cwd
            The command, its whole environment, and the folder it runs in. A command without a slash is looked for in
            the PATH of `env`.
        cgroup
            What limits and counts it; None: nothing does.
        log_path
            Where what it prints goes; lines are added to what is there.
        cpus
            The CPUs that it may use; None: all.

        Raises
        ------
        StartFailed
            There is no such command or folder, or it may not be run.
        """
        assert self._process is None, "a server is started once"
        self._cgroup, self._log = cgroup, log_path
        files = [str(path) for path in cgroup.join_files] if cgroup else []
        listed = ",".join(map(str, sorted(cpus))) if cpus and hasattr(os, "sched_setaffinity") else ""
        reading, writing = os.pipe()
        launcher = ["-I", "-S", str(LAUNCH), str(writing), listed, str(os.getpid())]
        try:
            with log_path.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, *launcher, *files, "--", *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=cwd,
                    env=dict(env),
                    pass_fds=(writing,),
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            os.close(reading)
            raise StartFailed(f"{self._name} cannot be started: {error.strerror}: {error.filename or cwd}") from error
        finally:
            os.close(writing)
        self._tree = ProcessTree(self._process.pid)
        self.started_at = await self._launched(reading)

    async def _launched(self, report: int) -> float:
        """Return when the process became the command, as it says itself."""
        try:
            said = await asyncio.wait_for(asyncio.to_thread(_read_to_end, report), LAUNCH_SECONDS)
        except TimeoutError:
            await self.stop(0)
            raise StartFailed(f"{self._name} did not start within {LAUNCH_SECONDS:.0f} s") from None
        lines = said.decode("utf-8", "replace").splitlines()
        failed = [line.removeprefix("error ") for line in lines if line.startswith("error ")]
        if failed or not lines:
            await self.stop(0)
            raise StartFailed(f"{self._name} cannot be started: {failed[0] if failed else self._last_words()}")
        return float(lines[0])

    async def ready(
        self,
        host: str,
        port: int,
        path: str | None = None,
        *,
        timeout: float,  # noqa: ASYNC109 - it tries again until then
        tls: bool = False,
    ) -> float | None:
        """Wait until it can be connected to or, with `path`, answers GET with a status from 200 to 399.

        Returns
        -------
        float or None
            Seconds from exec; None when it ended before, or was not ready within `timeout` seconds from now.
        """
        end = time.monotonic() + timeout
        pause = FIRST_PAUSE
        while (now := time.monotonic()) < end and self.alive:
            if await _answers(host, port, path, tls, min(PROBE_SECONDS, end - now)):
                return time.monotonic() - self.started_at
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, LONGEST_PAUSE)
        return None

    @property
    def alive(self) -> bool:
        """Whether the process lives, or anything that it started and that its control group holds."""
        if self._process is None:
            return False
        if self._process.returncode is None:
            return True
        return bool(self._cgroup.pids()) if self._cgroup else False

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process that was started, minus the signal that killed it; None while it runs."""
        return self._process.returncode if self._process else None

    def exit_sentence(self) -> str:
        """Return how it ended and its last words, in one paragraph; what it says when it has not ended at all."""
        code = self.exit_code
        kills = (self._cgroup.read().oom_kills or 0) if self._cgroup else 0
        words = self._last_words()
        said = f": {words}" if words else ", and printed nothing"
        oom = f"; the kernel killed {kills} of its processes for memory" if kills else ""
        if code is None:
            return f"{self._name} runs{oom}{said}"
        if code < 0:
            how = f"was killed by {_signal_name(-code)}" + (" when asked to end" if self._asked_to_end else "")
        else:
            how = f"ended with exit code {code}"
        left = "; processes that it started live on" if self.alive else ""
        return f"{self._name} {how}{oom}{left}{said}"

    def _last_words(self) -> str:
        """Return the last lines that it printed."""
        try:
            with self._log.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - LAST_WORDS_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return "\n".join(line for line in lines[-LAST_WORDS_LINES:] if line.strip()).strip()

    async def stop(self, grace: float = 1.0) -> bool:
        """End it: SIGTERM to all its processes, and SIGKILL to what is left after `grace` seconds.

        Returns
        -------
        bool
            Whether everything is gone. Its control group is left for its last counters to be read.
        """
        if self._process is None:
            return True
        self._asked_to_end = True
        if grace > 0:
            await asyncio.to_thread(self._ask_to_end)
            end = time.monotonic() + grace
            while self.alive and time.monotonic() < end:  # noqa: ASYNC110 - the kernel sets no event
                await asyncio.sleep(0.01)
        gone = await asyncio.to_thread(self._kill)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), REAP_SECONDS)
        return gone and self._process.returncode is not None

    def _ask_to_end(self) -> None:
        if self._cgroup:
            signal_all(self._cgroup.pids(), signal.SIGTERM)
        elif self._tree:
            self._tree.signal(signal.SIGTERM)

    def _kill(self) -> bool:
        gone = self._cgroup.kill() if self._cgroup else True
        # Without a group, and for the launcher that never came as far as joining it.
        return bool(self._tree and self._tree.kill()) and gone


def _read_to_end(descriptor: int) -> bytes:
    """Return everything that comes until the other end is closed, which exec does."""
    with open(descriptor, "rb") as file:
        return file.read()


async def _answers(host: str, port: int, path: str | None, tls: bool, seconds: float) -> bool:
    """Return whether one attempt succeeds."""
    context = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as the kubelet's probes
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                if path is None:
                    return True
                request = (
                    f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: probe\r\nConnection: close\r\n\r\n"
                )
                writer.write(request.encode())
                status = (await reader.readline()).split()
                return len(status) > 1 and status[0].startswith(b"HTTP/") and 200 <= int(status[1]) < 400
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError):
        return False


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
