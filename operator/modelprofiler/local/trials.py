"""One trial after the other on this machine: start or resize the server, send the load, read the cgroup, judge."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from modelprofiler.api.quantities import Duration
from modelprofiler.api.status import ActiveTrial, Outcome, Stage, Trial, UsageStatus
from modelprofiler.core.judge import Failure, every_row_passed, reference_among
from modelprofiler.core.steps import RunTrial
from modelprofiler.core.threads import variables_to_set
from modelprofiler.core.trial import finished_trial
from modelprofiler.errors import LoadError
from modelprofiler.load.crowding import beside, crowding
from modelprofiler.load.summary import LoadResult, ResultKind
from modelprofiler.load.trial import load_of_trial, quick_sub_window
from modelprofiler.local.generator import Generators
from modelprofiler.local.host import Host
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Listener, Progress
from modelprofiler.local.server import RunningServer
from modelprofiler.metrics.series import ContainerSamples, Window
from modelprofiler.metrics.usage import usage
from modelprofiler.report.record import TRIALS_DIR, TrialRecord

ADDRESS = "127.0.0.1"

READY_SECONDS = 300.0
"""How long a server may take until it is ready, where no objective says so."""

LOOK_SECONDS = 0.1
"""How often it is looked whether the server still lives."""

GENERATORS = 2
"""In store while a server starts: one for its own trial, one for the next, which may resize it."""

_FAILED = {
    ResultKind.CONNECT_FAILED: Outcome.NEVER_READY,
    ResultKind.SMOKE_FAILED: Outcome.ERRORS,
    ResultKind.SATURATED: Outcome.GENERATOR_SATURATED,
    ResultKind.FAILED: Outcome.LOAD_FAILED,
}


@dataclass(slots=True)
class _Evidence:
    """What a trial leaves behind."""

    failure: Failure | None = None
    load: LoadResult | None = None
    usage: UsageStatus | None = None
    samples: ContainerSamples = field(default_factory=ContainerSamples)
    time_to_ready: Duration | None = None


class Trials:
    """Runs trials; keeps the server for those that may share it.

    Parameters
    ----------
    prepared
        The run.
    host
        What of this machine is the server's, and what the load's.
    directory
        Where the servers' output is kept.
    listener
        Is told where a trial is.
    """

    def __init__(self, prepared: Prepared, host: Host, directory: Path, listener: Listener) -> None:
        self._prepared = prepared
        self._host = host
        self._logs = directory / TRIALS_DIR
        self._listener = listener
        self._generators = Generators(host.cpus.load)
        self._server: RunningServer | None = None
        self._quiet_since = 0.0

    async def run(self, step: RunTrial, index: int, trials: Sequence[Trial]) -> TrialRecord:
        """Run a trial and return its record.

        Parameters
        ----------
        step
            What to run.
        index
            Of the trial.
        trials
            The finished trials before it.
        """
        started = datetime.now(UTC)
        stages = _Stages(self._listener, step, index, started)
        found = _Evidence()
        fresh = await self._serve(step, index, stages, found)
        if found.failure is None:
            await self._load(step, index, trials, stages, found)
        server = self._server
        if found.failure is not None and server is not None and not server.alive:
            await self._stop()
        row = self._row(step, index, fresh, found, started, trials)
        if row.outcome is Outcome.SLOW and found.load is not None:
            full = crowding(found.load, step.limits.cpu / 1000, found.usage)
            if full is not None:
                found.failure = Failure(Outcome.DISTURBED, f"this machine {full}")
                row = self._row(step, index, fresh, found, started, trials)
        return TrialRecord(row, found.load, found.samples.cpu_seconds, found.samples.working_set_bytes)

    def _row(
        self, step: RunTrial, index: int, fresh: bool, found: _Evidence, started: datetime, trials: Sequence[Trial]
    ) -> Trial:
        return finished_trial(
            self._prepared.profile.spec,
            index=index,
            purpose=step.purpose,
            limits=step.limits,
            fresh=fresh,
            failure=found.failure,
            load=found.load.status if found.load else None,
            usage=found.usage,
            time_to_ready=found.time_to_ready,
            node=beside(found.load, found.usage) if found.load else None,
            started=started,
            completed=datetime.now(UTC),
            trials=trials,
        )

    async def close(self) -> None:
        """Stop whatever runs."""
        await _whole(asyncio.gather(self._stop(), self._generators.close()))

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await _whole(server.stop())

    async def _serve(self, step: RunTrial, index: int, stages: _Stages, found: _Evidence) -> bool:
        """Have the server run at the trial's size; return whether it was started for it."""
        server = self._server
        if server is not None and server.alive and not step.fresh and server.limits.memory == step.limits.memory:
            stages.enter(Stage.RESIZING, f"resizing the running server to {step.limits}")
            server.resize(step.limits)
            return False
        await self._stop()
        stages.enter(Stage.STARTING, f"starting the server at {step.limits}")
        await self._generators.prepare(GENERATORS)
        command = self._prepared.server
        pools = {v.name: v.value for v in variables_to_set(self._prepared.profile.spec, step.limits.cpu)}
        command = replace(command, env=command.env | pools)
        objective = self._prepared.profile.spec.objectives.max_time_to_ready
        within = min(READY_SECONDS, objective.seconds) if objective else READY_SECONDS
        self._logs.mkdir(parents=True, exist_ok=True)
        server = await RunningServer.start(
            command, self._host, step.limits, log=self._logs / f"{index:03d}.log", name=f"trial-{index}"
        )
        self._server = server
        port = self._prepared.profile.spec.endpoint.http.port
        seconds = await server.ready(ADDRESS, port, command.ready, within)
        self._quiet_since = time.time()
        server.sample()  # what it holds before anybody has asked it for anything
        if seconds is None:
            found.failure = server.failure() or Failure(
                Outcome.NEVER_READY, f"the server was not ready within {within:g}s; {server.last_words()}"
            )
        else:
            found.time_to_ready = Duration.of(seconds, digits=3)
        return True

    async def _load(
        self, step: RunTrial, index: int, trials: Sequence[Trial], stages: _Stages, found: _Evidence
    ) -> None:
        server = self._server
        assert server is not None
        spec = self._prepared.profile.spec
        reference, size = reference_among(trials), step.limits.to_size()
        config = load_of_trial(
            spec,
            index=index,
            purpose=step.purpose,
            decide=True,  # counters are exact here: a trial need not last for its samples
            reference=reference,
            host=ADDRESS,
            dataset=str(self._prepared.dataset_file),
            sub_window=quick_sub_window(spec, reference),
            rows_are_known=every_row_passed(trials, size, self._prepared.dataset.distinct_rows) is not None,
        )
        expected = spec.load.warmup.seconds + spec.load.duration.seconds
        stages.enter(Stage.LOADING, f"sending the load at {step.limits}", expected)
        quiet_since = self._quiet_since
        stop = asyncio.Event()
        watch = asyncio.ensure_future(_stop_when_gone(server, stop))
        try:
            generator = await self._generators.take()
            found.load = await generator.run(config, stop, stages.note)
        except LoadError as error:
            found.failure = Failure(Outcome.LOAD_FAILED, str(error))
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._quiet_since = time.time()
        found.samples = await server.samples(since=quiet_since)
        result = found.load
        if result is not None:
            found.usage = _usage(found.samples, result, quiet_since)
        # A dead server explains a failed load, not the other way round.
        found.failure = server.failure() or found.failure or _said(result, server.last_words)


def _said(result: LoadResult | None, last_words: Callable[[], str]) -> Failure | None:
    """Return what the load says went wrong, and the server about what it did wrong; None when nothing did."""
    outcome = _FAILED.get(result.kind) if result is not None else None
    if result is None or outcome is None:
        return None
    servers_fault = outcome in (Outcome.ERRORS, Outcome.NEVER_READY)
    return Failure(outcome, f"{result.message}; {last_words()}" if servers_fault else result.message)


def _usage(samples: ContainerSamples, result: LoadResult, quiet_since: float) -> UsageStatus | None:
    bounds = (result.warmup_started, result.window_started, result.window_ended, result.ended)
    if None in bounds:
        return None
    load_start, window_start, window_end, load_end = (b for b in bounds if b is not None)
    window = Window(window_start, window_end)
    alone = Window(min(quiet_since, load_start), load_end + 1)
    return usage(samples, window, result.completed_between, load_start, load_end, alone=alone)


async def _whole(ending: Awaitable[object]) -> None:
    """Wait until something has been ended, also when the run is interrupted just then; ending is bounded."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _stop_when_gone(server: RunningServer, stop: asyncio.Event) -> None:
    """End the load soon after the server has ended."""
    while server.alive:  # noqa: ASYNC110 - the kernel sets no event
        await asyncio.sleep(LOOK_SECONDS)
    stop.set()


class _Stages:
    """Where a trial is, told as it goes on."""

    def __init__(self, listener: Listener, step: RunTrial, index: int, started: datetime) -> None:
        self._listener = listener
        self._step = step
        self._index = index
        self._started = started
        self._progress: Progress | None = None

    def enter(self, stage: Stage, message: str, expected: float | None = None) -> None:
        active = ActiveTrial(
            index=self._index,
            purpose=self._step.purpose,
            limits=self._step.limits.to_size(),
            stage=stage,
            message=message,
            start_time=self._started,
        )
        self._progress = Progress(active, monotonic(), expected)
        self._listener.went_on(self._progress)

    def note(self, line: str) -> None:
        assert self._progress is not None
        self._progress = Progress(self._progress.active, self._progress.started, self._progress.expected, line)
        self._listener.went_on(self._progress)
