"""From the evidence of a trial to the row that the status records, in a cluster as on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import NodeLoad, Outcome, Trial, UsageStatus
from modelprofiler.core.crowding import crowding, other_work
from modelprofiler.core.evidence import Attempt, Evidence, Failure, failure_of_load
from modelprofiler.core.judge import outcome_of, rejudge
from modelprofiler.core.steps import Window
from modelprofiler.core.text import LONGEST_MESSAGE, head


def needs_usage(spec: ModelProfileSpec, window: Window) -> bool:
    """Return whether a trial with this window needs the container's CPU and memory in order to pass."""
    return window == "Measure" or spec.objectives.max_throttled_percent is not None


def finished_trial(
    spec: ModelProfileSpec, attempt: Attempt, evidence: Evidence, completed: datetime, trials: Sequence[Trial]
) -> Trial:
    """Return the row of a finished trial, judged by the objectives.

    A failure of the server or the measurement comes first, then a failure that the load generator reports, then the
    objectives. A trial that met the objectives but lacks the usage that it was run for becomes NoMetrics; one that was
    slow on a machine without spare CPU becomes Disturbed.

    Parameters
    ----------
    spec
        The profile.
    attempt
        The trial.
    evidence
        Its evidence.
    completed
        When it ended.
    trials
        The finished trials before it.
    """
    failure = evidence.failure or failure_of_load(evidence.load, evidence.last_words)
    row = _row(spec, attempt, evidence, failure, completed, trials)
    if failure is None and row.outcome is Outcome.PASSED and needs_usage(spec, attempt.window):
        usage = evidence.usage
        if usage is None or usage.cpu is None or usage.memory is None:
            missing = evidence.usage_problem or "the CPU and memory of the server could not be measured"
            return _row(spec, attempt, evidence, Failure(Outcome.NO_METRICS, missing), completed, trials)
    if row.outcome is Outcome.SLOW and (disturbance := _disturbance(attempt, evidence)) is not None:
        return _row(spec, attempt, evidence, disturbance, completed, trials)
    return row


def _row(
    spec: ModelProfileSpec,
    attempt: Attempt,
    evidence: Evidence,
    failure: Failure | None,
    completed: datetime,
    trials: Sequence[Trial],
) -> Trial:
    load = evidence.load.status if evidence.load is not None else None
    verdict = outcome_of(
        spec,
        purpose=attempt.purpose,
        fresh=attempt.fresh,
        load=load,
        usage=evidence.usage,
        time_to_ready=evidence.time_to_ready,
        failure=failure,
        trials=trials,
        cpu=Quantity.cpu(attempt.limits.cpu),
    )
    return Trial(
        index=attempt.index,
        purpose=attempt.purpose,
        limits=attempt.limits.to_size(),
        fresh=attempt.fresh,
        outcome=verdict.outcome,
        message=head(verdict.message, LONGEST_MESSAGE),
        judged=verdict.judged,
        load=load,
        usage=evidence.usage,
        node=other_work(evidence),
        time_to_ready=evidence.time_to_ready,
        start_time=attempt.started,
        completion_time=completed,
    )


def _disturbance(attempt: Attempt, evidence: Evidence) -> Failure | None:
    """Return the failure of a trial whose machine had no CPU to spare; None where it had, or that is not known."""
    if evidence.load is None or not evidence.load_on_machine:
        return None
    predicate = crowding(evidence.load, attempt.limits.cpu / 1000, evidence.usage)
    return Failure(Outcome.DISTURBED, f"{evidence.machine} {predicate}") if predicate else None


def with_late_usage(
    spec: ModelProfileSpec, trials: Sequence[Trial], index: int, usage: UsageStatus, node: NodeLoad | None
) -> Trial:
    """Return a recorded trial, judged again with usage that arrived after it was recorded; a failure stays a failure.

    Parameters
    ----------
    trials
        All finished trials, in the order of their index.
    index
        Of the trial, counted from 1.
    usage, node
        What arrived; None for the node keeps what is recorded.
    """
    position = index - 1
    recorded = trials[position]
    completed = recorded.model_copy(update={"usage": usage, "node": node or recorded.node})
    return rejudge(spec, [*trials[:position], completed, *trials[position + 1 :]])[position]
