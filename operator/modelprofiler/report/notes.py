"""What whoever uses a result should know beside it."""

from __future__ import annotations

from collections import Counter

from modelprofiler.api.conditions import ConditionType
from modelprofiler.api.status import INCONCLUSIVE, Outcome, Trial
from modelprofiler.core.judge import judged_again
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import State, Summary, bytes_words, condition

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
    counts = Counter(t.outcome for t in record.profile.status.trials if t.outcome in INCONCLUSIVE)
    for outcome, count in counts.items():
        trials = "1 trial" if count == 1 else f"{count} trials"
        found.append(f"{trials} said nothing about the size ({outcome.value}) and did not count.")
    return found


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
        found.append(f"The confirming trial sent {load.rows_covered} of {dataset.distinct_rows} different rows.")
    if load is not None and load.failures:
        found.append(f"{load.failures} of {load.requests} requests of the confirming trial failed.")
    if usage is None:
        return found
    if usage.throttled_percent is not None and float(usage.throttled_percent) >= MUCH_THROTTLED_PERCENT:
        found.append(
            f"At the recommended size the server was throttled in {float(usage.throttled_percent):.0f}% of the "
            "scheduler's periods: slow requests are slow for that."
        )
    memory = usage.memory
    growth = memory.growth_per1000_requests if memory is not None else None
    if growth is not None and growth.bytes > 0:
        found.append(
            f"Memory grew by {bytes_words(growth.bytes)} for every 1,000 requests: a cache that fills, or a leak that "
            "no limit is large enough for."
        )
    return found


def _is_certain(record: RunRecord, row: Trial) -> bool:
    """Whether the trial's interval lies on one side of its objective."""
    judged = judged_again(record.profile.spec, record.profile.status.trials)
    return next(verdict.certain for trial, verdict in judged if trial.index == row.index)
