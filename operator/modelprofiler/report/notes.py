"""Sentences about a run that limit what its result is worth."""

from __future__ import annotations

from collections import Counter

from modelprofiler.api.conditions import ConditionType
from modelprofiler.api.trial import INCONCLUSIVE, LoadStatus, Outcome, Trial
from modelprofiler.core.answers.doubts import doubts_of_run
from modelprofiler.core.drift import drift_sentence
from modelprofiler.core.judge import every_row_passed, judged_again
from modelprofiler.core.memory.leak import leak_of
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import State, Summary, condition

BUSY_SHARE = 0.15
"""Share of a node's CPUs from which other work is noted: its own services (kubelet, runtime, monitoring) use less."""

MUCH_STOLEN_PERCENT = 5.0
"""Share of the node's CPU time from which the hypervisor's other guests are noted: they show in the tail of latency."""

MUCH_THROTTLED_PERCENT = 25
"""Share of throttled periods from which it is noted: the scheduler then shapes the tail of latency."""


def notes(record: RunRecord) -> list[str]:
    """Return a sentence for each thing that limits what the result is worth."""
    summary = Summary.of(record)
    pods = [f"{note[:1].upper()}{note[1:]}." for note in record.profile.status.notes or ()]
    sentences = [*record.notes, *pods, *_about_metrics(record), *_about_verification(record, summary)]
    if summary.recommendation is None:  # else its explanation has these
        sentences += _about_changes(record)
    return [*sentences, *_about_the_node(record.profile.status.trials), *_about_inconclusive_trials(record)]


def _about_metrics(record: RunRecord) -> list[str]:
    metrics = condition(record, ConditionType.METRICS_AVAILABLE)
    if metrics is None or metrics.status != "False":
        return []
    return [f"Usage could not be read: {metrics.message}"]


def _about_verification(record: RunRecord, summary: Summary) -> list[str]:
    size = summary.recommendation.requests if summary.recommendation is not None else None
    if summary.state is State.NOT_VERIFIED and any(
        t.fresh and t.outcome is Outcome.PASSED and t.limits == size for t in record.profile.status.trials
    ):
        return []  # the verdict says why that is no proof
    if summary.state is State.NOT_VERIFIED:
        return ["No trial at exactly the recommended size passed: test this size before you rely on it."]
    verification = summary.recommendation.verification if summary.recommendation is not None else None
    if verification is None:
        return []
    sentences = []
    if verification.environment == "Local":
        sentences.append(
            "Measured on one machine outside a cluster: another CPU model needs a different amount of CPU."
        )
    trial = next((t for t in record.profile.status.trials if t.index == verification.trial), None)
    return sentences + (_about_confirming_trial(record, trial) if trial is not None else [])


def _about_confirming_trial(record: RunRecord, trial: Trial) -> list[str]:
    sentences = []
    judged, throttled = trial.judged, trial.usage.throttled_percent if trial.usage is not None else None
    passed = trial.outcome is Outcome.PASSED
    if passed and judged is not None and judged.high is not None and not _is_certain(record, trial):
        sentences.append(
            f"The confirming trial's interval of {judged.metric}, {judged.low} to {judged.high}, "
            f"includes the objective of {judged.threshold}."
        )
    if trial.load is not None:
        sentences += _about_confirming_load(record, trial, trial.load)
    if throttled is not None and float(throttled) >= MUCH_THROTTLED_PERCENT:
        sentences.append(
            f"At the recommended size the server was throttled in {float(throttled):.0f}% of the scheduler's periods: "
            "that is why its slow requests are slow."
        )
    return sentences


def _about_confirming_load(record: RunRecord, trial: Trial, load: LoadStatus) -> list[str]:
    sentences = []
    dataset = record.profile.status.dataset
    # With the number of distinct rows in the load result, the explanation says more than this.
    known_size = load.distinct_rows is None and trial.limits.cpu is not None and trial.limits.memory is not None
    if known_size and dataset is not None and load.rows_covered < dataset.distinct_rows:
        sent = f"The confirming trial sent {load.rows_covered} of {dataset.distinct_rows} distinct rows"
        covering = every_row_passed(record.profile.status.trials, trial.limits, dataset.distinct_rows)
        sentences.append(
            f"{sent}; trial {covering.index} sent all of them at no larger size." if covering else f"{sent}."
        )
    if load.failures:
        sentences.append(f"{load.failures} of {load.requests} requests of the confirming trial failed.")
    return sentences


def _about_changes(record: RunRecord) -> list[str]:
    sentences = doubts_of_run(record.profile.spec, record.profile.status.trials)
    if (leak := leak_of(record.profile.status.trials)) is not None:
        sentences.append(f"Memory grows by {leak.rate}: a leak, or a cache that fills.")
    drift = record.profile.status.drift
    if drift is not None and drift.noticed:
        sentences.append(drift_sentence(drift))
    return sentences


def _about_the_node(trials: list[Trial]) -> list[str]:
    """Say in how many conclusive trials something else used a large part of the node's CPU."""
    nodes = [t.node for t in trials if t.node is not None and t.outcome not in INCONCLUSIVE]
    shares = [float(node.other_cpu) / node.cpus for node in nodes if node.other_cpu is not None and node.cpus]
    sentences = []
    if busy := [share for share in shares if share >= BUSY_SHARE]:
        sentences.append(
            f"In {_count(busy)} other work used up to {100 * max(busy):.0f}% of the node's CPUs: "
            "latency may be better on a quiet node."
        )
    stolen = [float(node.steal_percent) for node in nodes if node.steal_percent is not None]
    if much := [percent for percent in stolen if percent >= MUCH_STOLEN_PERCENT]:
        sentences.append(f"In {_count(much)} the hypervisor withheld up to {max(much):.0f}% of the node's CPU time.")
    return sentences


def _about_inconclusive_trials(record: RunRecord) -> list[str]:
    counts = Counter(t.outcome for t in record.profile.status.trials if t.outcome in INCONCLUSIVE)
    return [
        f"{count} {'trial' if count == 1 else 'trials'} ended as {outcome.value}, which says nothing about the size, "
        f"and {'was' if count == 1 else 'were'} not counted."
        for outcome, count in counts.items()
    ]


def _count(trials: list[float]) -> str:
    return "1 trial" if len(trials) == 1 else f"{len(trials)} trials"


def _is_certain(record: RunRecord, trial: Trial) -> bool:
    """Whether the trial's interval lies on one side of its objective."""
    judged = judged_again(record.profile.spec, record.profile.status.trials)
    return next(verdict.certain for known, verdict in judged if known.index == trial.index)
