"""A load from beginning to end: wait for the server, try one request, let it settle, warm up, measure, drain."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.trial import FirstRequest
from modelprofiler.core.evidence import ResultKind
from modelprofiler.errors import DatasetError, LoadError
from modelprofiler.load.before.first_request import Patience, first_answer
from modelprofiler.load.before.probe import Prober, wait_for_listener
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.http.client import Client
from modelprofiler.load.http.connection import Done
from modelprofiler.load.insight.facts import RowInsight
from modelprofiler.load.insight.learn import SentRows, learn
from modelprofiler.load.kinds import kinds_of
from modelprofiler.load.machine import procfs
from modelprofiler.load.machine.reference_loop import loop_seconds
from modelprofiler.load.node.exchange import NodeLink
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.phases import Phases
from modelprofiler.load.plan import Plan
from modelprofiler.load.rendezvous import company_of
from modelprofiler.load.requests import requests_of
from modelprofiler.load.result import LoadResult
from modelprofiler.load.rows.digest import identity_of
from modelprofiler.load.rows.folder import files_in
from modelprofiler.load.rows.order import order_of, part_of
from modelprofiler.load.rows.row import Files, listed
from modelprofiler.load.rows.store import Rows, stored
from modelprofiler.load.saturation import harmless_share, judge_generator
from modelprofiler.load.tls import present
from modelprofiler.load.visits import MOST_WATCHED, VisitRecorder

GC_THRESHOLDS = (200_000, 50, 1000)
"""How many new objects, and collections of the younger generation, lead to a collection of garbage during a load. With
Python's defaults (700, 10, 10) it would pause for next to nothing, since few objects of a load refer to each other in
cycles; with these it still collects them in the end. Chosen, not fitted."""

Say = Callable[[str], None]


async def run(
    config: LoadConfig, stop: asyncio.Event | None = None, say: Say = print, plan: Plan | None = None
) -> LoadResult:
    """Generate a load and return its result.

    Parameters
    ----------
    config
        The server, the requests and how they arrive.
    stop
        Set it to end the load early; the result then has what was measured so far.
    say
        Called with a line about the progress every five seconds.
    plan
        Replaces the plan that follows from ``config``.

    Raises
    ------
    DatasetError
        When the dataset cannot be read or is empty.
    LoadError
        When the CA certificates of the endpoint cannot be read.
    """
    return await _Load(config, plan or Plan.of(config), stop or asyncio.Event(), say).run()


class _Load:
    """One load: `run` is called once."""

    def __init__(self, config: LoadConfig, plan: Plan, stop: asyncio.Event, say: Say) -> None:
        self.config, self.plan, self.stop, self.say = config, plan, stop, say
        self.started = time.time()
        self.kills_before = procfs.oom_kills()
        self.epoch = self.started - monotonic()
        self.rows = _read(config)
        order = order_of(self.rows, config.dataset.order, heaviest_first=config.heaviest_first)
        self.order, self.counted = part_of(order, self.rows.hashes, config.index, config.load.parallelism)
        self.company = company_of(config, say)
        self.requests = requests_of(config, self.rows, self.order)
        self.tls = _tls(config)
        reader = config.node_reader
        self.link = NodeLink(reader.host, reader.port, self.epoch, reader.problem) if reader is not None else None
        self.node: NodeReading | None = None
        self.probe: float | None = None
        self.address = config.host
        self.first_request = 0.0
        """When the first single request before the load was sent, on the monotonic clock."""
        self.first: FirstRequest | None = None
        self.single_responses = 0
        """Single requests before the load that were answered."""

    async def run(self) -> LoadResult:
        await self.company.join()
        stopped = asyncio.ensure_future(self.stop.wait())
        work = asyncio.ensure_future(self._prepare())
        try:
            await asyncio.wait({stopped, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                return self._result(ResultKind.FAILED, "the load was stopped before it began")
            failure = work.result()
            return failure if failure is not None else await self._measure()
        finally:
            stopped.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await self.company.leave()

    async def _prepare(self) -> LoadResult | None:
        """Wait until the server answers and is idle; return the result where the load cannot begin."""
        config = self.config
        self.say(f"waiting for port {config.port} of {config.host}")
        listener = await wait_for_listener(
            config.host, config.port, config.connect_timeout, self.tls, _server_name(config)
        )
        if listener.address is None:
            message = f"nothing listens on port {config.port}: {listener.reason} for {config.connect_timeout:g} s"
            return self._result(ResultKind.CONNECT_FAILED, message)
        self.address = listener.address
        self.first_request = monotonic()
        if config.rendezvous is not None and config.index > 0:
            return None  # the first generator has sent a request, and waits until the server is idle
        self.say("sending the first request")
        endpoint = config.endpoint
        prober = Prober(lambda done: self._client(done, capture=True), endpoint.path, endpoint.expect)
        try:
            first = await first_answer(
                prober, Patience(config.first_request_patience, config.refusal_patience), self.say
            )
            if first.answer.failure is not None:
                return self._result(
                    ResultKind.SMOKE_FAILED,
                    first.sentence,
                    failure=first.answer.failure,
                    status_code=first.answer.status,
                )
            self.first = first.measured
            self.say(f"the first request took {first.seconds * 1000:.4g} ms")
            self.probe = await prober.settled_latency(config.probe_latency)
        finally:
            await prober.close()
            self.single_responses = prober.responses
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
            expect=self.config.endpoint.expect,
        )

    async def _measure(self) -> LoadResult:
        _raise_file_limit()
        gc.collect()
        gc.freeze()
        thresholds = gc.get_threshold()
        gc.set_threshold(*GC_THRESHOLDS)
        try:
            if self.link is not None:
                await self.link.before_load()
            before_load = (self.first_request, self.single_responses)
            loop_before = self._loop_seconds()
            if failure := await self._meet():
                return failure
            phases = Phases(
                self.plan, len(self.order), self._client, self.stop, self.say, before_load, self._visits(), self.company
            )
            await phases.run()
            # The others may still measure; what this one does from here on does not disturb them.
            await self.company.leave(done=True)
            await self._ask_reader(phases)
        finally:
            gc.set_threshold(*thresholds)
            gc.unfreeze()
        # A load that is to stop has a moment left to say what it measured, and no more.
        loop_after = None if self.stop.is_set() else self._loop_seconds()
        return replace(self._sum_up(phases), loop_before=loop_before, loop_after=loop_after)

    async def _meet(self) -> LoadResult | None:
        """Wait for the start that all generators have in common; return the result where there is none."""
        stopped = asyncio.ensure_future(self.stop.wait())
        meeting = asyncio.ensure_future(self.company.meet())
        try:
            await asyncio.wait({stopped, meeting}, return_when=asyncio.FIRST_COMPLETED)
            if not meeting.done():
                return self._result(ResultKind.FAILED, "the load was stopped before it began")
            if problem := meeting.result():
                return self._result(ResultKind.ABANDONED if self.company.lost else ResultKind.FAILED, problem)
            return None
        finally:
            stopped.cancel()
            meeting.cancel()

    def _loop_seconds(self) -> float | None:
        """Return how long the reference loop takes now; nothing is sent meanwhile, and nothing is due."""
        seconds = loop_seconds(self.config.server_cpus or None)
        return None if seconds is None else round(seconds, 9)

    def _visits(self) -> VisitRecorder | None:
        """Return what tells first visits of a row from later ones; None where there are too many to be sent again."""
        hashes = self.rows.hashes
        if hashes is None or len(self.order) > MOST_WATCHED:
            return None
        first: dict[int, int] = {}
        return VisitRecorder([first.setdefault(hashes[row], place) for place, row in enumerate(self.order)])

    async def _ask_reader(self, phases: Phases) -> None:
        """Ask the node reader for the window of the load, where there is one."""
        if self.link is not None:
            recorder = phases.recorder
            window = (recorder.window_start, recorder.window_end) if phases.measured else None
            self.node = await self.link.after_load(window, with_loop=not self.stop.is_set())

    def _sum_up(self, phases: Phases) -> LoadResult:
        recorder = phases.recorder
        if self.company.lost:
            return self._result(
                ResultKind.ABANDONED, self.company.lost, warmup_started=phases.warmup_started + self.epoch
            )
        if not phases.measured:
            return self._result(
                ResultKind.FAILED,
                "the load was stopped during its warm-up",
                timeline=recorder.timeline.timeline(self.epoch),
                warmup_started=phases.warmup_started + self.epoch,
            )
        covered, distinct = self._rows_sent(phases.driver.sent_rows)
        estimates = recorder.estimates()
        status = recorder.status(
            estimates,
            rows_covered=covered,
            distinct_rows=distinct,
            stopped_early=phases.stopped_early,
            probe=self.probe,
        )
        rows = self._insight(phases)
        status = status.model_copy(
            update={
                "first_request": self.first,
                "answers": kinds_of(phases.client.answers.samples(), self.order),
                "first_visits": recorder.visits.first if recorder.visits is not None else None,
                "later_visits": recorder.visits.later if recorder.visits is not None else None,
                "row_size_effect": (rows.sentence if rows is not None else "") or None,
                "split_answers": phases.client.split_answers or None,
            }
        )
        histogram = recorder.histogram()
        lag = recorder.send_lag.quantile(1 - harmless_share(self.plan))
        kind, message = judge_generator(self.plan, phases.cpu_percent, lag, estimates.value)
        if phases.ports_exhausted:
            kind = ResultKind.SATURATED
            message = (
                f"{phases.ports_exhausted} connections could not be opened, because the load generator had no local "
                "port or file descriptor left"
            )
        return self._result(
            kind,
            message,
            warmup_started=phases.warmup_started + self.epoch,
            window_started=recorder.window_start + self.epoch,
            window_ended=recorder.window_end + self.epoch,
            status=status,
            rows=rows,
            timeline=recorder.timeline.timeline(self.epoch),
            histogram=histogram,
            cpu_percent=round(phases.cpu_percent, 1),
            send_lag_p99=recorder.send_lag.quantile(0.99),
            busy_percent=round(100 * phases.machine[0], 1) if phases.machine else None,
            steal_percent=round(100 * phases.machine[1], 1) if phases.machine else None,
        )

    def _insight(self, phases: Phases) -> RowInsight | None:
        """Return how latency depended on the rows; None where the load has to end at once, or no longer can say.

        The latencies of a server that fell ever further behind depend on when a request came, and on no row.
        """
        if self.stop.is_set() or phases.stopped_early == "Overload":
            return None
        rows, recorder = self.rows, phases.recorder
        hashes = rows.hashes
        sent = SentRows(
            order=self.order,
            count=len(rows),
            size=rows.size,
            content=lambda number: identity_of(rows.row(number)),
            key=(lambda number: number) if hashes is None else hashes.__getitem__,
        )
        try:
            return learn(recorder.log, sent, len(recorder.finished_windows(recorder.window_end)))
        except DatasetError:  # the file has become shorter; what was measured counts all the same
            return None

    def _rows_sent(self, sent: bytearray) -> tuple[int, int | None]:
        """Return how many different rows were sent, and how many there are; None where they are not told apart.

        A row that several generators have is counted by one of them, so that the numbers of all add up.
        """
        numbers = {self.order[place] for place, is_sent in enumerate(sent) if is_sent and self.counted[place]}
        hashes = self.rows.hashes
        if hashes is None:
            return len(numbers), None
        return len({hashes[number] for number in numbers}), len(set(hashes))

    def _result(self, kind: ResultKind, message: str, **fields: object) -> LoadResult:
        kills = procfs.oom_kills()
        return LoadResult(
            kind=kind,
            message=message,
            started=self.started,
            ended=time.time(),
            dataset_digest=self.rows.digest,
            cores=os.cpu_count(),
            cpu_model=procfs.cpu_model(),
            cgroup_version=procfs.cgroup_version(),
            oom_kills=None if kills is None or self.kills_before is None else kills - self.kills_before,
            node=self.node,
            **fields,  # type: ignore[arg-type]  # each caller names fields of LoadResult
        )


def _read(config: LoadConfig) -> Rows:
    dataset = config.dataset
    path = Path(dataset.path)
    files: Files = files_in(path) if path.is_dir() else {path.name: path}
    if dataset.format is not DatasetFormat.FILES and len(files) != 1:
        raise DatasetError(f"the dataset has {len(files)} files; name the one with the rows: {listed(sorted(files))}")
    rows = stored(files, dataset)
    if dataset.digest is not None and dataset.digest != rows.digest:
        raise DatasetError("the dataset has changed since the run began; apply the profile again to measure it anew")
    return rows


def _tls(config: LoadConfig) -> ssl.SSLContext | None:
    endpoint = config.endpoint
    if endpoint.scheme == "HTTP":
        return None
    if endpoint.tls is None and config.system_authorities:
        return ssl.create_default_context()
    if endpoint.tls is None:  # unverified, as in a kubelet's probe: a pod's certificate seldom names its address
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        context = ssl.create_default_context(cadata=endpoint.tls.ca_bundle)
    except (OSError, ValueError) as e:  # ssl.SSLError is an OSError
        raise LoadError(f"the CA certificates of tls.caBundle cannot be read: {e}") from e
    if config.client_certificate is not None:
        try:
            present(context, config.client_certificate)
        except (OSError, ValueError, KeyError) as e:
            raise LoadError("the client's certificate and its key cannot be used") from e
    return context


def _server_name(config: LoadConfig) -> str | None:
    if config.endpoint.scheme == "HTTP":
        return None
    return config.endpoint.tls.server_name if config.endpoint.tls and config.endpoint.tls.server_name else config.host


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
