"""A finished trial as it is recorded: what its evidence becomes, written once for a cluster and for this machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import NodeLoad, Outcome, Trial, UsageStatus
from modelprofiler.core.crowding import crowding, other_work
from modelprofiler.core.evidence import Attempt, Evidence, Failure, failure_of_load
from modelprofiler.core.judge import outcome_of, rejudge
from modelprofiler.core.steps import Window

LONGEST_MESSAGE = 2048
"""Characters of a trial's message that the status holds (`modelprofiler.api.trial.Trial.message`)."""


def needs_usage(spec: ModelProfileSpec, window: Window) -> bool:
    """Return whether a trial with this window cannot pass without the container's CPU and memory."""
    return window == "Measure" or spec.objectives.max_throttled_percent is not None


def finished_trial(
    spec: ModelProfileSpec, attempt: Attempt, evidence: Evidence, completed: datetime, trials: Sequence[Trial]
) -> Trial:
    """Return the row of a finished trial, judged by the objectives.

    What the shell saw go wrong comes first, then what the load generator reports, then the objectives. A trial that
    would have passed without the usage that it was run for is NoMetrics, and one that was slow on a machine full of
    other work is Disturbed.

    Parameters
    ----------
    spec
        The profile.
    attempt
        The trial.
    evidence
        What was seen of it.
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
            missing = evidence.usage_problem or "what the server used could not be measured"
            return _row(spec, attempt, evidence, Failure(Outcome.NO_METRICS, missing), completed, trials)
    if row.outcome is Outcome.SLOW and (crowded := _crowded_out(attempt, evidence)) is not None:
        return _row(spec, attempt, evidence, crowded, completed, trials)
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
    )
    return Trial(
        index=attempt.index,
        purpose=attempt.purpose,
        limits=attempt.limits.to_size(),
        fresh=attempt.fresh,
        outcome=verdict.outcome,
        message=verdict.message[:LONGEST_MESSAGE],
        judged=verdict.judged,
        load=load,
        usage=evidence.usage,
        node=other_work(evidence),
        time_to_ready=evidence.time_to_ready,
        start_time=attempt.started,
        completion_time=completed,
    )


def _crowded_out(attempt: Attempt, evidence: Evidence) -> Failure | None:
    """Return that other work took the machine's CPU during the load; None where it did not, or that is not known."""
    if evidence.load is None or not evidence.load_on_machine:
        return None
    full = crowding(evidence.load, attempt.limits.cpu / 1000, evidence.usage)
    return Failure(Outcome.DISTURBED, f"{evidence.machine} {full}") if full else None


def with_late_usage(
    spec: ModelProfileSpec, trials: Sequence[Trial], index: int, usage: UsageStatus, node: NodeLoad | None
) -> Trial:
    """Return a recorded row judged again with the usage that arrived after it; what went wrong stays what went wrong.

    Parameters
    ----------
    trials
        All finished trials, in the order of their index.
    index
        Of the row, from 1.
    usage, node
        What arrived; a node load that is None leaves the recorded one as it is.
    """
    at = index - 1
    row = trials[at]
    known = row.model_copy(update={"usage": usage, "node": node or row.node})
    return rejudge(spec, [*trials[:at], known, *trials[at + 1 :]])[at]
