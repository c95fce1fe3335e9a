"""The operator itself on a real cluster: one serves, another stands by, and both say so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.support import ONE_SIZE, SYSTEM_NAMESPACE, Object, Profile, Run, command, cost_profile, operator_pod

Apply = Callable[[Object, str], Profile]
SECOND = "modelprofiler-second"
POD = ("get", "pods", "--selector=app.kubernetes.io/name=modelprofiler", "-o", "name")


@pytest.fixture
def second(repository: Path, helm: Run, kubectl: Run) -> Iterator[str]:
    """Install a second release, with other settings, in a namespace of its own; return the name of its pod."""
    script = command(str(repository / "hack" / "cluster"))
    script("install", "--namespace", SECOND, "--set=crds.install=false", "--set=trials.load.cpu=400m", timeout=300)
    yield kubectl("--namespace", SECOND, *POD).stdout.strip().removeprefix("pod/")
    helm("uninstall", "modelprofiler", "--namespace", SECOND, "--wait", "--timeout=120s", timeout=150)
    kubectl("delete", "namespace", SECOND, "--wait=false")


def metrics(kubectl: Run, namespace: str, pod: str) -> dict[str, float]:
    """Return the operator's own metrics without labels, read through the API server."""
    text = kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:8081/proxy/metrics").stdout
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_a_second_release_stands_by_and_names_the_operator_that_serves(second: str, kubectl: Run) -> None:
    """Its pod is ready, so that Helm does not wait for ever."""
    first = operator_pod(kubectl)
    lease = json.loads(kubectl("get", "lease", "modelprofiler", "--namespace", "kube-system", "-o", "json").stdout)
    assert f"{SYSTEM_NAMESPACE}/{first}" == lease["spec"]["holderIdentity"]
    leads = [
        metrics(kubectl, *namespace)["modelprofiler_leader"]
        for namespace in ((SYSTEM_NAMESPACE, first), (SECOND, second))
    ]
    assert [1, 0] == leads
    log = kubectl("logs", second, "--namespace", SECOND).stdout
    assert f"{SECOND}/{second} stands by: {SYSTEM_NAMESPACE}/{first} holds the Lease and serves" in log


def test_what_a_run_does_is_counted(apply: Apply, namespace: str, kubectl: Run) -> None:
    """Its wait in the queue is observed once, and nothing waits or runs afterwards."""
    pod = operator_pod(kubectl)
    before = metrics(kubectl, SYSTEM_NAMESPACE, pod)
    apply(cost_profile("counted", resources=ONE_SIZE), namespace).succeeded()
    after = metrics(kubectl, SYSTEM_NAMESPACE, pod)
    assert 1 == after["modelprofiler_queue_wait_seconds_count"] - before["modelprofiler_queue_wait_seconds_count"]
    assert (0, 0) == (after["modelprofiler_queue_length"], after["modelprofiler_runs_active"])
