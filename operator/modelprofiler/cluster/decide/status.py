"""The status of a profile, computed in one place from what was read and decided. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from modelprofiler.api.conditions import Condition, ConditionType, Reason
from modelprofiler.api.quantities import Duration
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.api.status import ModelProfileStatus, Provenance
from modelprofiler.api.trial import ActiveTrial
from modelprofiler.cluster.decide import resizing
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.world import Node
from modelprofiler.cluster.manifests.copied import left_out, other_resources
from modelprofiler.core.conditions import Finding, RunState, conditions_for
from modelprofiler.core.rows import with_forecast
from modelprofiler.core.status import RunIdentity, run_status, samples_read, seconds_used, updated_status
from modelprofiler.core.steps import GiveUp, Recommend
from modelprofiler.load.result import LoadResult
from modelprofiler.version import __version__

METRICS_REASONS = (Reason.SAMPLES_READ, Reason.NO_SAMPLES, Reason.SOURCE_UNREACHABLE)


def unreadable(raw: dict[str, Any], problems: str, now: datetime) -> dict[str, Any]:
    """Return the status of a profile that does not parse: what was recorded stays as it is, whatever it is."""
    generation = raw["metadata"].get("generation", 1)
    state = RunState(generation, refused=Finding(Reason.INVALID_SPEC, problems))
    before = [Condition.model_validate(c) for c in (raw.get("status") or {}).get("conditions") or [] if "type" in c]
    new = ModelProfileStatus(observed_generation=generation, conditions=conditions_for(state, before, now)).to_dict()
    recorded = {name: value for name, value in (raw.get("status") or {}).items() if name != "activeTrial"}
    return new | recorded | {name: new[name] for name in ("observedGeneration", "conditions")}


def refused(profile: ModelProfile, finding: Finding, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile that is not accepted; finished trials stay."""
    state = RunState(profile.metadata.generation, refused=finding)
    return updated_status(profile.status, state, now, active_trial=None)


def preparing(profile: ModelProfile, message: str, position: int, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile whose files have not been read yet.

    Parameters
    ----------
    message
        How far reading the files has come, or what it waits for.
    position
        Place in the queue, from 1; 0 when it is its turn.
    """
    state = RunState(
        profile.metadata.generation,
        preparing=message,
        suspended=profile.spec.suspend,
        queue_position=position or None,
    )
    return updated_status(profile.status, state, now, active_trial=None, completion_time=None)


def waiting(profile: ModelProfile, accepted: Accepted, position: int, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile that waits for its turn."""
    state = RunState(profile.metadata.generation, queue_position=position)
    identity = _identity(profile, accepted, profile.status.provenance)
    return _of_run(
        profile,
        state,
        identity,
        now,
        started=profile.status.start_time,
        completed=profile.status.completion_time,
    )


def still_waiting(profile: ModelProfile, position: int, now: datetime) -> ModelProfileStatus:
    """Return the status of a profile that waits as it did before, perhaps at another place in the queue."""
    return updated_status(profile.status, RunState(profile.metadata.generation, queue_position=position), now)


def running(
    profile: ModelProfile, accepted: Accepted, active: ActiveTrial | None, children: Observation, now: datetime
) -> ModelProfileStatus:
    """Return the status of a run that goes on: with a trial in progress, or while what is left of it is removed."""
    state = RunState(
        profile.metadata.generation,
        suspended=profile.spec.suspend and active is None,
        active=_progress(active) if active else "Cleaning up after the last trial.",
        metrics=_metrics(profile, children),
    )
    identity = _identity(profile, accepted, origin(profile, accepted))
    return _of_run(profile, state, identity, now, active=active, started=profile.status.start_time or now)


def held(profile: ModelProfile, accepted: Accepted, children: Observation, now: datetime) -> ModelProfileStatus:
    """Return the status of a run that spec.suspend holds, with nothing of it left in the cluster."""
    state = RunState(profile.metadata.generation, suspended=True, metrics=_metrics(profile, children))
    used = seconds_used(profile.status, now)
    written = _of_run(profile, state, _identity(profile, accepted, origin(profile, accepted)), now)
    return written.model_copy(update={"elapsed": None if used is None else Duration.of(used)})


def ended(
    profile: ModelProfile, accepted: Accepted, result: Recommend | GiveUp, children: Observation, now: datetime
) -> ModelProfileStatus:
    """Return the status of a run that has ended, with a recommendation or without."""
    state = RunState(profile.metadata.generation, result=result, metrics=_metrics(profile, children))
    return _of_run(
        profile,
        state,
        _identity(profile, accepted, origin(profile, accepted)),
        now,
        started=profile.status.start_time or now,
        completed=profile.status.completion_time or now,
    )


def _of_run(
    profile: ModelProfile,
    state: RunState,
    identity: RunIdentity,
    now: datetime,
    *,
    active: ActiveTrial | None = None,
    started: datetime | None = None,
    completed: datetime | None = None,
) -> ModelProfileStatus:
    trials = profile.status.trials
    return run_status(
        profile.status, state, identity, now, trials=trials, active=active, started=started, completed=completed
    )


def _identity(profile: ModelProfile, accepted: Accepted, provenance: Provenance | None) -> RunIdentity:
    copied = accepted.workload.notes if accepted.workload else ()
    notes = [
        *other_resources(profile.spec),
        *left_out(profile.spec),
        *copied,
        *resizing.notes(profile.spec, accepted, provenance),
    ]
    dataset = with_forecast(profile.spec, accepted.inputs.dataset)
    return RunIdentity(accepted.run_hash, dataset, accepted.resources, provenance, notes)


def _progress(active: ActiveTrial) -> str:
    return f"Trial {active.index} ({active.purpose}): {active.message}."


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


def on_node(known: Provenance, node: Node, image: str, result: LoadResult | None, *, load_is_there: bool) -> Provenance:
    """Return the provenance with the node and the image that the first measured trial ran on.

    Parameters
    ----------
    result
        Of the trial's load.
    load_is_there
        Whether the load ran on that node, and saw itself what CPU it has; else a node reader may have told it.
    """
    reading = result.node if result else None
    seen = result if result and load_is_there else reading
    return known.model_copy(
        update={
            "image": image,
            "node": node.name,
            "instance_type": node.instance_type,
            "kernel": node.kernel or (reading.kernel if reading else None),
            "kubelet_version": node.kubelet_version,
            "cpu_model": seen.cpu_model if seen else None,
            "cgroup_version": seen.cgroup_version if seen else None,
            "cpu_manager_policy": "static" if reading and reading.has_exclusive_cpus else None,
        }
    )


def _metrics(profile: ModelProfile, children: Observation) -> Finding | None:
    """Return what is known of the metrics: from the samples just read, else as it was recorded."""
    measured_before = {row.index for row in profile.status.trials if row.usage is not None}
    for job in reversed(children.jobs):
        measured = job.measured
        # Once a trial's usage is recorded, nothing more is expected of its pod, which is about to go.
        if measured is None or (measured.usage is None and job.trial in measured_before):
            continue
        if measured.usage is not None:
            return samples_read(measured.usage.source, measured.warning)
        if not measured.reachable:
            return Finding(Reason.SOURCE_UNREACHABLE, measured.problem)
        if measured.complete:
            return Finding(Reason.NO_SAMPLES, measured.problem)
    for condition in profile.status.conditions:
        if condition.type == ConditionType.METRICS_AVAILABLE and condition.reason in METRICS_REASONS:
            return Finding(Reason(condition.reason), condition.message)
    return None
