"""What a trial cannot tell, because the monitoring of a cluster drops metrics or replaces the times of samples."""

from __future__ import annotations

from modelprofiler.metrics.cadvisor import FIELDS
from modelprofiler.metrics.series import ContainerSamples

NAMES = {field: name for name, field in FIELDS.items()}
"""Metric of each field of `ContainerSamples`."""

NEEDED = ("cpu_seconds", "working_set_bytes")
"""Fields without which a trial has no CPU, or no memory at a time."""

TOLD_BY = {
    "oom_events": "workers that the kernel killed for lack of memory",
    "threads": "threads",
    "cfs_periods": "throttling",
    "cfs_throttled_periods": "throttling",
    "max_usage_bytes": "the lifetime peak of memory",
    "mapped_file_bytes": "mapped files, which the peak may lack",
    "rss_bytes": "mapped files, which the peak may lack",
    "major_faults": "page faults that read a disk",
}
"""What each field tells. Bytes read are left out: cAdvisor itself has none with version 1 of control groups."""

EXACT = 0.03
"""Relative error of the CPU up to which it is not worth a sentence: the bound that the benchmarks hold it to."""


def needed_metrics_missing(samples: ContainerSamples) -> str:
    """Return which metric a trial needs and lacks, such as "no container_cpu_usage_seconds_total"; empty for none."""
    lacking = [NAMES[field] for field in NEEDED if not getattr(samples, field)]
    return f"no {' and no '.join(lacking)}" if samples and lacking else ""


def not_known(samples: ContainerSamples, cpu_error: float | None) -> str | None:
    """Return what the samples of a load do not tell because of how they were scraped; None where they tell everything.

    Parameters
    ----------
    samples
        The samples of the container, with at least one.
    cpu_error
        Relative standard error to expect of the CPU time per request; None where there is none.
    """
    if samples.source not in {"Prometheus", "Kubelet"}:
        return None
    who = "the kubelet" if samples.source == "Kubelet" else samples.source
    sentences = []
    missing: dict[str, list[str]] = {}
    for field in (*NEEDED, *TOLD_BY):
        if not getattr(samples, field):
            missing.setdefault(TOLD_BY.get(field, ""), []).append(NAMES[field])
    if missing:
        parts = [f"{what} ({', '.join(names)})" if what else " and ".join(names) for what, names in missing.items()]
        sentences.append(f"Not known, as {who} does not have the metrics: {'; '.join(parts)}.")
    if samples.time_error:
        exact = cpu_error is not None and cpu_error <= EXACT
        cpu = "" if exact or cpu_error is None else f", which makes CPU uncertain by {100 * cpu_error:.0f} %"
        sentences.append(
            f"Times of samples may be {samples.time_error:.0f} s off{cpu}: they are those of the scrapes "
            "(honor_timestamps: false)."
        )
    return " ".join(sentences) or None
