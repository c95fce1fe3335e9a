"""The operator's own metrics."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from modelprofiler.api.objects import Object
from modelprofiler.cluster.telemetry.metrics import Metrics, Snapshot

START = datetime(2026, 3, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """Return a time."""
    return START + timedelta(seconds=seconds)


def text_of(seconds: float) -> str:
    """Return a time as a status has it."""
    return after(seconds).isoformat().replace("+00:00", "Z")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the value of a series."""
    return metrics.registry.get_sample_value(name, labels)


def active(stage: str, index: int = 1) -> Object:
    """Return a status with a trial that goes on."""
    return {"runHash": "a", "startTime": text_of(0), "activeTrial": {"index": index, "stage": stage}}


def finished(*outcomes: str) -> Object:
    """Return a status with finished trials."""
    rows = [{"index": i, "purpose": "Reference", "outcome": o} for i, o in enumerate(outcomes, start=1)]
    return {"runHash": "a", "startTime": text_of(0), "trials": rows}


def test_a_finished_trial_is_counted_once_with_the_time_of_its_stages() -> None:
    """By its outcome."""
    metrics = Metrics(Snapshot)
    statuses = [active("Starting"), active("Loading"), active("Loading"), active("Measuring"), finished("Slow")]
    before: Object = {}
    for seconds, status in zip((0, 4, 10, 40, 50), statuses, strict=True):
        metrics.status_written("uid", before, status, after(seconds))
        before = status
    metrics.status_written("uid", before, before, after(60))
    assert 1 == value(metrics, "modelprofiler_trials_total", purpose="Reference", outcome="Slow")
    sums = [
        value(metrics, "modelprofiler_trial_stage_seconds_sum", stage=stage, outcome="Slow")
        for stage in ("Starting", "Loading", "Measuring")
    ]
    assert [4, 36, 10] == sums


def test_a_trial_that_began_under_another_operator_is_counted_without_times() -> None:
    """How long its stages took is not known."""
    metrics = Metrics(Snapshot)
    metrics.status_written("uid", active("Measuring", index=2), finished("Passed"), after(0))
    assert 1 == value(metrics, "modelprofiler_trials_total", purpose="Reference", outcome="Passed")
    assert value(metrics, "modelprofiler_trial_stage_seconds_sum", stage="Measuring", outcome="Passed") is None


def test_the_wait_in_the_queue_counts_from_being_queued() -> None:
    """A run that never waited has waited no time."""
    metrics = Metrics(Snapshot)
    queued = {"conditions": [{"type": "Finished", "reason": "Queued", "lastTransitionTime": text_of(-100)}]}
    metrics.status_written("a", queued, active("Starting"), after(0))
    metrics.status_written("b", {}, active("Starting"), after(0))
    assert (100, 2) == (
        value(metrics, "modelprofiler_queue_wait_seconds_sum"),
        value(metrics, "modelprofiler_queue_wait_seconds_count"),
    )


def test_a_run_is_counted_by_how_it_ended() -> None:
    """Once."""
    metrics = Metrics(Snapshot)
    over = finished("Passed") | {
        "completionTime": text_of(9),
        "conditions": [{"type": "Succeeded", "status": "True", "reason": "Verified"}],
    }
    for before in (finished("Passed"), over):
        metrics.status_written("uid", before, over, after(9))
    assert 1 == value(metrics, "modelprofiler_runs_total", reason="Verified")


def test_what_somebody_wrote_into_a_status_makes_no_series_of_its_own() -> None:
    """A tenant who may edit the status could otherwise fill the memory of whoever reads the metrics."""
    metrics = Metrics(Snapshot)
    for number in range(50):
        forged = finished(f"outcome-{number}")
        forged["completionTime"] = text_of(number)
        forged["conditions"] = [{"type": "Succeeded", "reason": f"reason-{number}"}]
        metrics.status_written("uid", {}, forged, after(0))
    assert 50 == value(metrics, "modelprofiler_runs_total", reason="Other")
    assert 50 == value(metrics, "modelprofiler_trials_total", purpose="Reference", outcome="Other")


def test_what_is_the_case_is_read_when_somebody_asks() -> None:
    """The text is what Prometheus parses, and every name and unit is as it recommends."""
    snapshot = Snapshot(
        profiles=Counter({("Running", "Running"): 1, ("Waiting", "Queued"): 3}),
        waiting=3,
        running=1,
        slots=2,
        leads=True,
        requests={"update modelprofiles/status": {"requests": 7, "sent": 1, "received": 1}},
        failed_requests={("update modelprofiles/status", "409"): 2},
        source_errors={"Prometheus": 4},
    )
    metrics = Metrics(lambda: snapshot)
    metrics.look_ended(0.2, "success")
    families = {
        family.name: family for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
    }
    assert all(name.startswith("modelprofiler_") for name in families)
    assert all(family.documentation for family in families.values())
    assert 3 == value(metrics, "modelprofiler_profiles", state="Waiting", reason="Queued")
    assert (3, 1, 2, 1) == tuple(
        value(metrics, f"modelprofiler_{name}") for name in ("queue_length", "runs_active", "runs_allowed", "leader")
    )
    labels = {"verb": "update", "resource": "modelprofiles/status"}
    assert 7 == value(metrics, "modelprofiler_api_requests_total", **labels)
    assert 2 == value(metrics, "modelprofiler_api_request_errors_total", code="409", **labels)
    assert 4 == value(metrics, "modelprofiler_metrics_source_errors_total", source="Prometheus")
