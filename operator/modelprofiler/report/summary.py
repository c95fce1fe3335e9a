"""The answer of a run: text, page and notebook show the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.answers.causes import MEANINGS
from modelprofiler.core.bounds import latency_bounds
from modelprofiler.core.judge import reference_among
from modelprofiler.report.formats import format_size
from modelprofiler.report.record import RunRecord, TrialRecord


class State(StrEnum):
    """How far a run has come."""

    VERIFIED = "Verified"
    NOT_VERIFIED = "Not verified"
    FAILED = "No recommendation"
    UNFINISHED = "Not finished"


_TITLES = {
    Reason.NO_FEASIBLE_SIZE: "No size in the range meets the objectives",
    Reason.REFERENCE_FAILED: "The server does not work at the largest size",
    Reason.UNRELIABLE: "Too many trials failed for reasons other than the size",
    Reason.TRIALS_EXHAUSTED: "The trials ran out before any size met the objectives",
    Reason.DEADLINE_EXCEEDED: "The deadline passed before any size met the objectives",
    Reason.NOT_ACCEPTED: "The profile was not accepted",
    Reason.SUSPENDED: "The run is suspended",
    Reason.QUEUED: "The run is waiting for its turn",
}

_BROKEN = {
    Outcome.CRASHED: "The server crashes, also at the largest size",
    Outcome.NEVER_READY: "The server does not become ready, not even at the largest size",
    Outcome.ERRORS: "The first request is not answered as expected",
    Outcome.UNSCHEDULABLE: "No node takes a pod of the largest size",
    Outcome.IMAGE_PULL_FAILED: "The server's image cannot be pulled",
}
"""What failed in the trial at the largest size, where the server does not name the cause."""


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
        The recommended size; absent where there is none.
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
        succeeded = condition(record, ConditionType.SUCCEEDED)
        reason, message = (succeeded.reason, succeeded.message) if succeeded is not None else ("", "")
        if status.recommendations:
            recommendation = status.recommendations[0]
            state = State.VERIFIED if recommendation.verification else State.NOT_VERIFIED
            return cls(state, format_size(recommendation.requests), reason, message, recommendation)
        known = {str(reason): title for reason, title in _TITLES.items()}
        if reason == Reason.REFERENCE_FAILED and status.trials:
            return cls(State.FAILED, _broken_title(status.trials[-1]), reason, message, None)
        if succeeded is not None and succeeded.status == "False":
            return cls(State.FAILED, known.get(reason, "The run failed"), reason, message, None)
        title = known.get(reason, "The run has not finished")
        return cls(State.UNFINISHED, title, reason, message or "There is no answer yet.", None)

    @property
    def verdict(self) -> str:
        """Whether a trial at exactly this size met the objectives: a sentence."""
        if self.state is State.VERIFIED:
            return self.message or "A trial at exactly this size met the objectives."
        if self.state is State.NOT_VERIFIED:
            return self.message or "No trial at exactly this size met the objectives."
        return self.message


def _broken_title(trial: Trial) -> str:
    """Return what failed in a trial that ended its run: the cause where the server names it."""
    return (
        MEANINGS[trial.cause].title
        if trial.cause is not None
        else _BROKEN.get(trial.outcome, _TITLES[Reason.REFERENCE_FAILED])
    )


def condition(record: RunRecord, kind: ConditionType) -> Condition | None:
    """Return a condition of the run; None where it was never set."""
    return next((c for c in record.profile.status.conditions if c.type == kind), None)


def judged_latency(record: RunRecord) -> tuple[str, float | None]:
    """Return the latency metric by which trials were judged, and its objective in seconds.

    Of several objectives it is the one that decided most trials. The objective is absent where it is relative to a
    reference trial that is absent.
    """
    spec, trials = record.profile.spec, record.profile.status.trials
    bounds = latency_bounds(spec, reference_among(trials))
    decided = [t.judged.metric for t in trials if t.judged is not None and t.judged.metric in LATENCY_METRICS]
    metric = max(bounds or decided or ["p95"], key=decided.count)
    return metric, bounds.get(metric)


def detailed_trial(record: RunRecord) -> TrialRecord | None:
    """Return the trial that a report shows in detail: the confirming one, else the last one that comes closest to it.

    None where no trial has a load.
    """
    loaded = [t for t in record.trials if t.trial.load is not None]
    recommendation = Summary.of(record).recommendation
    verification = recommendation.verification if recommendation is not None else None
    candidates = (
        [t for t in loaded if verification is not None and t.trial.index == verification.trial],
        [t for t in loaded if t.trial.purpose is Purpose.CONFIRM],
        [t for t in loaded if t.trial.outcome is Outcome.PASSED],
        loaded,
    )
    return next((trials[-1] for trials in candidates if trials), None)
