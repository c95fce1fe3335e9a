"""One trial after the other on this machine: start or resize the server, send the load, read the cgroup, judge."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import ActiveTrial, Outcome, Stage, Trial, UsageStatus
from modelprofiler.core.evidence import Attempt, Evidence, Failure
from modelprofiler.core.judge import every_row_passed, reference_among
from modelprofiler.core.steps import RunTrial
from modelprofiler.core.threads import variables_to_set
from modelprofiler.core.trial import finished_trial
from modelprofiler.core.windows import Window, windows_of
from modelprofiler.errors import LoadError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.trial_config import load_of_trial, quick_sub_window
from modelprofiler.local.generator import Generators
from modelprofiler.local.host import Host
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Listener, Progress
from modelprofiler.local.server import RunningServer
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.usage import usage
from modelprofiler.report.record import TRIALS_DIR, TrialRecord

ADDRESS = "127.0.0.1"

READY_SECONDS = 300.0
"""How long a server may take until it is ready, where no objective says so."""

LOOK_SECONDS = 0.1
"""How often it is looked whether the server still lives."""

GENERATORS = 2
"""In store while a server starts: one for its own trial, one for the next, which may resize it."""


@dataclass(frozen=True, slots=True)
class _Start:
    """How the server came to run at a trial's size."""

    fresh: bool = True
    time_to_ready: Duration | None = None
    failure: Failure | None = None


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
        self._idle_since = 0.0

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
        start = await self._serve(step, index, stages)
        load: LoadResult | None = None
        samples = ContainerSamples()
        evidence = Evidence(failure=start.failure)
        if start.failure is None:
            load, samples, evidence = await self._load(step, index, trials, stages)
        if self._server is not None and not self._server.alive:
            await self._stop()
        row = finished_trial(
            self._prepared.profile.spec,
            Attempt(index, step.purpose, step.limits, start.fresh, step.window, started),
            replace(evidence, time_to_ready=start.time_to_ready),
            datetime.now(UTC),
            trials,
        )
        return TrialRecord(row, load, samples.cpu_seconds, samples.working_set_bytes)

    async def close(self) -> None:
        """Stop whatever runs."""
        await _whole(asyncio.gather(self._stop(), self._generators.close()))

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await _whole(server.stop())

    async def _serve(self, step: RunTrial, index: int, stages: _Stages) -> _Start:
        """Have the server run at the trial's size, resized where that is allowed, else started for it."""
        server = self._server
        if server is not None and server.alive and not step.fresh and server.limits.memory == step.limits.memory:
            stages.enter(Stage.RESIZING, f"resizing the running server to {step.limits}")
            server.resize(step.limits)
            return _Start(fresh=False)
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
        self._idle_since = time.time()
        server.sample()  # what it holds before anybody has asked it for anything
        if seconds is None:
            late = f"the server was not ready within {within:g}s; {server.last_words()}"
            return _Start(failure=server.failure() or Failure(Outcome.NEVER_READY, late))
        return _Start(time_to_ready=Duration.of(seconds, digits=3))

    async def _load(
        self, step: RunTrial, index: int, trials: Sequence[Trial], stages: _Stages
    ) -> tuple[LoadResult | None, ContainerSamples, Evidence]:
        """Send the load; return its result, the samples of the server, and what both say."""
        server = self._server
        assert server is not None
        load = self._prepared.profile.spec.load
        config = self._load_config(step, index, trials)
        stages.enter(Stage.LOADING, f"sending the load at {step.limits}", load.warmup.seconds + load.duration.seconds)
        idle_since = self._idle_since
        stop = asyncio.Event()
        watch = asyncio.ensure_future(_stop_when_gone(server, stop))
        result, failure = None, None
        try:
            generator = await self._generators.take()
            result = await generator.run(config, stop, stages.note)
        except LoadError as error:
            failure = Failure(Outcome.LOAD_FAILED, str(error))
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._idle_since = time.time()
        samples = await server.samples(since=idle_since)
        evidence = Evidence(
            failure=server.failure() or failure,  # a dead server explains a failed load, not the other way round
            load=result,
            usage=_usage(samples, result, idle_since) if result is not None else None,
            last_words=server.last_words(),
        )
        return result, samples, evidence

    def _load_config(self, step: RunTrial, index: int, trials: Sequence[Trial]) -> LoadConfig:
        spec, size = self._prepared.profile.spec, step.limits.to_size()
        reference = reference_among(trials)
        return load_of_trial(
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


def _usage(samples: ContainerSamples, result: LoadResult, idle_since: float) -> UsageStatus | None:
    if result.ended is None:
        return None
    windows = windows_of(result, Window(idle_since, result.ended + 1))
    return None if windows is None else usage(samples, windows)


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
