"""The seven conditions, computed in one place from a few facts about a run and written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.core.steps import GiveUp, Recommend

Status: TypeAlias = Literal["True", "False", "Unknown"]

EXACT_PLACES = 3
"""Places in the queue that are told as they are; those further back as a round number that is not smaller."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason and its sentence."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class RunState:
    """What the conditions are made of.

    Attributes
    ----------
    generation
        metadata.generation of the spec that was looked at.
    checked
        Whether the profile has been checked; nothing else counts before.
    refused
        Why it was not accepted; absent when it was.
    preparing
        What is being looked at before it can be accepted, in one sentence; empty once that has been done.
    suspended
        Whether spec.suspend holds the run.
    queue_position
        Place in the queue, from 1; absent when the run has left it. Told by `rounded_place`.
    active
        What is going on, in one sentence.
    result
        How the run ended; absent while it goes on.
    metrics
        SamplesRead, or why usage cannot be read; absent while nothing was read.
    """

    generation: int
    checked: bool = True
    refused: Finding | None = None
    preparing: str = ""
    suspended: bool = False
    queue_position: int | None = None
    active: str = ""
    result: Recommend | GiveUp | None = None
    metrics: Finding | None = None


def rounded_place(position: int) -> int:
    """Return the place in the queue that a profile is told: the next three their own, then 5, 10, 20, 50 and so on.

    So the end of a run changes what a dozen profiles are told, and not the status of every one that waits.
    """
    if position <= EXACT_PLACES:
        return position
    scale = 1
    while True:
        for step in (1, 2, 5):
            if position <= step * scale:
                return step * scale
        scale *= 10


@dataclass(frozen=True, slots=True)
class _Now:
    type: ConditionType
    status: Status
    reason: Reason
    message: str


def conditions_for(state: RunState, previous: Sequence[Condition], now: datetime) -> list[Condition]:
    """Return all seven conditions.

    Parameters
    ----------
    state
        What is known of the run.
    previous
        The conditions as they are recorded: one whose status has not changed keeps its lastTransitionTime.
    now
        The time of the changes.
    """
    finished, succeeded = _progress(state)
    current = (_accepted(state), _metrics(state), finished, succeeded, *_kstatus(state, finished, succeeded))
    before = {condition.type: condition for condition in previous}
    return [_condition(c, before.get(c.type), state.generation, now) for c in current]


def _condition(found: _Now, before: Condition | None, generation: int, now: datetime) -> Condition:
    unchanged = before is not None and before.status == found.status
    return Condition(
        type=found.type.value,
        status=found.status,
        reason=found.reason.value,
        message=found.message,
        last_transition_time=before.last_transition_time if before is not None and unchanged else now,
        observed_generation=generation,
    )


def _accepted(state: RunState) -> _Now:
    if not state.checked:
        return _Now(ConditionType.ACCEPTED, "Unknown", Reason.NOT_SEEN, "The profile has not been checked yet.")
    if state.refused is not None:
        return _Now(ConditionType.ACCEPTED, "False", state.refused.reason, state.refused.message)
    if state.preparing:
        return _Now(ConditionType.ACCEPTED, "Unknown", Reason.PREPARING, state.preparing)
    return _Now(ConditionType.ACCEPTED, "True", Reason.VALID, "The profile can be run as it is written.")


def _metrics(state: RunState) -> _Now:
    if state.metrics is None:
        return _Now(ConditionType.METRICS_AVAILABLE, "Unknown", Reason.METRICS_UNKNOWN, "No usage has been read yet.")
    status: Status = "True" if state.metrics.reason is Reason.SAMPLES_READ else "False"
    return _Now(ConditionType.METRICS_AVAILABLE, status, state.metrics.reason, state.metrics.message)


def _progress(state: RunState) -> tuple[_Now, _Now]:
    """Return Finished and Succeeded."""
    reason, message = _where(state)
    finished: Status = "False"
    succeeded: Status = "Unknown"
    if state.checked and state.refused is not None:
        finished, succeeded = "True", "False"
    elif state.checked and state.result is not None:
        finished, succeeded = "True", "True" if isinstance(state.result, Recommend) else "False"
    return (
        _Now(ConditionType.FINISHED, finished, reason, message),
        _Now(ConditionType.SUCCEEDED, succeeded, reason, message),
    )


def _where(state: RunState) -> tuple[Reason, str]:
    """Return where the run is: the first of these that holds."""
    if not state.checked:
        return Reason.NOT_SEEN, "The profile has not been checked yet."
    if state.refused is not None:
        return Reason.NOT_ACCEPTED, state.refused.message
    if state.result is not None:
        return state.result.reason, state.result.message
    if state.suspended:
        return Reason.SUSPENDED, "Held by spec.suspend; finished trials are kept."
    if state.queue_position is not None:
        place = rounded_place(state.queue_position)
        where = f"number {place}" if place <= EXACT_PLACES else f"among the first {place}"
        return Reason.QUEUED, f"Waits for its turn: {where} in the queue."
    if state.preparing:
        return Reason.PREPARING, state.preparing
    return Reason.RUNNING, state.active or "Trials are under way."


def _kstatus(state: RunState, finished: _Now, succeeded: _Now) -> tuple[_Now, _Now, _Now]:
    """Return Ready, Reconciling and Stalled, which say the same to tools that read kstatus."""
    message = succeeded.message
    ready, reconciling, stalled = ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED
    if succeeded.status == "True":
        return (
            _Now(ready, "True", Reason.RECOMMENDED, message),
            _Now(reconciling, "False", Reason.IDLE, message),
            _Now(stalled, "False", Reason.IDLE, message),
        )
    if finished.status == "True":
        why = Reason.NOT_ACCEPTED if state.refused is not None else Reason.FAILED
        return (
            _Now(ready, "False", why, message),
            _Now(reconciling, "False", Reason.IDLE, message),
            _Now(stalled, "True", why, message),
        )
    if finished.reason is Reason.SUSPENDED:
        return (
            _Now(ready, "False", Reason.SUSPENDED, message),
            _Now(reconciling, "False", Reason.SUSPENDED, message),
            _Now(stalled, "False", Reason.SUSPENDED, message),
        )
    return (
        _Now(ready, "Unknown" if finished.reason is Reason.NOT_SEEN else "False", Reason.IN_PROGRESS, message),
        _Now(reconciling, "True", Reason.IN_PROGRESS, message),
        _Now(stalled, "False", Reason.IN_PROGRESS, message),
    )
