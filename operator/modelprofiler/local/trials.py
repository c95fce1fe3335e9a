"""One trial after the other on this machine: start or resize the server, send the load, read the cgroup, judge."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from modelprofiler.api.trial import ActiveTrial, Outcome, Stage, Trial, UsageStatus
from modelprofiler.core.answers.redact import without
from modelprofiler.core.evidence import Attempt, Evidence, Failure
from modelprofiler.core.judge import every_row_passed, reference_among
from modelprofiler.core.steps import RunTrial
from modelprofiler.core.trial import finished_trial
from modelprofiler.core.windows import Window, windows_of
from modelprofiler.errors import LoadError
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.trial_config import by_one_generator, load_of_trial, quick_sub_window
from modelprofiler.local.generator import Generators
from modelprofiler.local.lifecycle import ADDRESS, ServerLifecycle, Start, finish
from modelprofiler.local.placement import Placement
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import Listener, Progress
from modelprofiler.local.server import MeasuredServer
from modelprofiler.metrics.series import ContainerSamples, thinned
from modelprofiler.metrics.usage import usage
from modelprofiler.report.record import TRIALS_DIR, TrialRecord

POLL_SECONDS = 0.1
"""Between two checks that the server still lives; a load ends this much later than its server at most."""

KEPT_SAMPLES = 2400
"""Samples of a series that a record keeps: all of a usual trial of a minute or two, and of a soak of ten minutes one
every quarter of a second."""

GENERATORS = 2
"""Load generators to keep in store while a server starts: one for its trial, one for the next, which may resize it."""


class TrialRunner:
    """Runs trials, and keeps the server for the next trial if that may use it.

    Parameters
    ----------
    prepared
        The run.
    placement
        Where on this machine it runs.
    directory
        Where the output of the servers is recorded.
    listener
        Receives the stages of each trial.
    """

    def __init__(self, prepared: Prepared, placement: Placement, directory: Path, listener: Listener) -> None:
        self._prepared = prepared
        self._placement = placement
        self._logs = directory / TRIALS_DIR
        self._listener = listener
        self._generators = Generators(placement.cpus.load)
        self._servers = ServerLifecycle(prepared, placement, self._logs, listener.on_note)

    async def run(self, step: RunTrial, index: int, trials: Sequence[Trial]) -> TrialRecord:
        """Run a trial and return its record.

        Parameters
        ----------
        step
            What to run.
        index
            The number of the trial.
        trials
            The finished trials before it.
        """
        started = datetime.now(UTC)
        stages = _Stages(self._listener, step, index, started)
        start = await self._start_or_resize(step, index, stages)
        load: LoadResult | None = None
        samples = ContainerSamples()
        evidence = Evidence(failure=start.failure)
        if start.failure is None:
            load, samples, evidence = await self._load(step, index, trials, stages)
        if self._servers.server is not None and not self._servers.server.alive:
            await self._servers.stop()
        trial = finished_trial(
            self._prepared.profile.spec,
            Attempt(index, step.purpose, step.limits, start.fresh, step.window, started),
            replace(evidence, time_to_ready=start.time_to_ready),
            datetime.now(UTC),
            trials,
        )
        kept = (thinned(series, KEPT_SAMPLES) for series in (samples.cpu_seconds, samples.working_set_bytes))
        return TrialRecord(trial, load, *kept)

    async def close(self) -> None:
        """Stop the server and the load generators."""
        await finish(asyncio.gather(self._servers.stop(quick=True), self._generators.close()))

    async def _start_or_resize(self, step: RunTrial, index: int, stages: _Stages) -> Start:
        """Bring the server to the trial's size: by resizing it where that is allowed, else by a new start."""
        server = self._servers.server
        if server is not None and server.alive and not step.fresh and server.limits.memory == step.limits.memory:
            stages.enter(Stage.RESIZING, f"resizing the running server to {step.limits}")
            server.resize(step.limits)
            return Start(fresh=False)
        stages.enter(Stage.STARTING, f"starting the server at {step.limits}")
        await self._servers.stop(progress=stages.note)
        await self._generators.prepare(GENERATORS)
        return await self._servers.start(step.limits, index, stages.note, cold=step.window == "Measure")

    async def _load(
        self, step: RunTrial, index: int, trials: Sequence[Trial], stages: _Stages
    ) -> tuple[LoadResult | None, ContainerSamples, Evidence]:
        """Send the load; return its result, the samples of the server, and the evidence that follows from both."""
        server = self._servers.server
        assert server is not None, "the server was started"
        load = self._prepared.profile.spec.load
        config = self._load_config(step, index, trials)
        expected = load.warmup.seconds + (step.seconds or load.duration.seconds)
        why = f": {step.reason}" if step.seconds is not None else ""
        stages.enter(Stage.LOADING, f"sending the load at {step.limits}{why}", expected)
        idle_since = self._servers.idle_since
        stop = asyncio.Event()
        watch = asyncio.ensure_future(_set_when_ended(server, stop))
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
        self._servers.idle_since = time.time()
        samples = await server.samples(since=idle_since)
        secrets = tuple(self._prepared.header_values.values())
        ended = server.failure()
        if ended is not None:
            ended = replace(ended, message=without(ended.message, secrets))
        evidence = Evidence(
            failure=ended or failure,  # a dead server explains a failed load, not the other way round
            load=result,
            usage=_usage(samples, result, idle_since) if result is not None else None,
            last_words=without(server.last_words(), secrets),
        )
        return result, samples, evidence

    def _load_config(self, step: RunTrial, index: int, trials: Sequence[Trial]) -> LoadConfig:
        spec, size = self._prepared.profile.spec, step.limits.to_size()
        reference = reference_among(trials)
        config = load_of_trial(
            spec,
            index=index,
            purpose=step.purpose,
            decide=True,  # counters are exact here, so a trial need not last until enough samples have arrived
            reference=reference,
            host=ADDRESS,
            dataset=str(self._prepared.dataset_file),
            sub_window=quick_sub_window(spec, reference),
            rows_are_known=every_row_passed(trials, size, self._prepared.dataset.distinct_rows) is not None,
            server_cpus=self._placement.cpus.server,
            seconds=step.seconds,
        )
        values, pair = dict(self._prepared.header_values) or None, dict(self._prepared.client_pair) or None
        return by_one_generator(config).model_copy(update={"header_values": values, "client_certificate": pair})


def _usage(samples: ContainerSamples, result: LoadResult, idle_since: float) -> UsageStatus | None:
    """Return what the server used under a load; None when the load ended before its measured window did."""
    if result.ended is None:
        return None
    # One second more than the load: the last sample is taken after it.
    windows = windows_of(result, Window(idle_since, result.ended + 1))
    return None if windows is None else usage(samples, windows)


async def _set_when_ended(server: MeasuredServer, stop: asyncio.Event) -> None:
    """Set an event soon after the server has ended."""
    while server.alive:  # noqa: ASYNC110 - the kernel sets no event
        await asyncio.sleep(POLL_SECONDS)
    stop.set()


class _Stages:
    """Reports the stages of a trial to the listener."""

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
        self._listener.on_stage(self._progress)

    def note(self, line: str) -> None:
        assert self._progress is not None, "a stage was entered"
        self._progress = replace(self._progress, note=line)
        self._listener.on_stage(self._progress)
