"""All servers of metrics at once: each scrapes the same node, by what the charts configure, for sixteen seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.monitoring import exporter, servers
from tests.integration.monitoring.exporter import SPEED, Node
from tests.integration.monitoring.servers import Job, chart, relabelings

OPERATORS = {"namespace": "kube-system", "service": "kps-kubelet", "endpoint": "https-metrics", "node": "node1"}
"""Labels that the Prometheus operator gives to the target of a ServiceMonitor for kubelets."""
DAEMON_SET = {"namespace": "monitoring", "service": "cadvisor", "pod": "cadvisor-x7k2p", "container": "cadvisor"}
"""The same for a ServiceMonitor of a DaemonSet."""
NODE_LABELS = {f"feature_node_kubernetes_io_cpu_cpuid_{n}": "true" for n in range(150)}
"""What node feature discovery makes of a processor, in the characters of Prometheus."""
MOST_OF_VICTORIAMETRICS = 20
"""Labels of the node for VictoriaMetrics, which drops series with more than 40 labels in all."""


@dataclass
class Monitoring:
    """The node, and the URL of each server that has its metrics.

    Attributes
    ----------
    node
        What they scraped.
    urls
        By name: ``prometheus``, ``debian's prometheus``, ``victoriametrics``, which scraped; ``deduplicated`` and
        ``twice``, to which both Prometheus wrote as a pair; ``proxy``, in front of ``deduplicated``.
    """

    node: Node
    urls: dict[str, str]


def job(node: Node, name: str, seconds: float, path: str = "/metrics/cadvisor", **more: Any) -> Job:
    """Return a job that scrapes the pod of its name; the seconds are those of the fast clock."""
    target = node.url.removeprefix("http://")
    labels = more.pop("labels", OPERATORS)
    return {
        "job_name": f"{name} {path}",
        "metrics_path": path,
        "params": {"pod": [name]},
        "scrape_interval": f"{1000 * seconds / SPEED:.0f}ms",
        "scrape_timeout": f"{1000 * seconds / SPEED:.0f}ms",
        "static_configs": [{"targets": [target], "labels": {"job": "kubelet", **labels}}],
        **more,
    }


def of_kubelet(*, staleness: bool = True) -> dict[str, Any]:
    """Return kube-prometheus-stack's settings of the kubelet's job; Prometheus tracks staleness from 2.48 on."""
    values = chart("kube-prometheus-stack")
    tracked = {"track_timestamps_staleness": values["trackTimestampsStaleness"]} if staleness else {}
    return {
        "honor_labels": values["honorLabels"],
        "honor_timestamps": values["honorTimestamps"],
        **tracked,
        "relabel_configs": relabelings(values["cAdvisorRelabelings"]),
        "metric_relabel_configs": relabelings(values["cAdvisorMetricRelabelings"]),
    }


def of_victoriametrics() -> dict[str, Any]:
    """Return victoria-metrics-k8s-stack's settings of the same job."""
    values = chart("victoria-metrics-k8s-stack")
    meta = {f"__meta_kubernetes_node_label_{name}": "true" for name in list(NODE_LABELS)[:MOST_OF_VICTORIAMETRICS]}
    return {
        "honor_labels": values["honorLabels"],
        "honor_timestamps": values["honorTimestamps"],
        "relabel_configs": relabelings(values["relabelConfigs"]),
        "metric_relabel_configs": relabelings(values["metricRelabelConfigs"]),
        "labels": {**meta, "instance": "node1"},
    }


def jobs_of_prometheus(node: Node, *, staleness: bool) -> list[Job]:
    """Return a job for each way in which clusters configure Prometheus for containers' metrics."""
    kubelet, grafana, daemon_set = of_kubelet(staleness=staleness), chart("k8s-monitoring"), chart("cadvisor")
    grafana.pop("scrape_interval")
    as_documented = relabelings(daemon_set["metricRelabelings"])
    right = [
        {"source_labels": ["container_label_io_kubernetes_container_name"], "target_label": "container"},
        *as_documented[1:],
    ]
    no_times = {**kubelet, "honor_timestamps": False, **({"track_timestamps_staleness": False} if staleness else {})}
    of_daemon_set: dict[str, Any] = {"path": "/metrics", "labels": DAEMON_SET}
    return [
        job(node, "stack", 10, **kubelet),
        job(node, "stack-30s", 30, **kubelet),
        job(node, "stack-60s", 60, **kubelet),
        job(node, "stack-node-labels", 30, **kubelet, labels={**OPERATORS, **NODE_LABELS}),
        job(node, "stack-own-labels", 30, **{**kubelet, "honor_labels": False}),
        job(node, "stack-scrape-times", 10, **no_times),
        job(node, "stack-and-resource", 10, **kubelet),
        job(node, "stack-and-resource", 10, "/metrics/resource", **kubelet),
        job(node, "grafana", 60, **grafana, labels={"instance": "node1"}),
        job(node, "alone", 30, **of_daemon_set),
        job(node, "alone-mixin", 30, **of_daemon_set, metric_relabel_configs=as_documented),
        job(node, "alone-right", 30, **of_daemon_set, metric_relabel_configs=right),
    ]


@pytest.fixture(scope="session")
def monitoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitoring]:
    """Return everything after the load has been over for long enough that each has scraped it."""
    folder = tmp_path_factory.mktemp("monitoring")
    with ExitStack() as stack:
        node = stack.enter_context(exporter.serving())
        urls: dict[str, str] = {}

        def start(name: str, running: Any) -> None:
            urls[name] = stack.enter_context(running)

        start("deduplicated", servers.victoriametrics(folder / "vm1", (), "-dedup.minScrapeInterval=1ms"))
        start("twice", servers.victoriametrics(folder / "vm2"))
        start(
            "victoriametrics",
            servers.victoriametrics(folder / "vm3", [job(node, "vm-stack", 30, **of_victoriametrics())]),
        )
        for number, name in enumerate(("prometheus", "debian's prometheus")):
            new = name == "prometheus"
            written = [f"{urls[to]}/api/v1/write" for to in ("deduplicated", "twice")]
            keep = {"action": "keep", "source_labels": ["__name__", "pod"], "regex": "container_.*;stack|up;.*"}
            replica = {"action": "labeldrop", "regex": "prometheus_replica"}
            write = [
                {"url": written[0], "write_relabel_configs": [keep, replica]},
                {"url": written[1], "write_relabel_configs": [keep]},
            ]
            jobs = jobs_of_prometheus(node, staleness=new)
            labels = {"prometheus": "monitoring/kps", "prometheus_replica": f"prometheus-kps-{number}"}
            config = {"global": {"external_labels": labels}, "remote_write": write}
            start(name, servers.prometheus(name, folder / f"prometheus{number}", jobs, **config))
        opentelemetry = [job(node, "otel", 10, "/opentelemetry", labels={})]
        start("opentelemetry", servers.prometheus("prometheus", folder / "otel", opentelemetry))
        start("proxy", servers.vmauth(folder / "vmauth", users(urls["deduplicated"])))
        node.begin()
        time.sleep(node.seconds + 2)
        yield Monitoring(node, urls)


def users(url: str) -> dict[str, Any]:
    """Return who is let in to a server, by a password, by a token, or to the part of one tenant."""
    tenant = {"src_paths": ["/prometheus/.*"], "src_headers": ["X-Scope-OrgID: team-a"], "url_prefix": url}
    return {
        "users": [
            {"username": "reader", "password": "let-me-in", "url_prefix": url},
            {"bearer_token": "a-token", "url_prefix": url},
        ],
        "unauthorized_user": {"url_map": [tenant]},
    }
