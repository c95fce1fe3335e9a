"""One load, as each source shows it, as others would read it, and as it was."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.cluster_truth import prometheus, rules
from benchmarks.cluster_truth.cases import Case
from benchmarks.cluster_truth.nodes import Node
from benchmarks.cluster_truth.truth import Truth, truth
from benchmarks.cluster_truth.watch import Seen

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.trial import NodeLoad, UsageStatus
from modelprofiler.core.windows import Window, windows_from
from modelprofiler.load.result import LoadResult
from modelprofiler.metrics.series import ContainerSamples
from modelprofiler.metrics.usage import complete, usage
from modelprofiler.report.record import TrialRecord

RATE_SPAN, KRR_SPAN = "1m", "75s"
"""That of the rule, and KRR's step of 1.25 minutes."""
RATES_AFTER_SECONDS = 60.0
"""A rate over a minute is still about the load so long after it."""
KRR_STEP = 15


@dataclass(frozen=True)
class Others:
    """What the same run is for others: cores and bytes; None where they had nothing to say.

    Attributes
    ----------
    rates
        For each Prometheus the largest ``rate(…[1m])``.
    """

    rates: dict[str, float | None]
    metrics_server: float | None
    metrics_server_memory: float | None
    vpa_cpu: float | None
    vpa_memory: float | None
    krr_cpu: float | None
    krr_memory: float | None


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case.

    Attributes
    ----------
    cluster_node, version
        The node of the server, and its version of control groups.
    row
        What the operator wrote.
    ready
        Seconds from the start of the server's process until it listened; and the time to ready that the operator wrote.
    usages
        For each source what the operator would have written with it, and how long after the load, in seconds.
    requests
        Completed from the start of the load to its end.
    node
        What else had the node's CPU.
    """

    case: Case
    cluster_node: Node
    version: str
    row: UsageStatus
    ready: tuple[float | None, float | None]
    usages: dict[str, tuple[UsageStatus | None, float]]
    truth: Truth
    others: Others
    requests: float
    node: NodeLoad | None

    @property
    def cost(self) -> float | None:
        """The true CPU time of a request, in seconds: what the server burns.

        A kernel in user mode counts more than that on a busy machine: there it is what its control group counted.
        """
        if not self.cluster_node.user_mode:
            return self.case.cpu_ms / 1e3
        return None if self.truth.cpu_seconds is None else self.truth.cpu_seconds / self.requests


def evaluate(case: Case, node: Node, record: TrialRecord, watched: Seen, prometheuses: Mapping[str, str]) -> Outcome:
    """Compare all that was seen of a pod under one load."""
    load, row = record.load, record.trial.usage
    if load is None or row is None:
        raise SystemExit(f"{case.name}: the operator recorded no usage: {record.trial.message}")
    start, begin, end, last = _times(load)
    usages = {name: _usage(answers, load, watched.ready or start) for name, answers in watched.answers.items()}
    dense = watched.group.samples() if watched.group else ContainerSamples()
    return Outcome(
        case,
        node,
        "2" if watched.group and watched.group.last("oom_group") is not None else "1",
        row,
        (_listened(watched), size_of(record.trial.time_to_ready)),
        usages,
        truth(dense, start, (begin, end), last),
        _others(watched, start, last, prometheuses),
        load.completed_between(start, last + 1),
        record.trial.node,
    )


def _times(load: LoadResult) -> tuple[float, float, float, float]:
    moments = (load.warmup_started, load.window_started, load.window_ended, load.ended)
    times = [t for t in moments if t is not None]
    if len(times) != len(moments):
        raise SystemExit(f"a load did not come to its end: {load.message}")
    return times[0], times[1], times[2], times[3]


def _usage(
    answers: list[tuple[float, ContainerSamples]], load: LoadResult, ready: float
) -> tuple[UsageStatus | None, float]:
    """Return what the operator writes with these answers: as soon as they are complete, as it decides that."""
    start, begin, end, last = _times(load)
    window = Window(begin, end)

    def used(now: float, samples: ContainerSamples) -> UsageStatus | None:
        exclusive = Window(min(ready, start), now + 1)
        return usage(samples, windows_from(window, load.completed_between, start, last, exclusive=exclusive))

    later = [(now, samples) for now, samples in answers if now > last]
    now, samples = next(((t, s) for t, s in later if complete(s, used(t, s), window, t)), (later or answers)[-1])
    return used(now, samples), now - last


def _others(watched: Seen, start: float, end: float, prometheuses: Mapping[str, str]) -> Others:
    pod, container = watched.container.pod, watched.container.container
    until = min(end + RATES_AFTER_SECONDS, time.time())
    rates = {
        name: max(prometheus.rates(url, pod, container, RATE_SPAN, start, until), default=None)
        for name, url in prometheuses.items()
    }
    finest = next(iter(prometheuses.values()))
    readings = rules.of_the_load(rules.metrics_server(watched.resource), start, end)
    memory = [r.memory_bytes for r in readings]
    sets = prometheus.working_sets(finest, pod, container, start, end)
    krr = prometheus.rates(finest, pod, container, KRR_SPAN, start, until, KRR_STEP)
    return Others(
        rates=rates,
        metrics_server=max((r.cores for r in readings), default=None),
        metrics_server_memory=max(memory, default=None),
        vpa_cpu=rules.vpa_cpu([r.cores for r in readings]),
        vpa_memory=rules.vpa_memory(memory),
        krr_cpu=rules.krr_cpu(krr),
        krr_memory=rules.krr_memory(sets),
    )


def _listened(watched: Seen) -> float | None:
    """Return how long the server's process took until it listened; None where it did so before the first reading."""
    if watched.group is None:
        return None
    first, last = watched.group.rows()[0], watched.group.rows()[-1]
    if first["listening"] is not None or last["listening"] is None or last["started"] is None:
        return None
    return last["listening"] - last["started"]


def size_of(duration: Duration | None) -> float | None:
    """Return a duration in seconds; None stays None."""
    return None if duration is None else duration.seconds


def size(quantity: Quantity | None) -> float | None:
    """Return a quantity as a number; None stays None."""
    return None if quantity is None else float(quantity)
