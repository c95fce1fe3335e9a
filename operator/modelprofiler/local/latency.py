"""The latency of a server that somebody else has started: one load, judged by the objectives, and no search."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus
from modelprofiler.api.trial import LoadStatus, Outcome, Purpose
from modelprofiler.core.answers.delayed_ack import NOTED_SHARE
from modelprofiler.core.answers.doubts import doubts, mostly_no_answers
from modelprofiler.core.evidence import Failure, ResultKind, failure_of_load
from modelprofiler.core.judge import Verdict, judge
from modelprofiler.core.rows import FEW_ROWS, MANY_VISITS
from modelprofiler.core.support import one_generator, unsupported_load
from modelprofiler.errors import InvalidInput, LoadError, Problem
from modelprofiler.files.headers import client_pair, header_values, secret_header_problems
from modelprofiler.files.inputs import DATASET, ResolvedRows, place_rows, resolve_rows
from modelprofiler.files.running_server import RunningServer
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.tls import certificate_problems
from modelprofiler.load.trial_config import by_one_generator, load_of_trial
from modelprofiler.local.download import address_problems, download
from modelprofiler.local.generator import Generator
from modelprofiler.local.reach import CONNECT_SECONDS, has_ended, host_problems, is_here, speaks_tls, unreachable
from modelprofiler.report.latency import LatencyMeasurement, ObjectiveState

REFUSED_SECONDS = 10.0
"""How long it may refuse the first request, since it is already running; one that says that it is loading its model is
waited for."""
MOST_REQUESTS = 1_000_000
"""Requests that a load has at most unless an option says otherwise: more than the window of half a minute has at the
highest rate that one generator reaches."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A load that is ready to start, and what limits its numbers."""

    config: LoadConfig
    dataset: DatasetStatus
    notes: tuple[str, ...]


class LatencySession:
    """Measures one running server.

    Parameters
    ----------
    server
        The server, and what it is sent.
    most_requests
        Requests after which the load ends.
    notify
        Called with lines about the progress.
    """

    def __init__(self, server: RunningServer, most_requests: int, notify: Callable[[str], None]) -> None:
        self._server = server
        self._most = most_requests
        self._notify = notify
        self._spec = _judged_spec(server.spec)
        self._rows: ResolvedRows | None = None

    def problems(self) -> list[Problem]:
        """Return why the load cannot be sent; nothing is sent to the server for that."""
        spec = self._server.spec
        problems = [*unsupported_load(spec), *certificate_problems(spec)]
        problems += secret_header_problems(self._server.document)
        if spec.objectives.max_slowdown_percent is not None:
            message = (
                "compares with a run at the largest size, and a server that is not limited has no other size; name a "
                "latency, such as --latency p95=250ms"
            )
            problems.append(Problem("spec.objectives.maxSlowdownPercent", message))
        if (expected := _expected_requests(spec)) is not None and expected > self._most:
            message = (
                f"the load has about {expected:,.0f} requests, more than {self._most:,}; lower the rate or the "
                "duration, or raise --max-requests"
            )
            problems.append(Problem("--max-requests", message))
        rows = resolve_rows(self._server.document)
        if isinstance(rows, list):  # nothing is wrong with rows that are still to be downloaded
            problems += rows
        else:
            self._rows = rows
        problems += address_problems(self._server.document, only=DATASET)
        return problems + host_problems(self._server)

    def run(self) -> LatencyMeasurement:
        """Send the load and return the measurement.

        Raises
        ------
        InvalidInput
            With everything that is wrong; nothing was sent.
        KeyboardInterrupt
            It was interrupted, and the load has ended.
        """
        if self._rows is None and (problems := self.problems()):
            raise InvalidInput(problems)
        with tempfile.TemporaryDirectory(prefix="modelprofiler-rows-") as workspace:
            ready = self._prepared(Path(workspace))
            started = datetime.now(UTC)
            result = unreachable(self._server) or asyncio.run(self._load(ready.config))
        return self._measurement(ready, result, started)

    def _prepared(self, workspace: Path) -> _Ready:
        server, spec = self._server, self._server.spec
        document = download(server.document, workspace, self._notify, only=DATASET)
        rows = self._rows or resolve_rows(document)
        if isinstance(rows, list):
            raise InvalidInput(rows)
        timeout = spec.endpoint.http.timeout.seconds
        config = load_of_trial(
            self._spec,
            index=1,
            purpose=Purpose.REFERENCE,
            decide=False,  # latency is asked for, not a verdict
            reference=None,
            host=server.address.host,
            dataset=str(place_rows(document, rows.files, workspace / "rows")),
            ready_timeout=timeout,
        )
        config = by_one_generator(config).model_copy(
            update={
                "connect_timeout": CONNECT_SECONDS,
                "refusal_timeout": min(REFUSED_SECONDS, timeout),
                "most_requests": self._most,
                "header_values": header_values(document) or None,
                "client_certificate": client_pair(document) or None,
                "system_authorities": server.address.scheme == "https",
            }
        )
        return _Ready(config, rows.dataset, tuple(self._notes(rows.dataset)))

    def _notes(self, dataset: DatasetStatus) -> list[str]:
        """Return what the numbers do not say, before anything was measured."""
        server = self._server
        notes = one_generator(server.spec)
        if server.from_file:
            kind = next(iter(server.spec.server.to_dict()), "server")
            notes.append(f"the server of the profile (spec.server.{kind}) was not started")
        if is_here(server.address.host):
            notes.append("the server is on this machine, whose CPUs the load generator uses, too")
        else:
            notes.append("latency includes the network between this machine and the server")
        notes += [
            f"objectives.{name} was not judged: of a running server only the answers are seen"
            for name in _not_judged(server.spec)
        ]
        return [*notes, *(f"spec.dataset: {warning}" for warning in dataset.warnings or ())]

    async def _load(self, config: LoadConfig) -> LoadResult | Failure:
        generator = await Generator.start()
        try:
            return await generator.run(config, asyncio.Event(), self._notify)
        except LoadError as error:
            return Failure(Outcome.LOAD_FAILED, str(error))
        finally:
            await generator.close()

    def _measurement(self, ready: _Ready, result: LoadResult | Failure, started: datetime) -> LatencyMeasurement:
        load = result.status if isinstance(result, LoadResult) else None
        failure = self._failure_of(result) if isinstance(result, LoadResult) else result
        state, verdict = self._judged(load, failure)
        return LatencyMeasurement(
            url=self._server.url,
            spec=self._server.spec,
            state=state,
            certain=verdict.certain,
            message=verdict.message,
            judged=verdict.judged,
            load=load,
            dataset=ready.dataset,
            notes=[*ready.notes, *self._notes_of(load)],
            started=started,
            completed=datetime.now(UTC),
            rows=result.rows if isinstance(result, LoadResult) else None,
        )

    def _failure_of(self, result: LoadResult) -> Failure | None:
        """Return why a load says nothing about the latency; None where it does."""
        failure = failure_of_load(result)
        if failure is None:
            return None
        hint = ""
        if result.kind is ResultKind.SMOKE_FAILED and result.failure == "reset" and speaks_tls(self._server):
            hint = "; the port speaks TLS: write https:// in --url"
        elif result.kind is ResultKind.FAILED and result.warmup_started is not None:
            hint = f"; the load may have {self._most:,} requests (--max-requests)"
        return replace(failure, message=failure.message + hint)

    def _judged(self, load: LoadStatus | None, failure: Failure | None) -> tuple[ObjectiveState, Verdict]:
        """Return whether the objectives were met, and why."""
        origin = self._server.address.origin
        if failure is not None or load is None:
            message = failure.message if failure is not None else "the load generator returned no result"
            what = f"{origin} was not measured" if load is None else f"these numbers say nothing about {origin}"
            message = f"{what}: {message}"
            return ObjectiveState.NOT_KNOWN, Verdict(Outcome.LOAD_FAILED, certain=False, message=message)
        verdict = judge(self._spec, load=load, usage=None, time_to_ready=None, reference=None, fresh=False)
        if verdict.outcome is Outcome.PASSED:
            if not mostly_no_answers(self._spec, load):
                others = ", ".join(_not_judged(self._server.spec))
                message = f"{verdict.message}; not judged: {others}" if others else verdict.message
                return ObjectiveState.MET, replace(verdict, message=message)
            message = f"{verdict.message}; the latency is not that of answers"
            return ObjectiveState.NOT_KNOWN, replace(verdict, message=message)
        if verdict.outcome in {Outcome.SLOW, Outcome.ERRORS}:
            gone = f"{origin} answers no more; " if has_ended(self._server, load) else ""
            return ObjectiveState.MISSED, replace(verdict, message=gone + verdict.message)
        return ObjectiveState.NOT_KNOWN, verdict

    def _notes_of(self, load: LoadStatus | None) -> list[str]:
        """Return what the numbers do not say, as far as the load shows it."""
        if load is None:
            return []
        notes = doubts(self._server.spec, load, "the latency is that of a server that fails")
        if load.stopped_early == "Terminated":
            notes.append(f"the load ended before its time, after {self._most:,} requests (--max-requests)")
        elif load.stopped_early == "Overload":
            notes.append("the load was ended before its time, because the server fell ever further behind")
        if load.distinct_rows is not None and load.rows_covered < load.distinct_rows:
            notes.append(f"{load.distinct_rows - load.rows_covered:,} distinct rows were not sent: extend --duration")
        split = (load.split_answers or 0) / load.requests if load.requests else 0.0
        if split >= NOTED_SHARE:
            notes.append(
                f"the second part of {100 * min(split, 1.0):.0f}% of the answers came 40 ms after the first, as it "
                "does where a server writes the head and the body separately and does not set TCP_NODELAY"
            )
        visits = load.requests / load.rows_covered if load.rows_covered else 0.0
        if load.rows_covered <= FEW_ROWS and visits >= MANY_VISITS:
            notes.append(
                f"each row was sent {visits:,.0f} times: a server that answers equal requests from a cache looks "
                "faster than it is"
            )
        return notes


NEED_A_START = ("max_throttled_percent", "max_time_to_ready", "max_first_request")
"""Objectives that a load alone cannot judge: they need the start of a server, or its control group."""


def _not_judged(spec: ModelProfileSpec) -> list[str]:
    """Return the names of the objectives of a profile that a load alone cannot judge."""
    there = spec.objectives.model_dump(by_alias=True, include=set(NEED_A_START), exclude_none=True)
    return sorted(there)


def _judged_spec(spec: ModelProfileSpec) -> ModelProfileSpec:
    """Return the profile with the objectives that a load alone can judge."""
    objectives = spec.objectives.model_copy(update=dict.fromkeys(NEED_A_START))
    return spec.model_copy(update={"objectives": objectives})


def _expected_requests(spec: ModelProfileSpec) -> float | None:
    """Return how many requests an open loop sends, unless its window is extended; None for a closed loop."""
    loop = spec.load.open_loop
    return None if loop is None else float(loop.rate) * (spec.load.warmup.seconds + spec.load.duration.seconds)
