"""The seven conditions of a profile, computed together from a few facts about its run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.core.steps import GiveUp, Recommend

Status: TypeAlias = Literal["True", "False", "Unknown"]

EXACT_PLACES = 3
"""Places in the queue that are reported exactly; places further back are rounded up, see `rounded_place`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason and the sentence that explains it."""

    reason: Reason
    message: str
    may_pass: bool = False
    """Whether it may be over in a moment without anybody's doing, as when pods that are ending still hold a node."""


@dataclass(frozen=True, slots=True)
class RunState:
    """The facts that the conditions follow from.

    Attributes
    ----------
    generation
        metadata.generation of the spec that this state belongs to.
    checked
        Whether the profile has been checked; until then no other field counts.
    refused
        Why the profile was not accepted; None when it was.
    preparing
        What has to be examined before the profile can be accepted, in one sentence; empty afterwards.
    suspended
        Whether spec.suspend stops the run.
    queue_position
        Place in the queue, counted from 1; None when the run has left it. The message has its `rounded_place`.
    active
        What the run is doing, in one sentence.
    result
        How the run ended; None until then.
    metrics
        SamplesRead, or why usage cannot be read; None before the first attempt.
    warnings
        What may make the result misleading although the profile can be run.
    notes
        What the pods of the run do without.
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
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rounded_place(position: int) -> int:
    """Return the place in the queue that a status reports: exact for the first three, then 5, 10, 20, 50 and so on.

    When a run ends, every profile in the queue moves up. Rounding changes the status of a dozen of them, not of all.
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
class _Computed:
    """A condition without its times."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str


def conditions_for(state: RunState, previous: Sequence[Condition], now: datetime) -> list[Condition]:
    """Return all seven conditions.

    Parameters
    ----------
    state
        The facts about the run.
    previous
        The recorded conditions: one whose status does not change keeps its lastTransitionTime.
    now
        lastTransitionTime of a condition that changes.
    """
    finished, succeeded = _progress(state)
    current = (_accepted(state), _metrics(state), finished, succeeded, *_kstatus(state, finished, succeeded))
    before = {condition.type: condition for condition in previous}
    return [_condition(c, before.get(c.type), state.generation, now) for c in current]


def _condition(computed: _Computed, before: Condition | None, generation: int, now: datetime) -> Condition:
    unchanged = before is not None and before.status == computed.status
    return Condition(
        type=computed.type.value,
        status=computed.status,
        reason=computed.reason.value,
        message=computed.message,
        last_transition_time=before.last_transition_time if before is not None and unchanged else now,
        observed_generation=generation,
    )


def _accepted(state: RunState) -> _Computed:
    if not state.checked:
        return _Computed(ConditionType.ACCEPTED, "Unknown", Reason.NOT_SEEN, "The profile has not been checked yet.")
    if state.refused is not None:
        return _Computed(ConditionType.ACCEPTED, "False", state.refused.reason, state.refused.message)
    if state.preparing:
        return _Computed(ConditionType.ACCEPTED, "Unknown", Reason.PREPARING, state.preparing)
    message = "The profile can be run as it is written."
    if state.warnings:
        message += f" But {'; '.join(state.warnings)}."
    if state.notes:
        notes = "; ".join(state.notes)
        message += f" {notes[0].upper()}{notes[1:]}."
    return _Computed(ConditionType.ACCEPTED, "True", Reason.VALID, message)


def _metrics(state: RunState) -> _Computed:
    if state.metrics is None:
        return _Computed(
            ConditionType.METRICS_AVAILABLE, "Unknown", Reason.METRICS_UNKNOWN, "No usage has been read yet."
        )
    status: Status = "True" if state.metrics.reason is Reason.SAMPLES_READ else "False"
    return _Computed(ConditionType.METRICS_AVAILABLE, status, state.metrics.reason, state.metrics.message)


def _progress(state: RunState) -> tuple[_Computed, _Computed]:
    """Return Finished and Succeeded."""
    reason, message = _stage(state)
    finished: Status = "False"
    succeeded: Status = "Unknown"
    if state.checked and state.refused is not None:
        finished, succeeded = "True", "False"
    elif state.checked and state.result is not None:
        finished, succeeded = "True", "True" if isinstance(state.result, Recommend) else "False"
    return (
        _Computed(ConditionType.FINISHED, finished, reason, message),
        _Computed(ConditionType.SUCCEEDED, succeeded, reason, message),
    )


def _stage(state: RunState) -> tuple[Reason, str]:
    """Return the reason and message of Finished and Succeeded: the first of these that applies."""
    if not state.checked:
        return Reason.NOT_SEEN, "The profile has not been checked yet."
    if state.refused is not None:
        return Reason.NOT_ACCEPTED, state.refused.message
    if state.result is not None:
        return state.result.reason, state.result.message
    if state.suspended:
        return Reason.SUSPENDED, "The run is suspended by spec.suspend; finished trials are kept."
    if state.queue_position is not None:
        place = rounded_place(state.queue_position)
        where = f"number {place}" if place <= EXACT_PLACES else f"among the first {place}"
        return Reason.QUEUED, f"Waiting in the queue: {where}."
    if state.preparing:
        return Reason.PREPARING, state.preparing
    return Reason.RUNNING, state.active or "Trials are running."


def _kstatus(state: RunState, finished: _Computed, succeeded: _Computed) -> tuple[_Computed, _Computed, _Computed]:
    """Return Ready, Reconciling and Stalled: the same facts for tools that read kstatus."""
    message = succeeded.message
    ready, reconciling, stalled = ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED
    if succeeded.status == "True":
        return (
            _Computed(ready, "True", Reason.RECOMMENDED, message),
            _Computed(reconciling, "False", Reason.IDLE, message),
            _Computed(stalled, "False", Reason.IDLE, message),
        )
    if finished.status == "True":
        why = Reason.NOT_ACCEPTED if state.refused is not None else Reason.FAILED
        return (
            _Computed(ready, "False", why, message),
            _Computed(reconciling, "False", Reason.IDLE, message),
            _Computed(stalled, "True", why, message),
        )
    if finished.reason is Reason.SUSPENDED:
        return (
            _Computed(ready, "False", Reason.SUSPENDED, message),
            _Computed(reconciling, "False", Reason.SUSPENDED, message),
            _Computed(stalled, "False", Reason.SUSPENDED, message),
        )
    return (
        _Computed(ready, "Unknown" if finished.reason is Reason.NOT_SEEN else "False", Reason.IN_PROGRESS, message),
        _Computed(reconciling, "True", Reason.IN_PROGRESS, message),
        _Computed(stalled, "False", Reason.IN_PROGRESS, message),
    )
