"""What a trial used, as plain numbers."""

from __future__ import annotations

from modelprofiler.api.trial import Trial


def cpu_seconds_per_request(trial: Trial) -> float | None:
    """Return the CPU time of a completed request in seconds; None where it was not measured."""
    cost = trial.usage.cpu_time_per_request if trial.usage is not None else None
    return None if cost is None else cost.seconds


def peak_memory_bytes(trial: Trial) -> float | None:
    """Return the largest amount of memory in bytes; None where it was not measured."""
    memory = trial.usage.memory if trial.usage is not None else None
    return None if memory is None else float(memory.peak.bytes)
