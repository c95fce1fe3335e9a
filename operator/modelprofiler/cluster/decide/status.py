"""The status of a profile, computed in one place from what was read and decided. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.api.status import ModelProfileStatus, Provenance
from modelprofiler.api.trial import ActiveTrial, Trial
from modelprofiler.cluster.decide.trial import Decision
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.core.conditions import Finding, RunState, conditions_for
from modelprofiler.core.drift import drift_of
from modelprofiler.core.status import samples_read, updated_status
from modelprofiler.core.steps import GiveUp, Recommend, RunTrial, Step
from modelprofiler.errors import InvalidInput
from modelprofiler.load.result import LoadResult
from modelprofiler.version import __version__

METRICS_REASONS = (Reason.SAMPLES_READ, Reason.NO_SAMPLES, Reason.SOURCE_UNREACHABLE)


def unreadable(raw: dict[str, Any], error: InvalidInput, now: datetime) -> dict[str, Any]:
    """Return the status of a profile that does not parse: what was recorded stays as it is, whatever it is."""
    generation = raw["metadata"].get("generation", 1)
    state = RunState(generation, refused=Finding(Reason.INVALID_SPEC, str(error)))
    before = [Condition.model_validate(c) for c in (raw.get("status") or {}).get("conditions") or [] if "type" in c]
    said = ModelProfileStatus(observed_generation=generation, conditions=conditions_for(state, before, now)).to_dict()
    recorded = {name: value for name, value in (raw.get("status") or {}).items() if name != "activeTrial"}
    return said | recorded | {name: said[name] for name in ("observedGeneration", "conditions")}


def refused(profile: ModelProfile, finding: Finding, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile that is not accepted; finished trials stay."""
    state = RunState(profile.metadata.generation, refused=finding)
    return _with(profile, state, now, active_trial=None)


def preparing(profile: ModelProfile, message: str, position: int, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile whose claims have not been looked at yet.

    Parameters
    ----------
    message
        How far the look is, or what it waits for.
    position
        Place in the queue, from 1; 0 when it is its turn.
    """
    state = RunState(
        profile.metadata.generation,
        preparing=message,
        suspended=profile.spec.suspend,
        queue_position=position or None,
    )
    return _with(profile, state, now, active_trial=None, completion_time=None)


def waiting(profile: ModelProfile, accepted: Accepted, state: RunState, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile that waits for its turn."""
    return _with(profile, state, now, active_trial=None, **_about(accepted))


def still_waiting(profile: ModelProfile, state: RunState, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile that waits as it did before, perhaps at another place in the queue."""
    return _with(profile, state, now)


def recorded(
    profile: ModelProfile,
    accepted: Accepted,
    trials: Sequence[Trial],
    origin: Provenance,
    seen: Observation,
    now: datetime,
) -> ModelProfileStatus:
    """Return the status with a finished trial in it, or with one more fact about a finished trial.

    The latter does not concern the trial in progress: that one keeps its place, and with it its start time.
    """
    active = profile.status.active_trial if len(trials) == len(profile.status.trials) else None
    said = _progress(active) if active else "Deciding what to try next."
    state = RunState(profile.metadata.generation, active=said, metrics=_metrics(profile, seen))
    return _with(
        profile,
        state,
        now,
        trials=list(trials),
        trials_completed=len(trials),
        active_trial=active,
        provenance=origin,
        **_about(accepted),
    )


def running(
    profile: ModelProfile,
    accepted: Accepted,
    step: Step,
    decision: Decision,
    seen: Observation,
    now: datetime,
    *,
    paused: bool,
) -> ModelProfileStatus:
    """Return the status of a run that goes on, is held, or has come to its end."""
    active = decision.active
    result = None if isinstance(step, RunTrial) else step
    if result is not None and decision.idle:
        return _ended(profile, accepted, result, seen, now)
    said = _progress(active) if active else "Removing what is left."
    state = RunState(
        profile.metadata.generation,
        suspended=profile.spec.suspend and active is None,
        active=said,
        metrics=_metrics(profile, seen),
    )
    start = None if paused else profile.status.start_time or now
    return _with(
        profile,
        state,
        now,
        active_trial=active,
        start_time=start,
        completion_time=None,
        provenance=origin(profile, accepted),
        **_about(accepted),
    )


def _progress(active: ActiveTrial) -> str:
    return f"Trial {active.index} ({active.purpose}): {active.message}."


def _ended(
    profile: ModelProfile, accepted: Accepted, result: Recommend | GiveUp, seen: Observation, now: datetime
) -> ModelProfileStatus:
    state = RunState(profile.metadata.generation, result=result, metrics=_metrics(profile, seen))
    return _with(
        profile,
        state,
        now,
        active_trial=None,
        start_time=profile.status.start_time or now,
        completion_time=profile.status.completion_time or now,
        provenance=origin(profile, accepted),
        recommendations=[result.recommendation] if isinstance(result, Recommend) else [],
        drift=drift_of(profile.status.trials),
        **_about(accepted),
    )


def origin(profile: ModelProfile, accepted: Accepted) -> Provenance:
    """Return what is known of where the numbers come from: recorded, or as the run begins."""
    if profile.status.provenance is not None:
        return profile.status.provenance
    inputs = accepted.inputs
    return Provenance(
        scoring_image=accepted.settings.scoring_image if profile.spec.server.entry_script else None,
        model_digest=inputs.model_digest,
        code_digest=inputs.code_digest,
        dataset_digest=inputs.dataset.digest,
        rerun=profile.metadata.annotations.get(RERUN_ANNOTATION),
        modelprofiler_version=__version__,
    )


def on_node(known: Provenance, node: dict[str, Any], image: str, result: LoadResult | None) -> Provenance:
    """Return the provenance with the node and the image that the first measured trial ran on.

    Parameters
    ----------
    result
        Of a load that ran on that node, and saw what CPU it has; None where the load ran elsewhere.
    """
    info = (node.get("status") or {}).get("nodeInfo") or {}
    labels = node["metadata"].get("labels") or {}
    return known.model_copy(
        update={
            "image": image,
            "node": node["metadata"]["name"],
            "instance_type": labels.get("node.kubernetes.io/instance-type"),
            "kernel": info.get("kernelVersion"),
            "kubelet_version": info.get("kubeletVersion"),
            "cpu_model": result.cpu_model if result else None,
            "cgroup_version": result.cgroup_version if result else None,
        }
    )


def _about(accepted: Accepted) -> dict[str, Any]:
    return {
        "run_hash": accepted.run_hash,
        "dataset": accepted.inputs.dataset,
        "resources": accepted.resources,
    }


def _with(profile: ModelProfile, state: RunState, now: datetime, **fields: Any) -> ModelProfileStatus:
    return updated_status(profile.status, state, now, **fields)


def _metrics(profile: ModelProfile, seen: Observation) -> Finding | None:
    """Return what is known of the metrics: from the samples just read, else as it was recorded."""
    for job in reversed(seen.jobs):
        measured = job.measured
        if measured is None:
            continue
        if measured.usage is not None:
            return samples_read(measured.usage.source)
        if not measured.reachable:
            return Finding(Reason.SOURCE_UNREACHABLE, measured.problem)
        if measured.complete:
            return Finding(Reason.NO_SAMPLES, measured.problem)
    for condition in profile.status.conditions:
        if condition.type == ConditionType.METRICS_AVAILABLE and condition.reason in METRICS_REASONS:
            return Finding(Reason(condition.reason), condition.message)
    return None
