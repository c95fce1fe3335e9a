"""The results of generators that ran side by side, as one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import AnswerKind, FailureCounts, LatencySummary, LoadStatus
from modelprofiler.core.evidence import ResultKind
from modelprofiler.core.stats import FEWEST_REQUESTS, PERCENTILES
from modelprofiler.errors import LoadError
from modelprofiler.load.histogram import Histogram
from modelprofiler.load.insight.facts import RowInsight
from modelprofiler.load.intervals import merged
from modelprofiler.load.result import MOST_ROW_NUMBERS, LoadResult, latency_summary, most_frequent
from modelprofiler.load.timeline import Timeline

_WORST_FIRST = (
    ResultKind.FAILED,
    ResultKind.CONNECT_FAILED,
    ResultKind.SMOKE_FAILED,
    ResultKind.ABANDONED,
    ResultKind.SATURATED,
    ResultKind.COMPLETED,
)
"""What decides about the whole: a generator that gave up for another one says less than that one."""


def merge(results: Sequence[LoadResult], on_server_machine: Collection[int] = ()) -> LoadResult:
    """Return the results of generators that ran side by side, in the order of their indexes, as one.

    Histograms and timelines add up exactly, and so do the rows covered, since every row is counted by one generator; a
    row that another one sent as well, but not the one that counts it, is missing, so that the sum is a lower bound
    until all are covered. Each interval is the hull of the parts' intervals, since results do not contain sub-windows:
    the latencies together lie between those of the parts and vary less, so that it is not too narrow. Times are those
    of the first generator's clock, to which the clocks of the others are set by the start that they have in common.

    Parameters
    ----------
    results
        One of each generator.
    on_server_machine
        Indexes of the generators that ran on the server's machine: what the result says of a machine is of that one.

    Raises
    ------
    LoadError
        When there are none.
    """
    if not results:
        raise LoadError("no load generator left a result")
    if len(results) == 1:
        return results[0]
    kind, message, worst = _verdict(results)
    histogram = merged([result.histogram for result in results])
    clocked = [_on_clock_of(results[0], result) for result in results]
    statuses = [r.status for r in results if r.status is not None]
    on_machine = [results[index] for index in on_server_machine]
    seen = on_machine or list(results)
    cpu = [r.cpu_percent for r in seen if r.cpu_percent is not None]
    rows = _merged_rows([r.rows for r in results])
    return replace(
        worst,
        kind=kind,
        message=message,
        started=_least([r.started for r in clocked]),
        warmup_started=_least([r.warmup_started for r in clocked]),
        window_started=_least([r.window_started for r in clocked]),
        window_ended=_most([r.window_ended for r in clocked]),
        ended=_most([r.ended for r in clocked]),
        status=_merged_status(statuses, histogram, rows) if len(statuses) == len(results) else None,
        timeline=Timeline.merged([r.timeline for r in clocked]),
        histogram=histogram,
        # On the server's machine what all of them took from it counts, elsewhere that of the busiest.
        cpu_percent=round(sum(cpu), 1) if on_machine and cpu else max(cpu, default=None),
        send_lag_p99=_most([r.send_lag_p99 for r in results]),
        cores=seen[0].cores,
        busy_percent=seen[0].busy_percent,
        steal_percent=seen[0].steal_percent,
        cpu_model=seen[0].cpu_model,
        cgroup_version=seen[0].cgroup_version,
        loop_before=_least([r.loop_before for r in seen]),  # the fastest was disturbed least, by another's load
        loop_after=_least([r.loop_after for r in seen]),
        oom_kills=seen[0].oom_kills,
        node=next((r.node for r in results if r.node is not None), None),
        rows=rows,
    )


def _verdict(results: Sequence[LoadResult]) -> tuple[ResultKind, str, LoadResult]:
    """Return how the whole load ended, a sentence that names the generator, and the result that decides."""
    digests = {r.dataset_digest for r in results if r.dataset_digest is not None}
    worst = min(results, key=lambda r: _WORST_FIRST.index(r.kind))
    if worst.kind in {ResultKind.COMPLETED, ResultKind.SATURATED} and len(digests) > 1:
        return ResultKind.FAILED, "the load generators read different rows; did the dataset change meanwhile?", worst
    if not worst.message:
        return worst.kind, "", worst
    index = next(i for i, r in enumerate(results) if r is worst)
    if worst.kind is ResultKind.ABANDONED or (index == 0 and worst.kind is not ResultKind.SATURATED):
        return worst.kind, worst.message, worst
    named = f"load generator {index} of {len(results)}: {worst.message}"
    if worst.kind is ResultKind.CONNECT_FAILED:
        # The first one has reached the server before the others look for it: the way there is at fault, and no size.
        return ResultKind.FAILED, f"{named}, although the first generator reached the server", worst
    return worst.kind, named, worst


def _on_clock_of(first: LoadResult, result: LoadResult) -> LoadResult:
    """Return a result with its times on the clock of the first generator: both began their warm-up at the same moment.

    The machines' clocks may differ, and metrics are compared with the first one's.
    """
    if first.warmup_started is None or result.warmup_started is None:
        return result
    ahead = result.warmup_started - first.warmup_started

    def there(time: float | None) -> float | None:
        return None if time is None else time - ahead

    timeline = result.timeline
    return replace(
        result,
        started=there(result.started),
        warmup_started=first.warmup_started,
        window_started=there(result.window_started),
        window_ended=there(result.window_ended),
        ended=there(result.ended),
        timeline=Timeline(tuple(edge - ahead for edge in timeline.edges), timeline.counts),
    )


def _merged_rows(parts: Sequence[RowInsight | None]) -> RowInsight | None:
    """Return what all of them have learned of the rows; None where one has nothing, since its rows would be missing."""
    known = [part for part in parts if part is not None]
    return RowInsight.merged(known) if len(known) == len(parts) else None


def _merged_status(statuses: Sequence[LoadStatus], histogram: Histogram, rows: RowInsight | None) -> LoadStatus:
    names = list(FailureCounts.model_fields)
    kinds = [s.failures_by_kind or FailureCounts() for s in statuses]
    counts = FailureCounts(**{name: sum(getattr(k, name) for k in kinds) for name in names})
    latency = {
        name: v
        for name, q in PERCENTILES.items()
        if histogram.n >= FEWEST_REQUESTS[name] and (v := histogram.quantile(q))
    }
    if histogram.mean is not None:
        latency |= {"mean": histogram.mean, "max": histogram.max}
    return LoadStatus(
        requests=sum(s.requests for s in statuses),
        failures=sum(s.failures for s in statuses),
        failures_by_kind=counts if counts.total else None,
        rate=Quantity.decimal(sum(float(s.rate) for s in statuses)),
        rows_covered=sum(s.rows_covered for s in statuses),
        distinct_rows=statuses[0].distinct_rows,
        duration=max(s.duration for s in statuses),
        stopped_early=_ending([s.stopped_early for s in statuses]),
        latency=latency_summary(latency),
        latency_low=_ends([s.latency_low for s in statuses], min),
        latency_high=_ends([s.latency_high for s in statuses], max),
        probe=max((s.probe for s in statuses if s.probe is not None), default=None),
        row_size_effect=(rows.sentence if rows is not None else "") or None,
        split_answers=sum(s.split_answers or 0 for s in statuses) or None,
        first_failure=min((s.first_failure for s in statuses if s.first_failure is not None), default=None),
        answers=_merged_answers([kind for s in statuses for kind in s.answers]),
        first_request=max(
            (s.first_request for s in statuses if s.first_request is not None), key=lambda f: f.duration, default=None
        ),
    )


def _merged_answers(kinds: Sequence[AnswerKind]) -> list[AnswerKind]:
    """Return the kinds of several parts together; rows and bodies are those of the part that has most of them."""
    groups: dict[tuple[object, ...], list[AnswerKind]] = {}
    for kind in kinds:
        groups.setdefault((kind.status, kind.content_type, kind.shape, kind.error, kind.lack, kind.unmet), []).append(
            kind
        )
    together = [
        parts[0].model_copy(
            update={
                "answers": sum(k.answers for k in parts),
                "looked_at": sum(k.looked_at for k in parts),
                "bodies": max(k.bodies for k in parts),
                "rows": max(k.rows for k in parts),
                "row_numbers": sorted({row for k in parts for row in k.row_numbers})[:MOST_ROW_NUMBERS],
            }
        )
        for parts in groups.values()
    ]
    ordered = sorted(together, key=lambda kind: kind.answers, reverse=True)
    ordered[:1] = [kind.model_copy(update={"row_numbers": []}) for kind in ordered[:1]]
    return most_frequent(ordered, lambda kind: kind.unmet is not None)


def _ending(endings: Sequence[Any]) -> Any:
    """Return why the whole load ended early: that it was stopped counts more than that the server fell behind."""
    return next((ending for ending in ("Terminated", "Overload", "Certain") if ending in endings), None)


def _ends(parts: Sequence[LatencySummary], choose: Any) -> LatencySummary:
    ends = {name: [getattr(p, name) for p in parts] for name in LatencySummary.model_fields}
    return LatencySummary(**{name: choose(values) for name, values in ends.items() if None not in values})


def _least(values: Sequence[float | None]) -> float | None:
    return min((v for v in values if v is not None), default=None)


def _most(values: Sequence[float | None]) -> float | None:
    return max((v for v in values if v is not None), default=None)
