"""From a profile to its result on this machine: check, prepare, run; what the command and the Python API share."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.errors import InvalidInput, ModelProfilerError, RecordUnreadable
from modelprofiler.files.document import Document
from modelprofiler.host.lock import machine
from modelprofiler.local.check import port_problems, problems
from modelprofiler.local.engine import Earlier, Engine
from modelprofiler.local.host import Host
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Listener
from modelprofiler.report.record import PROFILE_FILE, RunRecord, write_notes

RUNS_DIR = Path("modelprofiler-runs")


@dataclass(frozen=True, slots=True)
class Options:
    """How to run.

    Attributes
    ----------
    directory
        Where the run is kept; by default a directory of its name in ``modelprofiler-runs``.
    resume
        Go on from the finished trials of an interrupted run in that directory.
    wait_seconds
        How long to wait for another run on this machine to end.
    """

    directory: Path | None = None
    resume: bool = False
    wait_seconds: float = 0.0

    def directory_of(self, name: str) -> Path:
        """Return where the run of a profile is kept."""
        return self.directory or RUNS_DIR / name


class Session:
    """One run, in a thread of its own, so that a notebook's event loop or a terminal is not in its way.

    Parameters
    ----------
    document
        The profile and the ConfigMaps beside it.
    options
        How to run.
    listener
        Is told how it goes on, in the run's thread.
    """

    def __init__(self, document: Document, options: Options, listener: Listener) -> None:
        self._document = document
        self._options = options
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[RunRecord] | None = None
        self._record: RunRecord | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        self._stop = threading.Event()

    def run(self, while_running: Callable[[], None] = lambda: None, every: float = 0.1) -> RunRecord:
        """Run to the end.

        Parameters
        ----------
        while_running
            Called in the caller's thread again and again.
        every
            Seconds between two calls.

        Raises
        ------
        InvalidInput
            With everything that is wrong with the profile, before anything is started.
        MachineBusy
            When another run has the machine.
        KeyboardInterrupt
            When it was interrupted: server and load are gone by then, and finished trials are kept.
        """
        name = self._document.profile.metadata.name
        if wrong := problems(self._document):  # nobody waits for the machine to be told about a typo
            raise InvalidInput(wrong)

        waited: list[str] = []

        def waiting(sentence: str) -> None:
            waited.append(sentence)
            self._listener.said(sentence)
            while_running()

        with machine(f"profile {name}", wait_seconds=self._options.wait_seconds, waiting=waiting):
            if waited:
                self._listener.said("the machine is free now")
            thread = threading.Thread(target=self._in_thread, name=f"modelprofiler {name}")
            thread.start()
            # An event, not `join`: one that is interrupted takes the thread for ended (CPython 3.11).
            try:
                while not self._done.wait(every):
                    while_running()
            except BaseException:
                self._stop.set()
                self._cancel()
                self._wait_for_the_end()
                raise
        if self._error is not None:
            raise self._error
        assert self._record is not None
        return self._record

    def _wait_for_the_end(self) -> None:
        """Wait until server and load are gone, however often somebody presses Ctrl-C meanwhile; that is bounded."""
        while not self._done.is_set():
            with contextlib.suppress(KeyboardInterrupt):
                self._done.wait()

    def _cancel(self) -> None:
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _in_thread(self) -> None:
        try:
            self._record = asyncio.run(self._main())
        except asyncio.CancelledError:
            self._error = KeyboardInterrupt()
        except BaseException as error:  # raised again in the caller's thread
            self._error = error
        finally:
            self._done.set()

    async def _main(self) -> RunRecord:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._run())
        if self._stop.is_set():  # interrupted before there was anything to cancel
            self._task.cancel()
        return await self._task

    async def _run(self) -> RunRecord:
        directory = self._options.directory_of(self._document.profile.metadata.name).absolute()
        with tempfile.TemporaryDirectory(prefix="modelprofiler-inputs-") as workspace:
            prepared = await asyncio.to_thread(
                functools.partial(Prepared.of, now=not self._options.resume),
                self._document,
                Path(workspace),
                self._listener.said,
                self._stop,
            )
            earlier = self._earlier(directory, prepared)
            if earlier.resources is not None:
                prepared = prepared.in_range(earlier.resources)
            directory.mkdir(parents=True, exist_ok=True)
            host = Host.of(prepared.resources)
            engine = Engine(prepared, host, directory, self._listener, earlier)
            if engine.has_ended:
                self._listener.said("nothing is left to measure")
            else:
                if taken := port_problems(self._document) if self._options.resume else []:
                    raise InvalidInput(taken)
                notes = (*prepared.warnings, *host.warnings)
                for note in notes:
                    self._listener.said(note)
                write_notes(directory, notes)
            await engine.run()
        return RunRecord.read(directory)

    def _earlier(self, directory: Path, prepared: Prepared) -> Earlier:
        """Return what an interrupted run has left; without --resume it is put aside, not lost."""
        if not (directory / PROFILE_FILE).exists():
            if self._options.resume:
                raise RecordUnreadable(f"there is nothing to resume in {directory}")
            return Earlier()
        if not self._options.resume:
            aside = directory.with_name(directory.name + ".before")
            shutil.rmtree(aside, ignore_errors=True)
            directory.rename(aside)
            return Earlier()
        status = RunRecord.read(directory).profile.status
        if status.run_hash != prepared.run_hash:
            raise ModelProfilerError(
                f"the run in {directory} measured something else (model, code, requests, server or load have changed); "
                "without --resume everything is measured anew"
            )
        return Earlier(status.trials, status.start_time, status.completion_time, status.resources)
