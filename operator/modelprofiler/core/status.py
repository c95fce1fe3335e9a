"""The status of a profile: built here for a run in a cluster and for one on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from modelprofiler.api.conditions import ConditionType, Reason
from modelprofiler.api.status import DatasetStatus, EffectiveResources, ModelProfileStatus, Provenance
from modelprofiler.api.trial import ActiveTrial, Trial
from modelprofiler.core.conditions import Finding, RunState, conditions_for, rounded_place
from modelprofiler.core.drift import drift_of
from modelprofiler.core.steps import Recommend


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What a run measures, as its status records it.

    Attributes
    ----------
    run_hash
        Identifies the run.
    dataset
        The rows that are sent.
    resources
        The range that is searched, with defaults filled in.
    provenance
        The versions, digests and the machine that the measurements depend on.
    notes
        What the pods of the run do without.
    """

    run_hash: str
    dataset: DatasetStatus
    resources: EffectiveResources
    provenance: Provenance | None
    notes: Sequence[str] = ()


def run_status(
    before: ModelProfileStatus,
    state: RunState,
    identity: RunIdentity,
    now: datetime,
    *,
    trials: Sequence[Trial],
    active: ActiveTrial | None = None,
    started: datetime | None,
    completed: datetime | None = None,
) -> ModelProfileStatus:
    """Return the status of a run that is queued, running or finished.

    Parameters
    ----------
    before
        The status as it is recorded.
    state
        The facts that the conditions follow from; its result is what is recommended.
    identity
        What the run measures.
    now
        The time that a condition gets which changes.
    trials
        All finished trials, in the order of their index.
    active
        The trial in progress.
    started, completed
        When the run left the queue and when it ended; None for what has not happened yet.
    """
    result = state.result
    return updated_status(
        before,
        state,
        now,
        run_hash=identity.run_hash,
        dataset=identity.dataset,
        resources=identity.resources,
        provenance=identity.provenance,
        notes=list(identity.notes) or None,
        trials=list(trials),
        trials_completed=len(trials),
        active_trial=active,
        start_time=started,
        completion_time=completed,
        recommendations=[result.recommendation] if isinstance(result, Recommend) else [],
        drift=drift_of(trials),
    )


def updated_status(before: ModelProfileStatus, state: RunState, now: datetime, **fields: Any) -> ModelProfileStatus:
    """Return a status with these fields and the conditions that follow from a state; all other fields stay."""
    dataset, notes = fields.get("dataset", before.dataset), fields.get("notes", before.notes)
    warnings = (dataset.warnings if dataset is not None else None) or ()
    state = replace(state, warnings=(*state.warnings, *warnings), notes=tuple(notes or ()))
    place = None if state.queue_position is None else rounded_place(state.queue_position)
    return before.model_copy(
        update={
            "observed_generation": state.generation,
            "trials_completed": len(before.trials),
            "queue_position": place,
            **fields,
            "conditions": conditions_for(state, before.conditions, now),
        }
    )


SOURCES = {"Kubelet": "the kubelet", "Cgroup": "its control group", "Process": "its processes"}
"""What a sentence calls the sources that have no name of their own."""


def samples_read(source: str | None, warning: str = "") -> Finding:
    """Return the reason and message of MetricsAvailable once usage was read from a source.

    `warning` is why another one was not read, as a clause; empty where nothing is wrong with it.
    """
    name = SOURCES.get(str(source), source)
    return Finding(Reason.SAMPLES_READ, f"Usage of the container is read from {name}{warning and f': {warning}'}.")


def seconds_used(status: ModelProfileStatus, now: datetime) -> float | None:
    """Return how much of search.deadline a run has used; None for one that has never left the queue.

    The time in which it was suspended, or waited for its turn after that, is not counted. A start that is still to come
    by this clock, as it was written by another one, is now.
    """
    before = status.elapsed.seconds if status.elapsed is not None else None
    if status.start_time is None:
        return before
    return (before or 0.0) + max(0.0, (now - status.start_time).total_seconds())


def is_finished(status: ModelProfileStatus) -> bool:
    """Return whether the run has ended, as its conditions say."""
    return any(c.type == ConditionType.FINISHED and c.status == "True" for c in status.conditions)


def is_running(status: ModelProfileStatus) -> bool:
    """Return whether the run has begun and not ended, as its conditions say."""
    return any(c.type == ConditionType.FINISHED and c.reason == Reason.RUNNING for c in status.conditions)


def is_accepted(status: ModelProfileStatus) -> bool:
    """Return whether the profile was accepted when it was last looked at."""
    return any(c.type == ConditionType.ACCEPTED and c.status == "True" for c in status.conditions)
