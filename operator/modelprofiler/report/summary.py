"""What a report says of a run, as words and figures: text, page and notebook show the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Outcome, Purpose, Size
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.report.record import RunRecord, TrialRecord

NONE = "–"
"""What stands for a value that was not measured."""


class State(StrEnum):
    """How far a run has come."""

    VERIFIED = "Verified"
    NOT_VERIFIED = "Not verified"
    FAILED = "No recommendation"
    UNFINISHED = "Not finished"


_TITLES = {
    Reason.NO_FEASIBLE_SIZE: "No size of the range meets the objectives",
    Reason.REFERENCE_FAILED: "The server does not work even at the largest size",
    Reason.UNRELIABLE: "The trials failed to say anything too often",
    Reason.TRIALS_EXHAUSTED: "The trials ran out before a size was found",
    Reason.DEADLINE_EXCEEDED: "The deadline passed before a size was found",
    Reason.NOT_ACCEPTED: "The profile was not accepted",
    Reason.SUSPENDED: "The run is suspended",
    Reason.QUEUED: "The run waits for its turn",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer of a run, or why there is none.

    Attributes
    ----------
    state
        How far it has come.
    title
        The answer in a line.
    reason, message
        Of the condition Succeeded.
    recommendation
        The size to give; absent where there is none.
    """

    state: State
    title: str
    reason: str
    message: str
    recommendation: ContainerRecommendation | None

    @classmethod
    def of(cls, record: RunRecord) -> Self:
        """Return the summary of a run."""
        status = record.profile.status
        found = condition(record, ConditionType.SUCCEEDED)
        reason, message = (found.reason, found.message) if found is not None else ("", "")
        recommendation = status.recommendations[0] if status.recommendations else None
        if recommendation is not None:
            state = State.VERIFIED if recommendation.verification else State.NOT_VERIFIED
            return cls(state, size_words(recommendation.requests), reason, message, recommendation)
        if found is not None and found.status == "False":
            title = next((words for known, words in _TITLES.items() if known == reason), "The run failed")
            return cls(State.FAILED, title, reason, message, None)
        title = next((words for known, words in _TITLES.items() if known == reason), "The run has not finished")
        return cls(State.UNFINISHED, title, reason, message or "There is no answer yet.", None)

    @property
    def verdict(self) -> str:
        """Whether the size was run exactly so: a sentence."""
        if self.state is State.VERIFIED:
            return self.message or "A trial at exactly this size met the objectives."
        if self.state is State.NOT_VERIFIED:
            return self.message or "No trial at exactly this size met the objectives."
        return self.message


def condition(record: RunRecord, kind: ConditionType) -> Condition | None:
    """Return a condition of the run; None where it was never set."""
    return next((c for c in record.profile.status.conditions if c.type == kind), None)


def size_words(size: Size) -> str:
    """Return a size as ``400m CPU, 224Mi memory``."""
    parts = [f"{size.cpu} CPU" if size.cpu is not None else "", f"{size.memory} memory" if size.memory else ""]
    return ", ".join(part for part in parts if part) or "no size"


def latency_metric(record: RunRecord) -> tuple[str, float | None]:
    """Return the latency that the run was decided by, and the most of it that is allowed, in seconds.

    Of several objectives it is the one that decided most trials. The bound is absent where the reference that it is
    counted from is.
    """
    spec, trials = record.profile.spec, record.profile.status.trials
    bounds = latency_bounds(spec, reference_among(trials))
    decided = [t.judged.metric for t in trials if t.judged is not None and t.judged.metric in LATENCY_METRICS]
    metric = max(bounds or decided or ["p95"], key=decided.count)
    return metric, bounds.get(metric)


def shown_trial(record: RunRecord) -> TrialRecord | None:
    """Return the trial whose distribution is worth showing: the confirming one, or the last that comes closest."""
    loaded = [t for t in record.trials if t.trial.load is not None]
    recommendation = Summary.of(record).recommendation
    proof = recommendation.verification if recommendation is not None else None
    choices = (
        [t for t in loaded if proof is not None and t.trial.index == proof.trial],
        [t for t in loaded if t.trial.purpose is Purpose.CONFIRM],
        [t for t in loaded if t.trial.outcome is Outcome.PASSED],
        loaded,
    )
    return next((found[-1] for found in choices if found), None)


def objective_words(spec: ModelProfileSpec) -> str:
    """Return the objectives as ``p95 at most 250ms, errors at most 1%``."""
    objectives, found = spec.objectives, []
    if objectives.latency is not None:
        given = ((metric, getattr(objectives.latency, metric)) for metric in LATENCY_METRICS)
        found += [f"{metric} at most {bound}" for metric, bound in given if bound is not None]
    if objectives.max_slowdown_percent is not None:
        found.append(f"latency at most {objectives.max_slowdown_percent}% over the reference trial's")
    found.append(f"errors at most {objectives.max_error_percent}%")
    if objectives.max_throttled_percent is not None:
        found.append(f"throttled at most {objectives.max_throttled_percent}%")
    if objectives.max_time_to_ready is not None:
        found.append(f"ready within {objectives.max_time_to_ready}")
    return ", ".join(found)


def load_words(spec: ModelProfileSpec) -> str:
    """Return the load as ``50 requests/s, Poisson arrivals``."""
    if (loop := spec.load.open_loop) is not None:
        return f"{loop.rate} requests/s, {loop.arrival} arrivals"
    assert spec.load.closed_loop is not None
    clients = spec.load.closed_loop.concurrency
    return (
        f"{clients} clients, each sending when it is answered" if clients > 1 else "one client, sending when answered"
    )


MOST_LISTED = 10
"""Sizes of a list that are all named."""


def range_words(record: RunRecord) -> str:
    """Return the range that was searched; empty where it is not known."""
    if (resources := record.profile.status.resources) is None:
        return ""
    parts = []
    for name, axis in (("CPU", resources.cpu), ("memory", resources.memory)):
        if axis.values and len(axis.values) > MOST_LISTED:
            ascending = sorted(axis.values)
            parts.append(f"{len(ascending)} sizes from {ascending[0]} to {ascending[-1]} {name}")
        elif axis.values:
            parts.append(f"{', '.join(map(str, axis.values))} {name}")
        else:
            parts.append(f"{axis.min} to {axis.max} {name}" + (f" in steps of {axis.step}" if axis.step else ""))
    return "; ".join(parts)


def provenance_rows(record: RunRecord) -> list[tuple[str, str]]:
    """Return where the numbers come from, as (name, value); what is not known is left out."""
    profile, status = record.profile, record.profile.status
    spec, known = profile.spec, status.provenance
    dataset = status.dataset
    rows: list[tuple[str, object]] = [
        ("Profile", f"{profile.metadata.namespace}/{profile.metadata.name}"),
        ("Model", f"{spec.model.name or ''} {spec.model.version or ''}".strip() if spec.model is not None else None),
        ("Load", load_words(spec)),
        ("Window", f"{spec.load.duration} after {spec.load.warmup} of warm-up"),
        ("Objectives", objective_words(spec)),
        ("Range", range_words(record)),
        ("Dataset", f"{dataset.rows} rows, {dataset.distinct_rows} different" if dataset is not None else None),
    ]
    if known is not None:
        rows += [
            ("Dataset digest", known.dataset_digest),
            ("Model digest", known.model_digest),
            ("Code digest", known.code_digest),
            ("Image", known.image),
            ("Node", known.node),
            ("Instance type", known.instance_type),
            ("CPU model", known.cpu_model),
            ("Kernel", known.kernel),
            ("Control groups", known.cgroup_version),
            ("Kubelet", known.kubelet_version),
            ("modelprofiler", known.modelprofiler_version),
        ]
    rows += [
        ("Run", status.run_hash),
        ("Started", _time(status.start_time)),
        ("Finished", _time(status.completion_time)),
    ]
    if status.start_time is not None and status.completion_time is not None:
        rows.append(("Took", duration_words((status.completion_time - status.start_time).total_seconds())))
    return [(name, str(value)) for name, value in rows if value]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S %Z").strip()


def duration_words(seconds: float) -> str:
    """Return a duration as ``4 min 12 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def seconds_words(seconds: float | None, digits: int = 3) -> str:
    """Return a latency with its unit; a dash where it is absent."""
    return NONE if seconds is None else str(Duration.of(seconds, digits))


def bytes_words(size: float | None) -> str:
    """Return a size of memory in mebibytes, in gibibytes where they are whole or ten at least."""
    if size is None:
        return NONE
    mebibytes = round(size / 2**20)
    if mebibytes and mebibytes % 1024 == 0:
        return f"{mebibytes // 1024}Gi"
    return f"{mebibytes / 1024:.1f}Gi" if mebibytes >= 10240 else f"{mebibytes}Mi"


def cpu_words(cpu: Quantity | None) -> str:
    """Return an amount of CPU in whole millicores or cores."""
    return NONE if cpu is None else str(Quantity.cpu(max(round(float(cpu) * 1000), 1)))
