"""Why Prometheus has no samples of a container although it runs: a metric that is not there, or labels renamed.

One query asks for the series of the pod by any of the labels that installations put its name into, and by the pod's uid
in the path of the control group. What comes back shows where the names are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelprofiler.metrics.bounded import quoted
from modelprofiler.metrics.cadvisor import NODE_CPU as CPU
from modelprofiler.metrics.source import ContainerRef

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "namespace": (
        "exported_namespace",
        "container_label_io_kubernetes_pod_namespace",
        "io_kubernetes_pod_namespace",
        "k8s_namespace_name",
        "kubernetes_namespace",
        "kubernetes_namespace_name",
    ),
    "pod": (
        "exported_pod",
        "container_label_io_kubernetes_pod_name",
        "io_kubernetes_pod_name",
        "k8s_pod_name",
        "kubernetes_pod_name",
        "pod_name",
    ),
    "container": (
        "exported_container",
        "container_label_io_kubernetes_container_name",
        "io_kubernetes_container_name",
        "k8s_container_name",
        "kubernetes_container_name",
        "container_name",
    ),
}
"""Labels in which installations have the names instead: a job without ``honorLabels`` for kubelets, cAdvisor as a
DaemonSet, the resource attributes of OpenTelemetry, and jobs from before Kubernetes 1.16."""

OPENTELEMETRY = "container_cpu_time_seconds_total|container_cpu_time|k8s_pod_cpu_time_seconds_total|k8s_pod_cpu_time"
"""Metrics of OpenTelemetry's kubeletstats receiver that its exporters make of ``container.cpu.time``."""

MARK = "modelprofiler_any"
"""Label of the row that says that there is the metric at all."""

MOST = 4
"""Series of the pod that are asked for by each label: that of the container among those of its neighbours."""


def question(container: ContainerRef) -> str:
    """Return the query whose rows `answer` understands."""
    pod = _quoted(container.pod)
    by_label = [f"{CPU}{{{label}={pod}}}" for label in ("pod", *ELSEWHERE["pod"])]
    if uid := container.pod_uid:
        path = _quoted(f".*pod({uid}|{uid.replace('-', '_')}).*")
        by_label.append(f"{CPU}{{id=~{path}}}")
    parts = [
        f'label_replace(count({CPU}), "{MARK}", "cadvisor", "", "")',
        f'label_replace(count({{__name__=~"{OPENTELEMETRY}"}}), "{MARK}", "opentelemetry", "", "")',
        *(f"topk({MOST}, {selector})" for selector in by_label),
    ]
    return " or ".join(parts)


def answer(container: ContainerRef, rows: Sequence[Mapping[str, str]], who: str) -> str:
    """Return what the labels of the rows say is wrong, as a clause; empty where that is not known.

    Parameters
    ----------
    container
        What was asked about.
    rows
        The labels of each row of the answer to `question`.
    who
        Prometheus, as the subject of a sentence.
    """
    marks = {row[MARK] for row in rows if MARK in row}
    of_pod = [row for row in rows if MARK not in row]
    if not of_pod:
        return "" if "cadvisor" in marks else _no_metric(who, "opentelemetry" in marks)
    names = {"namespace": container.namespace, "pod": container.pod, "container": container.container}
    best = max((_places(row, names) for row in of_pod), key=_matches)
    wrong = [_in_words(label, place) for label, place in best.items() if place != label]
    if not wrong:
        return ""
    return (
        f"{who} has {CPU} of pod {container.namespace}/{container.pod}, but {'; '.join(wrong)}. "
        "The labels have to be those of the kubelet's /metrics/cadvisor: namespace, pod and container"
    )


def _places(row: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the label in which each name is; empty where it is in none."""
    places = {}
    for label, name in names.items():
        known = (label, *ELSEWHERE[label])
        others = sorted(other for other in row if other.rpartition("_")[2] in {label, "name"})
        places[label] = next((place for place in (*known, *others) if row.get(place) == name), "")
    return places


def _matches(places: Mapping[str, str]) -> tuple[int, int]:
    return sum(place == label for label, place in places.items()), sum(map(bool, places.values()))


def _in_words(label: str, place: str) -> str:
    if not place:
        return f"no label has the name of the {label}"
    return f"the name of the {label} is in the label {quoted(place)} and not in {label}"


def _no_metric(who: str, opentelemetry: bool) -> str:
    why = "names of OpenTelemetry's kubeletstats receiver, which are not read, and " if opentelemetry else ""
    return f"{who} has {why}no {CPU}: it has to scrape the kubelets' /metrics/cadvisor"


def _quoted(text: str) -> str:
    """Return a text as a string of PromQL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
