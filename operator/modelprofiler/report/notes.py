"""What whoever uses a result should know beside it."""

from __future__ import annotations

from collections import Counter

from modelprofiler.api.conditions import ConditionType
from modelprofiler.api.trial import INCONCLUSIVE, Outcome, Trial
from modelprofiler.core.drift import drift_sentence
from modelprofiler.core.judge import every_row_passed, judged_again
from modelprofiler.core.leak import leak_of
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import State, Summary, condition

BUSY_SHARE = 0.15
"""A node's own services (kubelet, runtime, monitoring) take less than this share of its CPUs."""

MUCH_STOLEN = 5.0
"""Percent of the node's CPU time: from here on the hypervisor's other guests show in the tail of latency."""

MUCH_THROTTLED_PERCENT = 25
"""From here on a quarter of all periods end in a stop: the tail of latency is then the scheduler's, not the model's."""


def notes(record: RunRecord) -> list[str]:
    """Return a sentence for each thing that limits what the result is worth."""
    found = list(record.notes)
    metrics = condition(record, ConditionType.METRICS_AVAILABLE)
    if metrics is not None and metrics.status == "False":
        found.append(f"Usage could not be read: {metrics.message}")
    summary = Summary.of(record)
    if summary.state is State.NOT_VERIFIED:
        found.append("No trial ran at exactly the recommended size and passed; try it before you rely on it.")
    proof = summary.recommendation.verification if summary.recommendation is not None else None
    if proof is not None:
        if proof.environment == "Local":
            found.append("Measured on one machine outside a cluster: another CPU model needs another amount of CPU.")
        row = next((t for t in record.profile.status.trials if t.index == proof.trial), None)
        if row is not None:
            found += _of_the_proof(row, record)
    if summary.recommendation is None:  # else its explanation says so
        found += _of_all_trials(record)
    found += _of_the_machine(record.profile.status.trials)
    counts = Counter(t.outcome for t in record.profile.status.trials if t.outcome in INCONCLUSIVE)
    for outcome, count in counts.items():
        found.append(f"{_trials(count)} said nothing about the size ({outcome.value}) and did not count.")
    return found


def _of_all_trials(record: RunRecord) -> list[str]:
    found = []
    if (leak := leak_of(record.profile.status.trials)) is not None:
        found.append(f"Memory grows by {leak.words}: a leak, or a cache that fills.")
    drift = record.profile.status.drift
    if drift is not None and drift.noticed:
        found.append(drift_sentence(drift))
    return found


def _of_the_machine(trials: list[Trial]) -> list[str]:
    """Say in how many trials that counted something else had a good part of the node's CPU."""
    counted = [t.node for t in trials if t.node is not None and t.outcome not in INCONCLUSIVE]
    shares = [float(n.other_cpu) / n.cpus for n in counted if n.other_cpu is not None and n.cpus]
    found = []
    if busy := [share for share in shares if share >= BUSY_SHARE]:
        found.append(
            f"In {_trials(len(busy))} other work had up to {100 * max(busy):.0f}% of the node's CPUs: "
            "latency may be better on a quiet node."
        )
    if stolen := [s for n in counted if n.steal_percent is not None and (s := float(n.steal_percent)) >= MUCH_STOLEN]:
        found.append(f"In {_trials(len(stolen))} the hypervisor kept up to {max(stolen):.0f}% of the node's CPU time.")
    return found


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def _of_the_proof(row: Trial, record: RunRecord) -> list[str]:
    found = []
    judged, load, usage = row.judged, row.load, row.usage
    if (
        row.outcome is Outcome.PASSED
        and judged is not None
        and judged.high is not None
        and not _is_certain(record, row)
    ):
        found.append(
            f"The confirming trial's interval of {judged.metric}, {judged.low} to {judged.high}, "
            f"includes the objective of {judged.threshold}."
        )
    dataset = record.profile.status.dataset
    if load is not None and dataset is not None and load.rows_covered < dataset.distinct_rows:
        sent = f"The confirming trial sent {load.rows_covered} of {dataset.distinct_rows} different rows"
        before = every_row_passed(record.profile.status.trials, row.limits, dataset.distinct_rows)
        found.append(f"{sent}; trial {before.index}, at no larger a size, all of them." if before else f"{sent}.")
    if load is not None and load.failures:
        found.append(f"{load.failures} of {load.requests} requests of the confirming trial failed.")
    if usage is None:
        return found
    if usage.throttled_percent is not None and float(usage.throttled_percent) >= MUCH_THROTTLED_PERCENT:
        found.append(
            f"At the recommended size the server was throttled in {float(usage.throttled_percent):.0f}% of the "
            "scheduler's periods: slow requests are slow for that."
        )
    return found


def _is_certain(record: RunRecord, row: Trial) -> bool:
    """Whether the trial's interval lies on one side of its objective."""
    judged = judged_again(record.profile.spec, record.profile.status.trials)
    return next(verdict.certain for trial, verdict in judged if trial.index == row.index)
