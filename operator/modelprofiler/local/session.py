"""From a profile to its result on this machine: check, prepare, run. The command and the Python API share this."""

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

from modelprofiler.errors import InvalidInput, ModelProfilerError, Problem, RecordUnreadable
from modelprofiler.files.document import Document
from modelprofiler.host.lock import machine_lock
from modelprofiler.local.check import port_problems, problems
from modelprofiler.local.engine import EarlierRun, Engine
from modelprofiler.local.placement import Placement
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
        Where the run is recorded; by default a directory of its name in ``modelprofiler-runs``.
    resume
        Whether to resume the interrupted run in that directory after its finished trials.
    wait_seconds
        How long to wait for another run on this machine to end.
    """

    directory: Path | None = None
    resume: bool = False
    wait_seconds: float = 0.0

    def directory_of(self, name: str) -> Path:
        """Return where the run of a profile is recorded."""
        if name in {"", ".", ".."} or "/" in name or "\0" in name:  # the schema refuses it, too
            raise InvalidInput([Problem("metadata.name", f"{name!r} is not the name of a folder")])
        return self.directory or RUNS_DIR / name


class Session:
    """One run, in a thread of its own so that it does not interfere with the event loop of a notebook.

    Parameters
    ----------
    document
        The profile and the ConfigMaps of its file.
    options
        How to run.
    listener
        Receives the progress, in the thread of the run.
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
            Called in the caller's thread, repeatedly.
        every
            Seconds between two calls.

        Raises
        ------
        InvalidInput
            With everything that is wrong with the profile; nothing was started.
        MachineBusy
            Another run uses the machine.
        KeyboardInterrupt
            The run was interrupted: server and load have ended, and the finished trials are kept.
        """
        name = self._document.profile.metadata.name
        if invalid := problems(self._document):  # before waiting for the machine, which may take long
            raise InvalidInput(invalid)

        waited = False

        def waiting(message: str) -> None:
            nonlocal waited
            waited = True
            self._listener.on_wait(message)
            while_running()

        with machine_lock(f"profile {name}", wait_seconds=self._options.wait_seconds, waiting=waiting):
            if waited:
                self._listener.on_note("the machine is free now")
            thread = threading.Thread(target=self._run_in_thread, name=f"modelprofiler {name}")
            thread.start()
            # An event instead of `join`, which takes the thread for ended when it is interrupted (CPython 3.11).
            try:
                while not self._done.wait(every):
                    while_running()
            except BaseException:
                self._stop.set()
                self._cancel()
                self._wait_until_done()
                raise
        if self._error is not None:
            raise self._error
        assert self._record is not None, "a run without an error has a record"
        return self._record

    def _wait_until_done(self) -> None:
        """Wait until server and load have ended, which is bounded, however often Ctrl-C is pressed meanwhile."""
        while not self._done.is_set():
            with contextlib.suppress(KeyboardInterrupt):
                self._done.wait()

    def _cancel(self) -> None:
        if self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _run_in_thread(self) -> None:
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
        if self._stop.is_set():  # interrupted before there was a task to cancel
            self._task.cancel()
        return await self._task

    async def _run(self) -> RunRecord:
        directory = self._options.directory_of(self._document.profile.metadata.name).absolute()
        with tempfile.TemporaryDirectory(prefix="modelprofiler-inputs-") as workspace:
            prepared = await asyncio.to_thread(
                functools.partial(
                    Prepared.of, port_must_be_free=not self._options.resume, waiting=self._listener.on_wait
                ),
                self._document,
                Path(workspace),
                self._listener.on_note,
                self._stop,
            )
            earlier = self._earlier_run(directory, prepared)
            if earlier.resources is not None:
                prepared = prepared.in_range(earlier.resources)
            directory.mkdir(parents=True, exist_ok=True)
            placement = Placement.of(prepared.resources)
            engine = Engine(prepared, placement, directory, self._listener, earlier)
            if engine.has_ended:
                self._listener.on_note("nothing is left to measure")
            else:
                # A new run has checked its port; one that is resumed needs it only if something is left to measure.
                if self._options.resume and (invalid := port_problems(self._document)):
                    raise InvalidInput(invalid)
                notes = (*prepared.warnings, *placement.warnings)
                for note in notes:
                    self._listener.on_note(note)
                write_notes(directory, notes)
            await engine.run()
        return RunRecord.read(directory)

    def _earlier_run(self, directory: Path, prepared: Prepared) -> EarlierRun:
        """Return the interrupted run to resume; without --resume an earlier run is moved aside, not lost."""
        if not (directory / PROFILE_FILE).exists():
            if self._options.resume:
                raise RecordUnreadable(f"there is no run to resume in {directory}")
            return EarlierRun()
        if not self._options.resume:
            aside = directory.with_name(directory.name + ".before")
            shutil.rmtree(aside, ignore_errors=True)
            directory.rename(aside)
            return EarlierRun()
        status = RunRecord.read(directory).profile.status
        if status.run_hash != prepared.run_hash:
            raise ModelProfilerError(
                f"the run in {directory} cannot be resumed, because its model, code, requests, server or load differ; "
                "without --resume everything is measured again"
            )
        return EarlierRun(status.trials, status.start_time, status.completion_time, status.resources)
