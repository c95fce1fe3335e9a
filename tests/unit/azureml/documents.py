"""Documents of runs: profiles with a status."""

from __future__ import annotations

from typing import Any

TIME = "2026-01-02T03:04:05Z"


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    """Return a condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": TIME}


def ended(succeeded: str, reason: str, message: str) -> list[dict[str, str]]:
    """Return the conditions of a run that has ended."""
    return [
        condition("Accepted", "True", "Valid"),
        condition("Finished", "True", reason),
        condition("Succeeded", succeeded, reason, message),
    ]


def trial(index: int, purpose: str, cpu: str, memory: str, **changes: Any) -> dict[str, Any]:
    """Return a trial that passed."""
    latency = {"mean": "8ms", "p50": "7.5ms", "p90": "10ms", "p95": "12.5ms", "p99": "20ms", "p999": "0.03s"}
    return {
        "index": index,
        "purpose": purpose,
        "limits": {"cpu": cpu, "memory": memory},
        "outcome": "Passed",
        "load": {
            "requests": 200,
            "failures": 1,
            "rate": "49.5",
            "rowsCovered": 3,
            "duration": "4s",
            "latency": latency,
        },
        "usage": {"cpu": "400m", "samples": 40, "memory": {"peak": "187000000", "peakSource": "Cgroup"}},
        "startTime": TIME,
        "completionTime": TIME,
        **changes,
    }


def finished(manifest: dict[str, Any], reason: str = "Verified", message: str = "a run met it") -> dict[str, Any]:
    """Return a profile with its recommendation."""
    recommendation = {
        "containerName": "server",
        "requests": {"cpu": "450m", "memory": "250M"},
        "limits": {"cpu": "450m", "memory": "250M"},
    }
    if reason == "Verified":
        recommendation["verification"] = {"trial": 3, "environment": "Local"}
    return with_status(
        manifest,
        ended("True", reason, message),
        trials=[
            trial(1, "Reference", "2", "8000M"),
            trial(2, "Bisect", "400m", "8000M", outcome="Slow"),
            trial(3, "Confirm", "450m", "250M", usage={"cpu": "390m", "samples": 40}),
        ],
        recommendations=[recommendation],
    )


def failed(manifest: dict[str, Any], reason: str, message: str) -> dict[str, Any]:
    """Return a profile that ended without a recommendation."""
    return with_status(
        manifest,
        ended("False", reason, message),
    )


def with_status(manifest: dict[str, Any], conditions: list[dict[str, str]], **status: Any) -> dict[str, Any]:
    """Return a profile with a status."""
    return {**manifest, "status": {"conditions": conditions, **status}}
