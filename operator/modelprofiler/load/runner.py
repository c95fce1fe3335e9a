"""A load from beginning to end: wait, smoke, settle, warm up, measure, drain, sum up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from modelprofiler.core.evidence import ResultKind
from modelprofiler.errors import DatasetError, LoadError
from modelprofiler.load import machine
from modelprofiler.load.client import Client
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.connection import Done
from modelprofiler.load.dataset import digest, ordered, read_rows
from modelprofiler.load.phases import Phases
from modelprofiler.load.plan import Plan
from modelprofiler.load.probe import Prober, wait_for_listener
from modelprofiler.load.request import render
from modelprofiler.load.summary import LoadResult

SATURATED_CPU_PERCENT = 90.0
SATURATED_LAG = 0.005
"""Seconds of send lag (p99) that are never held against the generator."""
SATURATED_LAG_SHARE = 0.1
"""Nor is lag below this share of the latencies that matter."""

BEYOND = {"p50": 0.5, "p90": 0.1, "p95": 0.05}
LATE_SHARE, FEWEST_LATE = 0.5, 0.01
"""Nor that of so many requests: half of those beyond the percentile, 1 % at least. A machine that stands still for
30 ms once in a few seconds makes one request in a hundred late, which p99 shows and p95 does not."""

MOST_BY_LAG = 2.0
"""A latency is this many lags too long at most for being sent late: its own lag, and the queue of those that were late
before it and came all at once, which a server that keeps up serves in less time than they were late by."""

Say = Callable[[str], None]


async def run(
    config: LoadConfig, stop: asyncio.Event | None = None, say: Say = print, plan: Plan | None = None
) -> LoadResult:
    """Make a load and return what came of it.

    Parameters
    ----------
    config
        What to do.
    stop
        Set to end the load early, with what it has.
    say
        Called with a line about the progress every five seconds.
    plan
        Instead of the one that follows from ``config``.

    Raises
    ------
    DatasetError
        When the dataset cannot be read or is empty.
    """
    return await _Load(config, plan or Plan.of(config), stop or asyncio.Event(), say).run()


class _Load:
    """One load; `run` goes through it once."""

    def __init__(self, config: LoadConfig, plan: Plan, stop: asyncio.Event, say: Say) -> None:
        self.config, self.plan, self.stop, self.say = config, plan, stop, say
        self.started = time.time()
        self.epoch = self.started - monotonic()
        rows = _read(config)
        self.digest = digest(rows)
        self.rows = ordered(rows, config.dataset.order, heaviest_first=config.heaviest_first)
        host = config.host
        copies: dict[bytes, bytes] = {}
        self.requests = [copies.setdefault(r, render(config.endpoint, host, config.port, r)) for r in self.rows]
        self.tls = _tls(config)
        self.probe: float | None = None
        self.address = host
        self.asked = 0.0
        self.answered = 0

    async def run(self) -> LoadResult:
        stopped = asyncio.ensure_future(self.stop.wait())
        work = asyncio.ensure_future(self._prepare())
        try:
            await asyncio.wait({stopped, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                return self._result(ResultKind.FAILED, "the load was stopped before it began")
            failed = work.result()
            return failed if failed is not None else await self._measure()
        finally:
            stopped.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def _prepare(self) -> LoadResult | None:
        config = self.config
        self.say(f"waiting for port {config.port} of {config.host}")
        listener = await wait_for_listener(config.host, config.port, config.connect_timeout)
        if listener.address is None:
            what = f"nothing listens on port {config.port}: {listener.reason} for {config.connect_timeout:g} s"
            return self._result(ResultKind.CONNECT_FAILED, what)
        self.address = listener.address
        self.asked = monotonic()
        prober = Prober(lambda done: self._client(done, capture=True), self.plan.timeout)
        try:
            answer = await prober.ask()
            if answer.failure is not None:
                return self._result(
                    ResultKind.SMOKE_FAILED, answer.sentence, failure=answer.failure, status_code=answer.status
                )
            self.say(f"the first request took {answer.latency * 1000:.4g} ms")
            self.probe = await prober.settled_latency(config.probe_latency)
        finally:
            await prober.close()
            self.answered = prober.responses
        return None

    def _client(self, done: Done, *, capture: bool = False) -> Client:
        return Client(
            self.address,
            self.config.port,
            self.requests,
            timeout=self.plan.timeout,
            expected=frozenset(self.config.endpoint.expect.status),
            max_in_flight=self.plan.max_in_flight,
            done=done,
            tls=self.tls,
            server_name=_server_name(self.config),
            capture=capture,
        )

    async def _measure(self) -> LoadResult:
        _raise_file_limit()
        gc.collect()
        gc.freeze()
        before = gc.get_threshold()
        gc.set_threshold(200_000, 50, 1000)  # no pauses; what little is cyclic is still collected in the end
        try:
            before_load = (self.asked, self.answered)
            phases = Phases(self.plan, len(self.rows), self._client, self.stop, self.say, before_load)
            await phases.run()
        finally:
            gc.set_threshold(*before)
            gc.unfreeze()
        return self._sum_up(phases)

    def _sum_up(self, phases: Phases) -> LoadResult:
        recorder = phases.recorder
        if not phases.measured:
            return self._result(
                ResultKind.FAILED,
                "the load was stopped during its warm-up",
                timeline=recorder.timeline.timeline(self.epoch),
                warmup_started=phases.warmup_started + self.epoch,
            )
        covered = len({self.rows[i] for i, sent in enumerate(phases.driver.sent_rows) if sent})
        estimates = recorder.estimates()
        status = recorder.status(estimates, rows_covered=covered, stopped_early=phases.stopped_early, probe=self.probe)
        histogram = recorder.histogram()
        lag = recorder.send_lag.quantile(1 - late_share(self.plan))
        kind, message = judge_generator(self.plan, phases.cpu_percent, lag, estimates.value)
        if phases.ports_exhausted:
            kind = ResultKind.SATURATED
            message = f"{phases.ports_exhausted} connections failed for want of local ports or files"
        return self._result(
            kind,
            message,
            warmup_started=phases.warmup_started + self.epoch,
            window_started=recorder.window_start + self.epoch,
            window_ended=recorder.window_end + self.epoch,
            status=status,
            timeline=recorder.timeline.timeline(self.epoch),
            histogram=histogram,
            cpu_percent=round(phases.cpu_percent, 1),
            send_lag_p99=recorder.send_lag.quantile(0.99),
            busy_percent=round(100 * phases.machine[0], 1) if phases.machine else None,
            steal_percent=round(100 * phases.machine[1], 1) if phases.machine else None,
        )

    def _result(self, kind: ResultKind, message: str, **more: object) -> LoadResult:
        return LoadResult(
            kind=kind,
            message=message,
            started=self.started,
            ended=time.time(),
            dataset_digest=self.digest,
            cores=machine.cores(),
            cpu_model=machine.cpu_model(),
            cgroup_version=machine.cgroup_version(),
            **more,  # type: ignore[arg-type]
        )


def _read(config: LoadConfig) -> list[bytes]:
    try:
        data = Path(config.dataset.path).read_bytes()
    except OSError as e:
        raise DatasetError(f"the dataset cannot be read: {e}") from e
    return read_rows(data, config.dataset.format, config.dataset.encoding)


def _tls(config: LoadConfig) -> ssl.SSLContext | None:
    endpoint = config.endpoint
    if endpoint.scheme == "HTTP":
        return None
    if endpoint.tls is None:  # as a kubelet's probe: a pod's certificate seldom names the pod's address
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        return ssl.create_default_context(cadata=endpoint.tls.ca_bundle)
    except (OSError, ValueError) as e:  # ssl.SSLError is an OSError
        raise LoadError(f"the CA certificates of tls.caBundle cannot be read: {e}") from e


def _server_name(config: LoadConfig) -> str | None:
    if config.endpoint.scheme == "HTTP":
        return None
    return config.endpoint.tls.server_name if config.endpoint.tls and config.endpoint.tls.server_name else config.host


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def late_share(plan: Plan) -> float:
    """Return the share of requests whose lag does not matter to what the objectives are about."""
    metrics = plan.thresholds or plan.percentiles
    return max(min((LATE_SHARE * BEYOND.get(name, 0.0) for name in metrics), default=0.0), FEWEST_LATE)


def judge_generator(
    plan: Plan, cpu_percent: float, lag: float | None, latency: Mapping[str, float]
) -> tuple[ResultKind, str]:
    """Tell whether the generator was the bottleneck: it had no CPU left, or was late by what matters.

    Lag is a part of every latency, so where latencies are within their thresholds they would be without it too: then it
    is held against nobody. Nor is it where one is over its threshold by more than lag can explain (`MOST_BY_LAG`).

    Parameters
    ----------
    plan
        Its thresholds.
    cpu_percent
        CPU of the generator, in percent of a core.
    lag
        Send lag that all but `late_share` of the requests stay under, in seconds.
    latency
        Latencies of the window by metric, in seconds.
    """
    if cpu_percent > SATURATED_CPU_PERCENT:
        return (
            ResultKind.SATURATED,
            f"the generator used {cpu_percent:.0f} % of a core: give it less to do, or more pods",
        )
    bounds = plan.thresholds
    over = {name: latency[name] - bound if name in latency else None for name, bound in bounds.items()}
    met = bool(bounds) and all(excess is not None and excess <= 0 for excess in over.values())
    missed = lag is not None and any(excess is not None and excess > MOST_BY_LAG * lag for excess in over.values())
    known = [latency[name] for name in plan.percentiles if name in latency]
    scale = min([*bounds.values()] or known, default=latency.get("p50", 0.0))
    allowed = max(SATURATED_LAG, SATURATED_LAG_SHARE * scale)
    if lag is None or lag <= allowed or met or missed:
        return ResultKind.COMPLETED, ""
    late = (
        f"{100 * late_share(plan):.3g} % of its requests by {lag * 1000:.3g} ms or more ({allowed * 1000:.3g} allowed)"
    )
    return ResultKind.SATURATED, f"the generator was late: {late}"
