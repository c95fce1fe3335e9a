"""The load generator as a child process: its own interpreter, so that it measures the server and not this program.

Loading its libraries takes a second, in which nothing would be measured. So the next ones are started while the server
starts, and wait for their configuration on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from modelprofiler.errors import LoadError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.trial_config import longest_seconds

STOP_SECONDS = 1.5
"""After SIGTERM the generator sums up what it has; later it is killed."""
BEYOND_BOUNDS = 15.0
"""Seconds beyond every bound of a load after which the generator itself must be broken."""

Say = Callable[[str], None]


class Generator:
    """One load generator, started and waiting; `run` makes one load with it."""

    def __init__(
        self, process: asyncio.subprocess.Process, directory: tempfile.TemporaryDirectory[str], alone: bool = False
    ) -> None:
        self._alone = alone
        self._process = process
        self._directory = directory

    @classmethod
    async def start(cls, cpus: frozenset[int] | None = None) -> Self:
        """Start one, on these CPUs."""
        directory = tempfile.TemporaryDirectory(prefix="modelprofiler-load-")
        result = str(Path(directory.name) / "result")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "modelprofiler.load", "--config", "/dev/stdin", "--result", result),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C is for this program: it stops the load in its own order.
            start_new_session=True,
        )
        if cpus:
            with contextlib.suppress(OSError, AttributeError):  # it has just died, or this is no Linux
                os.sched_setaffinity(process.pid, cpus)
        return cls(process, directory, bool(cpus))

    async def run(self, config: LoadConfig, stop: asyncio.Event, say: Say) -> LoadResult:
        """Make a load and return what came of it.

        Parameters
        ----------
        config
            What to do.
        stop
            Set to end it early, with what it has.
        say
            Called with each line that the generator prints.

        Raises
        ------
        LoadError
            When the generator broke, or left nothing behind.
        """
        assert self._process.stdin is not None
        self._go_first()
        try:
            self._process.stdin.write(config.model_dump_json(by_alias=True, exclude_none=True).encode())
            await self._process.stdin.drain()
            self._process.stdin.close()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise LoadError("the load generator ended before its load") from error
        lines = asyncio.ensure_future(self._read(say))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            bound = longest_seconds(config) + BEYOND_BOUNDS
            await asyncio.wait({lines, stopping}, timeout=bound, return_when=asyncio.FIRST_COMPLETED)
            if not lines.done():
                await self._terminate(lines)
            return self._result(lines.result() if lines.done() else "")
        finally:
            stopping.cancel()
            lines.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await lines
            await self.close()

    def _go_first(self) -> None:
        """On CPUs of its own it goes before other programs, if this user may have that.

        A client on a machine of its own would not wait for them either. It takes a few percent of a CPU; not before its
        load, or the next one, which loads its libraries meanwhile, would take turns with it.
        """
        if self._alone:
            with contextlib.suppress(OSError, AttributeError):  # it has just died, may not, or this is no Linux
                os.sched_setscheduler(self._process.pid, os.SCHED_RR, os.sched_param(1))

    async def _read(self, say: Say) -> str:
        assert self._process.stdout is not None
        last = ""
        async for line in self._process.stdout:
            last = line.decode(errors="replace").rstrip()
            say(last)
        await self._process.wait()
        return last

    async def _terminate(self, lines: asyncio.Future[str]) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await asyncio.wait({lines}, timeout=STOP_SECONDS)

    def _result(self, last: str) -> LoadResult:
        try:
            text = (Path(self._directory.name) / "result").read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            code = self._process.returncode
            said = f" and said: {last}" if last else ""
            raise LoadError(f"the load generator left no result; it ended with exit code {code}{said}") from error
        return LoadResult.decode(text)

    async def close(self) -> None:
        """Kill it, if it still lives, and remove what it wrote."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        self._directory.cleanup()


class Generators:
    """Generators in store.

    Parameters
    ----------
    cpus
        CPUs of their own; None for any.
    """

    def __init__(self, cpus: frozenset[int] | None = None) -> None:
        self._cpus = cpus
        self._ready: list[Generator] = []

    async def prepare(self, count: int) -> None:
        """Have so many in store: started, if perhaps not ready yet."""
        while len(self._ready) < count:
            self._ready.append(await Generator.start(self._cpus))

    async def take(self) -> Generator:
        """Return one from the store, or a new one."""
        return self._ready.pop(0) if self._ready else await Generator.start(self._cpus)

    async def close(self) -> None:
        """Stop all in store."""
        while self._ready:
            await self._ready.pop().close()
