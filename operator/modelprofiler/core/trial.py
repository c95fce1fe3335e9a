"""From the evidence of a trial to the row that the status records, in a cluster as on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelprofiler.api.conditions import FailureCause
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import NodeLoad, Outcome, Trial, UsageStatus
from modelprofiler.core.answers.causes import MEANINGS, cause_in, no_size_can_fix
from modelprofiler.core.axis import Limits
from modelprofiler.core.crowding import crowding, other_work
from modelprofiler.core.evidence import Attempt, Evidence, Failure, LoadEvidence, failure_of_load
from modelprofiler.core.judge import outcome_of, rejudge
from modelprofiler.core.steps import Window
from modelprofiler.core.text import LONGEST_MESSAGE, head, printable

ENDED = frozenset({Outcome.CRASHED, Outcome.NEVER_READY})
"""Outcomes of a server that ended or did not become ready, without the kernel having killed it for memory."""
FAULTS = ENDED | {Outcome.ERRORS}
"""Failures that the server's own words may explain: Errors is here that of the first request."""


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
    cause = _cause_of(failure) if failure is not None else None
    failure = _explained(failure, cause, attempt, evidence, trials) if failure is not None else None
    failure = _killed_after_a_resize(failure, attempt, evidence, trials) or failure
    failure = failure or _killed_unnoticed(attempt, evidence, trials)
    row = _row(spec, attempt, evidence, failure, completed, trials, cause)
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
    cause: FailureCause | None = None,
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
        message=head(printable(verdict.message), LONGEST_MESSAGE),
        cause=cause,
        judged=verdict.judged,
        load=load,
        usage=evidence.usage,
        node=other_work(evidence),
        time_to_ready=evidence.time_to_ready,
        start_time=attempt.started,
        completion_time=completed,
    )


def _cause_of(failure: Failure) -> FailureCause | None:
    """Return the cause of a failure where the server names it; how a process ended counts only where it crashed."""
    if failure.outcome not in FAULTS:
        return None
    ended = failure.outcome is Outcome.CRASHED
    return cause_in(failure.message, (failure.exit_code if failure.exit_code is not None else 1) if ended else None)


def _explained(
    failure: Failure, cause: FailureCause | None, attempt: Attempt, evidence: Evidence, trials: Sequence[Trial]
) -> Failure:
    """Return the failure of a trial, with what it says about the size; Disturbed where it says nothing.

    A failure counts against a size only when a larger size did better with everything else equal. A server that names a
    cause that no size can fix, that does not start where it has started before, that ends by itself, or that has been
    resized may have failed for another reason; one that crashes for a reason it does not name is tried once more.
    Counted as evidence, such a failure would walk the search upwards.

    Parameters
    ----------
    failure, cause
        What went wrong with the server, and why as far as it says so.
    attempt, evidence
        The trial.
    trials
        The finished trials before it.
    """
    if failure.outcome not in FAULTS:
        return failure
    start = attempt.fresh and evidence.load is None and evidence.time_to_ready is None
    if start and (disturbed := _failed_start(failure, attempt, trials)) is not None:
        return disturbed
    crashed = failure.outcome is Outcome.CRASHED
    message = failure.message + (_served(evidence.load) if crashed else "")
    doubtful = no_size_can_fix(cause)
    if cause is not None:
        message += f"; {MEANINGS[cause].advice}"
    elif crashed and not attempt.fresh:
        doubtful = True
        message += "; the server had been resized, so this counts only if a new server at this size crashes, too"
    elif crashed and not _was_disturbed(attempt, trials):
        doubtful = True
        message += _TRIED_AGAIN if _any_passed(trials) else ""
    if doubtful and _any_passed(trials):
        return Failure(Outcome.DISTURBED, message, failure.exit_code)
    return Failure(failure.outcome, message, failure.exit_code)


def _killed_after_a_resize(
    failure: Failure | None, attempt: Attempt, evidence: Evidence, trials: Sequence[Trial]
) -> Failure | None:
    """Return that a resized server was killed for lack of memory, which says nothing; None where it was not, or may.

    It held what the loads before had left in it, and trials of CPU run with the largest memory: counted as evidence,
    the kill would be blamed on the CPU.
    """
    kills = evidence.usage.oom_kills if evidence.usage is not None else None
    killed = (failure is not None and failure.outcome is Outcome.OOM_KILLED) or (failure is None and kills)
    if attempt.fresh or not killed or not _any_passed(trials):
        return None
    message = failure.message if failure is not None else "the kernel's OOM killer ended a process of the container"
    return Failure(
        Outcome.DISTURBED,
        f"{message}; the server had been resized and held the memory of earlier loads, so that this counts only if a "
        "new one is killed, too",
    )


NEAR_LIMIT_BYTES = 2 * 2**20
"""By how much less than its limit a container has used at most whose process was killed at that limit, where it is more
than `NEAR_LIMIT_SHARE`. The limit of a pod is the sum of its containers' and also holds its pause container, 1 MiB on
version 2 of control groups; and the kernel charges up to 64 pages for each CPU at once (mm/memcontrol.c)."""
NEAR_LIMIT_SHARE = 0.01
"""The same as a share of the limit, for machines with many CPUs."""


def _killed_unnoticed(attempt: Attempt, evidence: Evidence, trials: Sequence[Trial]) -> Failure | None:
    """Return that a process of the container was killed for lack of memory, where only its machine shows it.

    The kubelet learns of such a kill from the kernel's log. Where it may not read the log (a node in a container, or
    in user mode) or does not understand it, a master that replaces its workers hides that each of them is killed. A
    kill on the machine may be one in the container where the container's memory was at its limit; since page cache
    also fills a limit, and the kill may be somebody else's, it counts when it happens again at this size.
    """
    usage, machine = evidence.usage, evidence.machine_evidence
    if machine is None or not machine.oom_kills or not attempt.fresh or usage is None:
        return None
    if usage.oom_kills or usage.source in OWN_COUNTERS:
        return None
    peak = usage.memory.lifetime_peak if usage.memory is not None else None
    limit = attempt.limits.memory
    least = limit - max(NEAR_LIMIT_BYTES, NEAR_LIMIT_SHARE * limit)
    if peak is None or peak.bytes < least:
        return None
    what = "a process" if machine.oom_kills == 1 else f"{machine.oom_kills} processes"
    message = (
        f"the kernel's OOM killer ended {what} on {evidence.machine} during the load, and the container's memory had "
        f"reached its limit of {Quantity.memory(limit)}, although no kill in it was counted"
    )
    if _was_disturbed(attempt, trials):
        return Failure(Outcome.OOM_KILLED, f"{message}; it happened again at this size")
    return Failure(Outcome.DISTURBED, f"{message}; it counts if it happens again at this size")


OWN_COUNTERS = frozenset({"Cgroup", "Process"})
"""Sources whose count of kills is the kernel's own for this container."""

_TRIED_AGAIN = "; the server does not say why, so the crash counts only if it happens again at this size"


def _any_passed(trials: Sequence[Trial]) -> bool:
    return any(trial.outcome is Outcome.PASSED for trial in trials)


def _was_disturbed(attempt: Attempt, trials: Sequence[Trial]) -> bool:
    """Whether the last trial at this size was one that does not count."""
    here = [trial for trial in trials if Limits.from_size(trial.limits) == attempt.limits]
    return bool(here) and here[-1].outcome is Outcome.DISTURBED


def _failed_start(failure: Failure, attempt: Attempt, trials: Sequence[Trial]) -> Failure | None:
    """Return a failed start as one that says nothing, where a server had started at this size or a smaller one."""
    for trial in reversed(trials):
        if (
            trial.fresh
            and trial.time_to_ready is not None
            and _is_within(Limits.from_size(trial.limits), attempt.limits)
        ):
            where = f"it had started at {Limits.from_size(trial.limits)} in trial {trial.index}"
            message = f"the server did not start, although {where}: {failure.message}"
            return Failure(Outcome.DISTURBED, message, failure.exit_code)
    return None


def _is_within(size: Limits, other: Limits) -> bool:
    return size.cpu <= other.cpu and size.memory <= other.memory


def _served(load: LoadEvidence | None) -> str:
    """Return after how many requests a server ended; empty where they were not counted."""
    if load is None or load.warmup_started is None or load.ended is None:
        return ""
    count = round(load.completed_between(load.warmup_started, load.ended + 1))
    return f"; by then it had answered about {count} requests" if count else ""


def _disturbance(attempt: Attempt, evidence: Evidence) -> Failure | None:
    """Return the failure of a trial whose machine had no CPU to spare; None where it had, or that is not known."""
    predicate = crowding(evidence, attempt.limits.cpu / 1000)
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
