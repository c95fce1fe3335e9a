"""What is read of a pod in addition to the sources: the kubelet's /metrics/resource, and which pod had which load."""

from typing import Any

from benchmarks.cluster_truth.rules import Point
from benchmarks.cluster_truth.watch import Seen, Watch

from modelprofiler.metrics.source import ContainerRef

NAMES = 'container="server",namespace="team",pod="digits-1"'
OTHER = 'container="server",namespace="other",pod="digits-1"'
EXPOSITION = f"""\
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{{{NAMES}}} 12.5 1700000010500
container_cpu_usage_seconds_total{{{OTHER}}} 99 1700000010500
container_memory_working_set_bytes{{{NAMES}}} 7.5e+07 1700000010500
container_start_time_seconds{{{NAMES}}} 1.7e+09
pod_cpu_usage_seconds_total{{namespace="team",pod="digits-1"}} 13 1700000009000
"""


def nothing(*_: str, **__: Any) -> Any:
    """Stand for kubectl, which is not asked here."""
    raise AssertionError


def watched_pod(pod: str, created: float) -> Seen:
    """Return a pod before anything of it has been read."""
    return Seen(ContainerRef("team", pod, "server", pod, "node1"), created)


def test_a_container_is_read_off_an_exposition_with_the_kubelets_own_time() -> None:
    """Neither that of a pod of the same name in another namespace, nor that of the pod as a whole."""
    watch = Watch(nothing, "team", {})
    watch.pods = {"1": watched_pod("digits-1", 0), "2": watched_pod("digits-2", 0)}
    watch._keep(EXPOSITION)
    assert [Point(1700000010.5, 12.5, 7.5e7, 1.7e9)] == watch.pods["1"].resource
    assert [] == watch.pods["2"].resource


def test_a_load_was_that_of_the_youngest_pod_that_was_there() -> None:
    """One that lingers has had its load, and one that is younger has not been there."""
    watch = Watch(nothing, "team", {})
    watch.pods = {name: watched_pod(name, created) for name, created in {"a": 10.0, "b": 20.0, "c": 30.0}.items()}
    assert "b" == watch.pod_under(25.0).container.pod
