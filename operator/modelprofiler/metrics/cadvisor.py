"""The names of cAdvisor's series, and how they become the samples of one container.

Prometheus and the kubelet have the same series; only the way of fetching them differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from modelprofiler.metrics.series import ContainerSamples, Series, SourceName, between, series
from modelprofiler.metrics.source import ContainerRef
from modelprofiler.metrics.stamps import are_of_scrapes, error_of, restamped

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

TOTAL = "total"
"""What the label `cpu` is where a series is the sum over all CPUs, which it also is without that label."""

_OF_THE_METRIC = frozenset({"__name__", "id", "name", "device", "cpu", "failure_type", "scope"})
"""Labels in which the series of one scraper differ. All others say where they come from, or are the container's."""

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
    """Return whether a series with these labels is one of `container`, summed over all CPUs."""
    return labels.get("cpu", TOTAL) == TOTAL and _is_of(labels, container)


def _is_of(labels: Mapping[str, str], container: ContainerRef) -> bool:
    """Return whether a series with these labels is one of `container`, of all its CPUs or of one.

    The pod's uid is part of the cgroup's path in the label `id` (with underscores under the systemd driver); where an
    installation drops that label, or the path has no uid (static pods), the names decide.
    """
    if (labels.get("namespace"), labels.get("pod"), labels.get("container")) != (
        container.namespace,
        container.pod,
        container.container,
    ):
        return False
    kind = labels.get("failure_type", MAJOR_FAULTS), labels.get("scope", FAULT_SCOPE)
    if kind != (MAJOR_FAULTS, FAULT_SCOPE):
        return False
    uid = _pod_uid(labels.get("id", ""))
    return not (uid and container.pod_uid) or uid == container.pod_uid


def _pod_uid(group: str) -> str:
    """Return the uid of the pod that a control group is of; empty where its path does not say it."""
    uid = _POD_UID.search(group)
    return uid.group(1).replace("_", "-") if uid else ""


def is_node(labels: Mapping[str, str]) -> bool:
    """Return whether a series is the CPU time of the whole node, summed over all CPUs."""
    return (labels.get("__name__"), labels.get("id"), labels.get("cpu", "total")) == (NODE_CPU, "/", "total")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One series of the container, as one scraper has it.

    Attributes
    ----------
    field
        The field of `ContainerSamples` that it belongs to.
    identity
        The control group, which is a new one after a restart; empty where the installation drops both labels of it.
    part
        The disk or the CPU that it is about; empty for all of them.
    scraper
        The labels that tell one scraper's series from another's.
    points
        Its samples.
    """

    field: str
    identity: str
    part: tuple[str, str]
    scraper: frozenset[tuple[str, str]]
    points: Series


def assemble(
    raw_series: Iterable[RawSeries], container: ContainerRef, window: tuple[float, float], source: SourceName
) -> ContainerSamples:
    """Return the samples of `container` in `window` (start, end) from the series that a source returned.

    Where several scrapers have the same series, each with labels of its own, the longest one is taken, never a mixture;
    one with cAdvisor's own times is better than any with those of the scrapes (`stamps`). A restarted container has a
    new control group, and so a new `id`: its series follows the one before.
    """
    node: list[Series] = []
    of_container: list[_Candidate] = []
    for raw in raw_series:
        if is_node(raw.labels):
            node.append(between(series(raw.points), *window))
        elif (field := FIELDS.get(raw.labels.get("__name__", ""))) and _is_of(raw.labels, container):
            of_container.append(_candidate(field, raw))
    usable, error = _with_best_times(_of_all_cpus(_of_known_groups(of_container, container)), source)
    candidates: dict[str, dict[tuple[str, tuple[str, str]], list[Series]]] = {}
    for one in usable:
        # When it was created is a fact and not a sample: its time is that of the scrape.
        points = one.points if one.field == "start_time" else between(one.points, *window)
        if points:
            candidates.setdefault(one.field, {}).setdefault((one.identity, one.part), []).append(points)

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
    samples = ContainerSamples(restarts=restarts, source=source, node_cpu_seconds=node_cpu, time_error=error)
    return replace(samples, **cast("dict[str, Any]", values))


def _candidate(field: str, raw: RawSeries) -> _Candidate:
    labels = raw.labels
    scraper = frozenset((name, value) for name, value in labels.items() if name not in _OF_THE_METRIC)
    identity = labels.get("id") or labels.get("name", "")
    part = labels.get("device", ""), labels.get("cpu", TOTAL)
    return _Candidate(field, identity, part, scraper, series(raw.points))


def _of_known_groups(of_container: Sequence[_Candidate], container: ContainerRef) -> Sequence[_Candidate]:
    """Return the series whose control group is the pod's; those that name any where none is, and all where none does.

    A kubelet's /metrics/resource has some of the same metrics of the same container, without a control group: next to
    the others they would look like another container, and so like a restart. And whoever may have a Prometheus scrape
    pods of their own can export series with the names of any container.
    """
    certain = [one for one in of_container if container.pod_uid and _pod_uid(one.identity) == container.pod_uid]
    return certain or [one for one in of_container if one.identity] or of_container


def _of_all_cpus(of_container: Sequence[_Candidate]) -> Sequence[_Candidate]:
    """Return the series without those of single CPUs, where there is the sum of the same control group, too.

    A cAdvisor that runs on its own has the time of each CPU and no sum with version 1 of control groups; `_summed` adds
    them. A kubelet's, which may be scraped as well, has the sum.
    """
    with_sum = {one.identity for one in of_container if one.field == "cpu_seconds" and one.part[1] == TOTAL}
    return [one for one in of_container if one.part[1] == TOTAL or one.identity not in with_sum]


def _with_best_times(of_container: Sequence[_Candidate], source: SourceName) -> tuple[Sequence[_Candidate], float]:
    """Return the series with cAdvisor's own times, and 0; where there are none, all others, and how late those are.

    Only a source that stores samples can have replaced their times.
    """
    if source != "Prometheus":
        return of_container, 0.0
    scrapes: dict[frozenset[tuple[str, str]], set[float]] = {}
    for one in of_container:
        if one.field == "start_time":  # cAdvisor gives it no time, so it has that of the scrape
            scrapes.setdefault(one.scraper, set()).update(sample.time for sample in one.points)
    counters = [one for one in of_container if one.field == "cpu_seconds" and one.points]
    late = {one.scraper for one in counters if are_of_scrapes(one.points, scrapes.get(one.scraper, set()))}
    if not late:
        return of_container, 0.0
    if exact := {one.scraper for one in counters} - late:
        return [one for one in of_container if one.scraper in exact], 0.0
    error = max(error_of(one.points) for one in counters)
    return [
        one if one.field == "start_time" else replace(one, points=restamped(one.points, error, one.field))
        for one in of_container
    ], error


def _summed(parts: Iterable[Series]) -> Series:
    """Return series as one: values of the same time, which are those of several disks or CPUs, add up."""
    values: dict[float, float] = {}
    for points in parts:
        for time, value in points:
            values[time] = values.get(time, 0.0) + value
    return series(values.items())
