"""The state and result of a run with Azure ML's names, keys and units; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelprofiler.api.conditions import ConditionType, Reason
from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.azureml.profiling import manifest
from modelprofiler.azureml.profiling.bounds import GIGABYTE
from modelprofiler.core.axis import cpu_axis, memory_axis

RUNNING, SUCCEEDED, FAILED, CANCELLED, TIMED_OUT = "Running", "Succeeded", "Failed", "Cancelled", "TimedOut"
FINAL_STATES = (SUCCEEDED, FAILED, CANCELLED, TIMED_OUT)

DETAILS_KEYS_SUCCESS = (
    "requestedCpu",
    "requestedMemoryInGB",
    "requestedQueriesPerSecond",
    "maxUtilizedMemoryInGB",
    "maxUtilizedCpu",
    "totalQueries",
    "successQueries",
    "successRate",
    "averageLatencyInMs",
    "latencyPercentile50InMs",
    "latencyPercentile90InMs",
    "latencyPercentile95InMs",
    "latencyPercentile99InMs",
    "latencyPercentile999InMs",
    "measuredQueriesPerSecond",
    "state",
    "name",
    "description",
    "createdTime",
    "error",
    "recommendedMemoryInGB",
    "recommendedCpu",
)
DETAILS_KEYS_ERROR = (
    "name",
    "description",
    "state",
    "requestedCpu",
    "requestedMemoryInGB",
    "requestedQueriesPerSecond",
    "error",
    "errorLogsUri",
    "createdTime",
)

NO_RATE = 0.0
"""`requestedQueriesPerSecond` of a run without a rate, so that scripts always find a number there: nobody requested
queries per second, one client or several sent each request when the last was answered."""

VERIFIED = "verified"
"""Prefix of the keys of what was measured at the recommended size."""


@dataclass(frozen=True)
class Snapshot:
    """The present state of a run.

    Attributes
    ----------
    profile
        The resource, with its present status.
    ended
        How the run ended where its status does not show it: Cancelled, or Failed because its process died.
    message
        Why it ended.
    logs
        URL of the log with the server's last output.
    """

    profile: ModelProfile
    ended: str | None = None
    message: str = ""
    logs: str | None = None

    @property
    def state(self) -> str:
        """Running, or one of `FINAL_STATES`."""
        finished = _condition(self.profile, ConditionType.FINISHED)
        if finished is not None and finished[0] == "True":
            succeeded = _condition(self.profile, ConditionType.SUCCEEDED)
            if succeeded is not None and succeeded[0] == "True":
                return SUCCEEDED
            if succeeded is not None and succeeded[1] == Reason.DEADLINE_EXCEEDED:
                return TIMED_OUT
            return FAILED if self.ended != CANCELLED else CANCELLED
        if self.ended:
            return self.ended
        accepted = _condition(self.profile, ConditionType.ACCEPTED)
        if accepted is not None and accepted[0] == "False":
            return FAILED
        return RUNNING

    @property
    def error(self) -> dict[str, Any] | None:
        """Why there is no recommendation, or a reservation about it; None without either."""
        state = self.state
        if state == RUNNING:
            return None
        conditions = {c.type: c for c in self.profile.status.conditions}
        succeeded = conditions.get(ConditionType.SUCCEEDED.value)
        accepted = conditions.get(ConditionType.ACCEPTED.value)
        if state == SUCCEEDED:
            if succeeded is None or succeeded.reason == Reason.VERIFIED:
                return None
            return {"code": succeeded.reason, "message": succeeded.message}
        if self.ended and (succeeded is None or succeeded.status == "Unknown"):
            return {"code": self.ended, "message": self.message or f"the run ended as {self.ended}"}
        if accepted is not None and accepted.status == "False":
            return {"code": accepted.reason, "message": accepted.message}
        if succeeded is not None:
            return {"code": succeeded.reason, "message": succeeded.message}
        return {"code": state, "message": self.message or f"the run ended as {state}"}


def _condition(profile: ModelProfile, kind: ConditionType) -> tuple[str, str] | None:
    return next(((c.status, c.reason) for c in profile.status.conditions if c.type == kind), None)


def serialized(snapshot: Snapshot) -> dict[str, Any]:
    """Return everything about a run under Azure ML's keys; an unknown value is None."""
    profile = snapshot.profile
    annotations = profile.metadata.annotations
    trials = profile.status.trials
    reference = next((t for t in reversed(trials) if t.purpose is Purpose.REFERENCE), None)
    cpu, memory = _requested(profile, reference)
    open_loop = profile.spec.load.open_loop
    models = annotations.get(manifest.MODEL_IDS) or _named_model(profile)
    environment = profile.spec.server.entry_script.environment.to_dict() if profile.spec.server.entry_script else None
    result: dict[str, Any] = {
        "id": annotations.get(manifest.PROFILE_ID) or profile.metadata.uid or None,
        "name": annotations.get(manifest.PROFILE_NAME, profile.metadata.name),
        "createdTime": annotations.get(manifest.CREATED_TIME) or profile.metadata.creation_timestamp or None,
        "state": snapshot.state,
        "description": annotations.get(manifest.DESCRIPTION),
        "requestedCpu": cpu,
        "requestedMemoryInGB": memory,
        "requestedQueriesPerSecond": float(open_loop.rate) if open_loop else NO_RATE,
        "inputDatasetId": annotations.get(manifest.INPUT_DATASET_ID),
        "modelIds": models.split(",") if models else [],
        "environment": environment,
        "error": snapshot.error,
        "errorLogsUri": snapshot.logs,
        **_measured(reference),
        **_recommended(profile),
    }
    if snapshot.state == SUCCEEDED:
        result |= _verified(profile)
    return result


def details(document: dict[str, Any]) -> dict[str, Any]:
    """Return Azure ML's result of a `serialized` run, and what was verified; unknown values are left out."""
    keys = DETAILS_KEYS_SUCCESS if document["state"] == SUCCEEDED else DETAILS_KEYS_ERROR
    result = {key: document[key] for key in keys if document.get(key) is not None}
    verified = {key: value for key, value in document.items() if key.startswith(VERIFIED) and value is not None}
    return result | verified


def _named_model(profile: ModelProfile) -> str | None:
    """Return the model of a profile that `Model.profile` did not create."""
    model = profile.spec.model
    return f"{model.name}:{model.version}" if model and model.version and model.version.isdigit() else None


def _requested(profile: ModelProfile, reference: Trial | None) -> tuple[float | None, float | None]:
    requested = profile.spec.resources
    resolved = profile.status.resources
    cpu = requested.cpu or (resolved.cpu if resolved else None)
    memory = requested.memory or (resolved.memory if resolved else None)
    limits = reference.limits if reference else None
    largest_cpu = Quantity.cpu(cpu_axis(cpu).last) if cpu else limits.cpu if limits else None
    largest_memory = Quantity.memory(memory_axis(memory).last) if memory else limits.memory if limits else None
    return _cores(largest_cpu), _gigabytes(largest_memory)


def _recommended(profile: ModelProfile) -> dict[str, float | None]:
    recommendations = profile.status.recommendations
    requests = recommendations[0].requests if recommendations else None
    return {
        "recommendedMemoryInGB": _gigabytes(requests.memory) if requests else None,
        "recommendedCpu": _cores(requests.cpu) if requests else None,
    }


def _measured(trial: Trial | None) -> dict[str, Any]:
    """Return the measurements of a trial."""
    load = trial.load if trial else None
    usage = trial.usage if trial else None
    latency = load.latency if load else None
    succeeded = load.requests - load.failures if load else None
    return {
        "maxUtilizedMemoryInGB": _gigabytes(usage.memory.peak) if usage and usage.memory else None,
        "maxUtilizedCpu": _cores(usage.cpu) if usage else None,
        "totalQueries": float(load.requests) if load else None,
        "successQueries": float(succeeded) if succeeded is not None else None,
        "successRate": 100.0 * succeeded / load.requests if load and load.requests and succeeded is not None else None,
        "averageLatencyInMs": _milliseconds(latency.mean if latency else None),
        "latencyPercentile50InMs": _milliseconds(latency.p50 if latency else None),
        "latencyPercentile90InMs": _milliseconds(latency.p90 if latency else None),
        "latencyPercentile95InMs": _milliseconds(latency.p95 if latency else None),
        "latencyPercentile99InMs": _milliseconds(latency.p99 if latency else None),
        "latencyPercentile999InMs": _milliseconds(latency.p999 if latency else None),
        "measuredQueriesPerSecond": float(load.rate) if load else None,
    }


def _verified(profile: ModelProfile) -> dict[str, Any]:
    """Return the measurements of the trial at exactly the recommended size, under keys with a prefix."""
    trial = next(iter(_confirmations(profile)), None)
    if trial is None:
        return {}
    values = {"cpu": _cores(trial.limits.cpu), "memoryInGB": _gigabytes(trial.limits.memory), **_measured(trial)}
    return {f"{VERIFIED}{key[0].upper()}{key[1:]}": value for key, value in values.items()}


def _confirmations(profile: ModelProfile) -> Iterator[Trial]:
    for recommendation in profile.status.recommendations:
        if recommendation.verification is not None:
            index = recommendation.verification.trial
            yield from (t for t in profile.status.trials if t.index == index and t.outcome is Outcome.PASSED)


def _cores(quantity: Quantity | None) -> float | None:
    return None if quantity is None else float(quantity)


def _gigabytes(quantity: Quantity | None) -> float | None:
    return None if quantity is None else float(quantity) / GIGABYTE


def _milliseconds(duration: Duration | None) -> float | None:
    return None if duration is None else round(duration.seconds * 1000, 6)
