"""The result of a load, as text that always fits into a termination message of 4,096 bytes.

The text is one line for people, then zlib of (JSON, timeline, histogram) in base 85. Where it would be too long,
neighbouring buckets of the histogram are joined until it fits.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.api.quantities import Duration
from modelprofiler.api.trial import LatencySummary, LoadStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.text import head_in_bytes
from modelprofiler.errors import LoadError
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.insight.facts import RowInsight
from modelprofiler.load.node.reading import NodeReading
from modelprofiler.load.timeline import LATEST, Timeline

MAX_MESSAGE_BYTES = 1200
"""Longest message of a result. What remains of the 4,096 bytes has room for a full timeline (64 bins of 8 bytes) and
for a histogram of a few dozen buckets, even where neither compresses (the worst case of
tests/unit/load/test_result.py)."""

COARSEST_WITH_SAMPLES, COARSEST_WITH_ANSWERS = 3, 6
"""Times that the histogram's buckets may be joined before the samples of answers and the slowest rows, and then all
kinds of answers and all that is known of the rows, are left out: an error of 8 % in a quantile of the report's chart,
and of half. Only text that does not compress gets there."""

LAST_OUTPUT = 300
"""Characters shown of the output of a generator that left no result: the last lines of a traceback."""

MOST_KINDS = 4
"""Kinds of answers that a result names: good answers, errors, and two more."""
MOST_ROW_NUMBERS = 5
"""Rows that a kind of answers names: enough to look at, and the status keeps them for every trial."""
MAX_PACKED_BYTES = 2**16
"""Bytes that a result may have before it is compressed. Ours have at most 15,000, with the longest message and every
bucket that latencies reach; what is larger was made to fill the memory of whoever reads it."""

Kind = TypeVar("Kind")

_LENGTHS = struct.Struct("<HH")
_MARK = "mpload1:"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A finished load. Times are seconds since the epoch; None for phases that were not reached.

    Attributes
    ----------
    kind, message
        How it ended, and a sentence about it.
    failure
        With SmokeFailed: how the request failed, as in FailureCounts.
    status_code
        With SmokeFailed: the status code of the response; None without a response.
    started, warmup_started, window_started, window_ended, ended
        When the process started, the warm-up started, the window began and ended, and the last request ended.
    status
        The window in numbers, as it goes into the trial row.
    timeline
        Responses over time from the first request on: single requests before the load, warm-up, window and drain.
    histogram
        Latencies of the window in seconds.
    dataset_digest
        sha256 of the rows.
    cpu_percent
        The generator's CPU in the window, in percent of a core.
    send_lag_p99
        How late requests were sent, in seconds (open loop), or how late the generator's clock ticked (closed loop).
    cores, busy_percent, steal_percent
        CPUs of the generator's machine, and how much of their time went to work of any kind, and to other guests of the
        hypervisor, in the window.
    cpu_model, cgroup_version
        Name of that machine's CPU, and its version of control groups (v1 or v2).
    loop_before, loop_after
        CPU seconds of a round of the reference loop on that machine (`load.machine.reference_loop`), before the warm-up
        and after the last response.
    oom_kills
        Processes that the kernel of that machine killed for lack of memory from the load's beginning to its end, in
        whatever control group.
    node
        What a reader on the server's node said of that node; None where none was asked.
    rows
        How latency depends on the rows; None where that was not looked at.
    """

    kind: ResultKind
    message: str = ""
    failure: str | None = None
    status_code: int | None = None
    started: float | None = None
    warmup_started: float | None = None
    window_started: float | None = None
    window_ended: float | None = None
    ended: float | None = None
    status: LoadStatus | None = None
    timeline: Timeline = field(default_factory=Timeline)
    histogram: Histogram = field(default_factory=Histogram)
    dataset_digest: str | None = None
    cpu_percent: float | None = None
    send_lag_p99: float | None = None
    cores: int | None = None
    busy_percent: float | None = None
    steal_percent: float | None = None
    cpu_model: str | None = None
    cgroup_version: str | None = None
    loop_before: float | None = None
    loop_after: float | None = None
    oom_kills: int | None = None
    node: NodeReading | None = None
    rows: RowInsight | None = None

    def completed_between(self, t0: float, t1: float) -> float:
        """Return how many responses came between two times (seconds since the epoch), interpolated."""
        return self.timeline.completed_between(t0, t1)

    def encode(self) -> str:
        """Return the result as text of at most 4,096 bytes (ASCII)."""
        result = replace(self, message=head_in_bytes(self.message, MAX_MESSAGE_BYTES))
        while True:
            text = _encoded(result)
            if len(text) <= TERMINATION_MESSAGE_BYTES:
                return text
            if result.histogram.level >= COARSEST_WITH_SAMPLES and result.status is not None:
                everything = result.histogram.level >= COARSEST_WITH_ANSWERS
                node = result.node.without_names() if result.node is not None and everything else result.node
                rows = result.rows.with_less(everything=everything) if result.rows is not None else None
                status = _with_less_text(result.status, everything=everything)
                result = replace(result, status=status, node=node, rows=rows)
            # This ends: each level halves the buckets, ten leave a single one, and everything else is bounded.
            result = replace(result, histogram=result.histogram.coarser())

    def summary_line(self) -> str:
        """Return the result in one short line (ASCII), which `kubectl describe pod` shows first."""
        parts = [str(self.kind)]
        if self.status is not None:
            parts += [f"{self.status.requests} requests", f"{self.status.failures} failures", f"{self.status.rate}/s"]
            parts += [f"{name} {v}" for name in ("p50", "p95", "p99") if (v := getattr(self.status.latency, name))]
        return ", ".join(parts)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` wrote.

        Raises
        ------
        LoadError
            When the text is not a result, such as the last output of a generator that crashed.
        """
        _, mark, payload = text.rpartition(_MARK)
        if not mark:
            output = text.strip()[-LAST_OUTPUT:]
            raise LoadError(f"the load generator left no result; its last output: {output or 'none'}")
        try:
            packed = _unpacked(payload.strip())
            head_length, timeline_length = _LENGTHS.unpack_from(packed)
            timeline_at = _LENGTHS.size + head_length
            histogram_at = timeline_at + timeline_length
            scalars = _Scalars.model_validate_json(packed[_LENGTHS.size : timeline_at])
            return cls(
                timeline=Timeline.from_bytes(packed[timeline_at:histogram_at]),
                histogram=Histogram.from_bytes(packed[histogram_at:]),
                **{name: getattr(scalars, name) for name in _Scalars.model_fields},
            )
        except (ValueError, ArithmeticError, struct.error, zlib.error) as e:
            why = str(e)[:LAST_OUTPUT]
            raise LoadError(f"the load generator's result cannot be read: {why}") from e


Time = Annotated[float, Field(ge=0, lt=LATEST, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, lt=1e12, allow_inf_nan=False)]
"""A share or a span of time that is more than any load has is no measurement."""
LoopTime = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
"""A round takes a ten-thousandth of a second; one of a second was not measured."""
Word = Annotated[str, StringConstraints(max_length=MAX_MESSAGE_BYTES)]


class _Scalars(BaseModel):
    """Everything of a result but its timeline and its histogram, as it is written; whoever wrote it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    kind: Annotated[ResultKind, Strict(strict=False)]
    message: Word = ""
    failure: Word | None = None
    status_code: Annotated[int, Field(ge=0, le=999)] | None = None
    started: Time | None = None
    warmup_started: Time | None = None
    window_started: Time | None = None
    window_ended: Time | None = None
    ended: Time | None = None
    status: Annotated[LoadStatus, Strict(strict=False)] | None = None
    dataset_digest: Word | None = None
    cpu_percent: Amount | None = None
    send_lag_p99: Amount | None = None
    cores: Annotated[int, Field(ge=0, le=100_000)] | None = None
    busy_percent: Amount | None = None
    steal_percent: Amount | None = None
    cpu_model: Word | None = None
    cgroup_version: Word | None = None
    loop_before: LoopTime | None = None
    loop_after: LoopTime | None = None
    oom_kills: Annotated[int, Field(ge=0, le=10**9)] | None = None
    node: Annotated[NodeReading, Strict(strict=False)] | None = None
    rows: Annotated[RowInsight, Strict(strict=False)] | None = None


def _unpacked(payload: str) -> bytes:
    """Return the bytes of a result; no more than a result has, however well they compress."""
    if len(payload) > TERMINATION_MESSAGE_BYTES:
        raise ValueError(f"it has {len(payload)} characters")
    stream = zlib.decompressobj()
    packed = stream.decompress(base64.b85decode(payload), MAX_PACKED_BYTES)
    if not stream.eof:
        raise ValueError("it is incomplete, or larger than any result")
    return packed


def _with_less_text(status: LoadStatus, *, everything: bool) -> LoadStatus:
    """Return a status without what servers wrote: without samples, or without any kind of answers."""
    answers = [] if everything else [kind.model_copy(update={"sample": ""}) for kind in status.answers]
    first = status.first_request and status.first_request.model_copy(update={"refusal": None})
    return status.model_copy(update={"answers": answers, "first_request": first})


def _encoded(result: LoadResult) -> str:
    scalars: dict[str, Any] = {
        name: value for name in _SCALARS if (value := getattr(result, name)) is not None and value != ""
    }
    for name in ("node", "rows"):
        if (part := getattr(result, name)) is not None:
            scalars[name] = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if result.status is not None:
        scalars["status"] = result.status.to_dict()
    head = json.dumps(scalars, separators=(",", ":"), ensure_ascii=False).encode()
    timeline = result.timeline.to_bytes()
    packed = _LENGTHS.pack(len(head), len(timeline)) + head + timeline + result.histogram.to_bytes()
    return f"{result.summary_line()}\n{_MARK}{base64.b85encode(zlib.compress(packed, 9)).decode('ascii')}"


_SCALARS = (
    "kind",
    "message",
    "failure",
    "status_code",
    "started",
    "warmup_started",
    "window_started",
    "window_ended",
    "ended",
    "dataset_digest",
    "cpu_percent",
    "send_lag_p99",
    "cores",
    "busy_percent",
    "steal_percent",
    "cpu_model",
    "cgroup_version",
    "loop_before",
    "loop_after",
    "oom_kills",
)


def latency_summary(values: dict[str, float]) -> LatencySummary:
    """Return latencies in seconds by metric as the resource writes them."""
    return LatencySummary(**{name: Duration.of(value) for name, value in values.items()})


def most_frequent(ordered: Sequence[Kind], is_unmet: Callable[[Kind], bool]) -> list[Kind]:
    """Return the first `MOST_KINDS`; of those that do not fulfil the expectation, the first is always among them."""
    most = list(ordered[:MOST_KINDS])
    if not any(map(is_unmet, most)):
        most[-1:] = next(([kind] for kind in ordered[MOST_KINDS:] if is_unmet(kind)), most[-1:])
    return most
