"""The load generator as a child process: with its own interpreter, so that this program does not delay its requests.

A generator takes a second to import its libraries. The next ones are therefore started while the server starts, and
wait for their configuration on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

from modelprofiler.core.text import last_words
from modelprofiler.errors import LoadError
from modelprofiler.host.programs import own_command, own_environment
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.trial_config import longest_seconds

STOP_SECONDS = 1.5
"""Time after SIGTERM for the generator to write the result so far; chosen so that Ctrl-C takes two seconds in all."""
OVERRUN_SECONDS = 15.0
"""How far a load may exceed its own bounds before the generator counts as broken; chosen for a machine under load."""
LAST_LINES = 100
"""Lines of the generator's output that are searched for the cause of its end: a traceback has some dozens."""
LONGEST_LAST_WORDS = 600
"""Characters of that output in a message; the message of a trial has at most 2,048."""


class Generator:
    """A load generator that has been started and waits; `run` makes one load with it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        directory: tempfile.TemporaryDirectory[str],
        *,
        own_cpus: bool = False,
    ) -> None:
        self._process = process
        self._directory = directory
        self._own_cpus = own_cpus

    @classmethod
    async def start(cls, cpus: frozenset[int] | None = None) -> Self:
        """Start a generator on these CPUs; None for any."""
        directory = tempfile.TemporaryDirectory(prefix="modelprofiler-load-")
        result = str(Path(directory.name) / "result")
        process = await asyncio.create_subprocess_exec(
            *own_command("modelprofiler.load", "--config", "-", "--result", result),
            env=own_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C is for this program, which stops the load itself.
            start_new_session=True,
        )
        if cpus:
            with contextlib.suppress(OSError, AttributeError):  # it has just ended, or this is not Linux
                os.sched_setaffinity(process.pid, cpus)
        return cls(process, directory, own_cpus=bool(cpus))

    async def run(self, config: LoadConfig, stop: asyncio.Event, on_line: Callable[[str], None]) -> LoadResult:
        """Make a load and return its result.

        Parameters
        ----------
        config
            The load.
        stop
            Set to end the load early; the result is then of the load so far.
        on_line
            Called with each line that the generator prints.

        Raises
        ------
        LoadError
            The generator failed, or left no result.
        """
        assert self._process.stdin is not None, "it is a pipe"
        self._raise_priority()
        # One that has ended already does not read this; why it has ended is in its output, or even in its result.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(config.model_dump_json(by_alias=True, exclude_none=True).encode())
            await self._process.stdin.drain()
            self._process.stdin.close()
        output = asyncio.ensure_future(self._read(on_line))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            timeout = longest_seconds(config) + OVERRUN_SECONDS
            await asyncio.wait({output, stopping}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not output.done():
                await self._terminate(output)
            return self._result(output.result() if output.done() else "")
        finally:
            stopping.cancel()
            output.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await output
            await self.close()

    def _raise_priority(self) -> None:
        """Schedule a generator with CPUs of its own before other programs, where this user may do that.

        A client on a machine of its own would not wait for them either; it takes a few percent of a CPU. This is done
        when the load begins and not before, because the next generator imports its libraries on the same CPU.
        """
        if self._own_cpus:
            with contextlib.suppress(OSError, AttributeError):  # it has just ended, no permission, or not Linux
                os.sched_setscheduler(self._process.pid, os.SCHED_RR, os.sched_param(1))

    async def _read(self, on_line: Callable[[str], None]) -> str:
        """Read the generator's output to its end and return its last lines."""
        assert self._process.stdout is not None, "it is a pipe"
        last: deque[str] = deque(maxlen=LAST_LINES)
        async for line in self._process.stdout:
            last.append(line.decode(errors="replace").rstrip())
            on_line(last[-1])
        await self._process.wait()
        return "\n".join(last)

    async def _terminate(self, output: asyncio.Future[str]) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await asyncio.wait({output}, timeout=STOP_SECONDS)

    def _result(self, output: str) -> LoadResult:
        try:
            text = (Path(self._directory.name) / "result").read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            code = self._process.returncode
            ending = "did not end" if code is None else f"ended with exit code {code}"
            quoted_output = last_words(output, LONGEST_LAST_WORDS)
            quoted = f"; its last words were: {quoted_output}" if quoted_output else ""
            raise LoadError(f"the load generator left no result and {ending}{quoted}") from error
        return LoadResult.decode(text)

    async def close(self) -> None:
        """Kill the generator if it still runs, and remove its files."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        self._directory.cleanup()


class Generators:
    """A store of generators that have been started.

    Parameters
    ----------
    cpus
        The CPUs that they run on; None for any.
    """

    def __init__(self, cpus: frozenset[int] | None = None) -> None:
        self._cpus = cpus
        self._ready: list[Generator] = []

    async def prepare(self, count: int) -> None:
        """Fill the store to `count` generators; they may still be importing their libraries."""
        while len(self._ready) < count:
            self._ready.append(await Generator.start(self._cpus))

    async def take(self) -> Generator:
        """Return a generator from the store, or a new one if it is empty."""
        return self._ready.pop(0) if self._ready else await Generator.start(self._cpus)

    async def close(self) -> None:
        """Stop all generators in the store."""
        while self._ready:
            await self._ready.pop().close()
