"""Where the numbers of a run come from: what was asked for, and on what it was measured."""

from __future__ import annotations

from datetime import datetime

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import DatasetStatus, ModelProfileStatus
from modelprofiler.core.answers.expected import described
from modelprofiler.core.status import seconds_used
from modelprofiler.core.text import row_size
from modelprofiler.report.formats import format_duration
from modelprofiler.report.record import RunRecord

MOST_LISTED = 10
"""A longer list of sizes is summarised: ten fit on a line of the report."""


def describe_model(spec: ModelProfileSpec) -> str:
    """Return the model's name and version; empty where the profile has no model."""
    return f"{spec.model.name} {spec.model.version or ''}".strip() if spec.model is not None else ""


def describe_objectives(spec: ModelProfileSpec) -> str:
    """Return the objectives as ``p95 at most 250ms, errors at most 1%``."""
    objectives, parts = spec.objectives, []
    if objectives.latency is not None:
        bounds = ((metric, getattr(objectives.latency, metric)) for metric in LATENCY_METRICS)
        parts += [f"{metric} at most {bound}" for metric, bound in bounds if bound is not None]
    if objectives.max_slowdown_percent is not None:
        parts.append(f"latency at most {objectives.max_slowdown_percent}% above the reference trial's")
    parts.append(f"errors at most {objectives.max_error_percent}%")
    if objectives.max_throttled_percent is not None:
        parts.append(f"throttled at most {objectives.max_throttled_percent}%")
    if objectives.max_time_to_ready is not None:
        parts.append(f"ready within {objectives.max_time_to_ready}")
    return ", ".join(parts)


def describe_load(spec: ModelProfileSpec) -> str:
    """Return the load as ``50 requests/s, Poisson arrivals`` or ``4 clients in a closed loop``."""
    if (loop := spec.load.open_loop) is not None:
        return f"{loop.rate} requests/s, {loop.arrival} arrivals"
    assert spec.load.closed_loop is not None
    clients = spec.load.closed_loop.concurrency
    return f"{clients} {'client' if clients == 1 else 'clients'} in a closed loop"


def describe_answers(spec: ModelProfileSpec) -> str:
    """Return what a good answer is where that is more than a status; empty where it is not."""
    expect = spec.endpoint.http.expect
    return described(expect) if expect.is_about_content else ""


def describe_range(status: ModelProfileStatus) -> str:
    """Return the range that was searched; empty where it is not known."""
    if (resources := status.resources) is None:
        return ""
    parts = []
    for name, axis in (("CPU", resources.cpu), ("memory", resources.memory)):
        if axis.values and len(axis.values) > MOST_LISTED:
            ascending = sorted(axis.values)
            parts.append(f"{len(ascending)} sizes from {ascending[0]} to {ascending[-1]} {name}")
        elif axis.values:
            parts.append(f"{', '.join(map(str, axis.values))} {name}")
        else:
            parts.append(f"{axis.min} to {axis.max} {name}" + (f" in steps of {axis.step}" if axis.step else ""))
    return "; ".join(parts)


def describe_rows(dataset: DatasetStatus) -> str:
    """Return a dataset in numbers: ``600 rows, 598 distinct, of 90 B to 1.2 KiB (median 480 B), 290 KiB in all``."""
    rows = "1 row" if dataset.rows == 1 else f"{dataset.rows:,} rows, {dataset.distinct_rows:,} distinct"
    largest = row_size(dataset.largest_row.bytes)
    if dataset.smallest_row is None or dataset.median_row is None or dataset.total_size is None:
        return f"{rows}, of at most {largest}"
    smallest, median = row_size(dataset.smallest_row.bytes), row_size(dataset.median_row.bytes)
    sizes = largest if smallest == largest else f"{smallest} to {largest} (median {median})"
    return f"{rows}, of {sizes}, {row_size(dataset.total_size.bytes)} in all"


def provenance_rows(record: RunRecord) -> list[tuple[str, str]]:
    """Return pairs of name and value; what is not known is left out."""
    profile, status = record.profile, record.profile.status
    spec, known, dataset = profile.spec, status.provenance, status.dataset
    rows: list[tuple[str, object]] = [
        ("Profile", f"{profile.metadata.namespace}/{profile.metadata.name}"),
        ("Model", describe_model(spec)),
        ("Load", describe_load(spec)),
        ("Good answers", describe_answers(spec)),
        ("Window", f"{spec.load.duration} after a warm-up of {spec.load.warmup}"),
        ("Objectives", describe_objectives(spec)),
        ("Range", describe_range(status)),
        ("Dataset", describe_rows(dataset) if dataset is not None else None),
    ]
    if known is not None:
        rows += [
            ("Dataset digest", known.dataset_digest),
            ("Model digest", known.model_digest),
            ("Code digest", known.code_digest),
            ("Image", known.image),
            ("Node", known.node),
            ("Instance type", known.instance_type),
            ("CPU model", known.cpu_model),
            ("Kernel", known.kernel),
            ("Control groups", known.cgroup_version),
            ("Kubelet", known.kubelet_version),
            ("modelprofiler", known.modelprofiler_version),
        ]
    rows += [
        ("Run", status.run_hash),
        ("Started", _time(status.start_time)),
        ("Finished", _time(status.completion_time)),
    ]
    if status.start_time is not None and status.completion_time is not None:
        # Without the time in which it was suspended; the last of several starts is shown.
        rows.append(("Took", format_duration(seconds_used(status, status.completion_time) or 0.0)))
    return [(name, str(value)) for name, value in rows if value]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
