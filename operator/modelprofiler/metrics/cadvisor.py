"""The names of cAdvisor's series, and how they become the samples of one container.

Prometheus and the kubelet have the same series; only the way of fetching them differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from modelprofiler.metrics.series import ContainerSamples, Series, SourceName, between, series
from modelprofiler.metrics.source import ContainerRef

FIELDS: Mapping[str, str] = {
    "container_cpu_usage_seconds_total": "cpu_seconds",
    "container_memory_working_set_bytes": "working_set_bytes",
    "container_memory_max_usage_bytes": "max_usage_bytes",
    "container_memory_rss": "rss_bytes",
    "container_memory_cache": "cache_bytes",
    "container_cpu_cfs_periods_total": "cfs_periods",
    "container_cpu_cfs_throttled_periods_total": "cfs_throttled_periods",
    "container_threads": "threads",
    "container_oom_events_total": "oom_events",
    "container_start_time_seconds": "start_time",
    "container_memory_mapped_file": "mapped_file_bytes",
    "container_memory_failures_total": "major_faults",
    "container_fs_reads_bytes_total": "read_bytes",
}
"""Field of `ContainerSamples` for each metric. An installer's relabelling may drop some of them, as that of
kube-prometheus-stack drops mapped_file; cAdvisor has no bytes read of a container with version 1 of control groups."""

MAJOR_FAULTS, FAULT_SCOPE = "pgmajfault", "container"
"""Labels of the one series of container_memory_failures_total that is used; the scope "hierarchy" has the same number
for a container without control groups of its own, and is dropped by some installers."""

NODE_CPU = "container_cpu_usage_seconds_total"
"""The series of the control group with the id ``/``: everything that runs on the node."""

_POD_UID = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class RawSeries:
    """One series as a source returns it, before it is known whose it is.

    Attributes
    ----------
    labels
        Its labels, `__name__` among them.
    points
        Pairs of (time in seconds since the epoch, value), in any order.
    """

    labels: Mapping[str, str]
    points: Iterable[tuple[float, float]]


def belongs(labels: Mapping[str, str], container: ContainerRef) -> bool:
    """Return whether a series with these labels is one of `container`, summed over all CPUs.

    The pod's uid is part of the cgroup's path in the label `id` (with underscores under the systemd driver); where an
    installation drops that label, or the path has no uid (static pods), the names decide.
    """
    if (labels.get("namespace"), labels.get("pod"), labels.get("container")) != (
        container.namespace,
        container.pod,
        container.container,
    ):
        return False
    if labels.get("cpu", "total") != "total":
        return False
    kind = labels.get("failure_type", MAJOR_FAULTS), labels.get("scope", FAULT_SCOPE)
    if kind != (MAJOR_FAULTS, FAULT_SCOPE):
        return False
    uid = _pod_uid(labels)
    return not (uid and container.pod_uid) or uid == container.pod_uid


def _pod_uid(labels: Mapping[str, str]) -> str:
    """Return the uid of the pod in whose control group a series was measured; empty where the labels do not say it."""
    uid = _POD_UID.search(labels.get("id", ""))
    return uid.group(1).replace("_", "-") if uid else ""


def _of_container(raw_series: Iterable[RawSeries], container: ContainerRef) -> list[RawSeries]:
    """Return the series of a container.

    Where some have the pod's uid, those without it are somebody else's: whoever may have a Prometheus scrape pods of
    their own can export series with the names of any container.
    """
    mine = [raw for raw in raw_series if belongs(raw.labels, container)]
    certain = [raw for raw in mine if container.pod_uid and _pod_uid(raw.labels) == container.pod_uid]
    return certain or mine


def is_node(labels: Mapping[str, str]) -> bool:
    """Return whether a series is the CPU time of the whole node, summed over all CPUs."""
    return (labels.get("__name__"), labels.get("id"), labels.get("cpu", "total")) == (NODE_CPU, "/", "total")


def assemble(
    raw_series: Iterable[RawSeries], container: ContainerRef, window: tuple[float, float], source: SourceName
) -> ContainerSamples:
    """Return the samples of `container` in `window` (start, end) from the series that a source returned.

    Where several scrapers have the same series, each with labels of its own, the longest one is taken, never a mixture.
    A restarted container has a new control group, and so a new `id`: its series follows the one before.
    """
    known = [raw for raw in raw_series if raw.labels.get("__name__") in FIELDS]
    node = [between(series(raw.points), *window) for raw in known if is_node(raw.labels)]
    candidates: dict[str, dict[tuple[str, str], list[Series]]] = {}
    for raw in _of_container(known, container):
        field = FIELDS[raw.labels["__name__"]]
        points = series(raw.points)
        if field != "start_time":  # a fact and not a sample: its time is that of the scrape
            points = between(points, *window)
        if points:
            identity = raw.labels.get("id") or raw.labels.get("name", "")
            part = identity, raw.labels.get("device", "")
            candidates.setdefault(field, {}).setdefault(part, []).append(points)

    values: dict[str, Series] = {}
    first_seen: dict[str, float] = {}
    for field, by_part in candidates.items():
        chosen = {part: max(several, key=lambda s: (len(s), s[-1].time)) for part, several in by_part.items()}
        values[field] = _summed(chosen.values())
        if field != "start_time":
            for (identity, _), points in chosen.items():
                first_seen[identity] = min(points[0].time, first_seen.get(identity, points[0].time))
    restarts = tuple(sorted(first_seen.values())[1:])
    # The longest of several scrapers, as above. Only a kubelet's answer is known to be about the container's node.
    node_cpu = max(node, key=len, default=()) if source == "Kubelet" else ()
    samples = ContainerSamples(restarts=restarts, source=source, node_cpu_seconds=node_cpu)
    return replace(samples, **cast("dict[str, Any]", values))


def _summed(parts: Iterable[Series]) -> Series:
    """Return series as one: values of the same time, which are those of several disks, add up."""
    values: dict[float, float] = {}
    for points in parts:
        for time, value in points:
            values[time] = values.get(time, 0.0) + value
    return series(values.items())
