"""The server's pod, and that of the load, meet everything that pods meet."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.e2e import support
from tests.e2e.support import Object, Profile, Run, cost_server
from tests.faults import lives, processes
from tests.faults.lives import Life
from tests.faults.rows import Fault

from modelprofiler.api.trial import Outcome, Stage

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

SERVER, LOAD = "The server's pod", "The load's pod"
REPEATED = "the trial counts for nothing and is run again; the run ends with its result; nothing is left"


def _under_load(apply: Apply, namespace: str, name: str, **spec: Any) -> Life:
    profile = apply(lives.short(name, **spec), namespace)
    lives.wait_under_load(profile)
    return Life.of(profile)


@Fault(
    SERVER,
    "its main process is killed (SIGKILL)",
    "under load",
    "the outcome is Crashed, with the exit code; no size is recommended; the run ends; nothing is left",
)
def test_server_killed(apply: Apply, namespace: str, happened: Happened) -> None:
    """A crash is information about the server."""
    life = _under_load(apply, namespace, "server-killed")
    processes.kill(processes.of_pod(lives.server_pod(life.profile)["metadata"]["uid"], "costserver.py"))
    status = life.ended("ReferenceFailed")
    last = status.trials[-1]
    assert (Outcome.CRASHED, True) == (last.outcome, "exit code 137" in last.message), last.message
    happened(f"{last.outcome}: {last.message}")


@Fault(
    SERVER,
    "it hangs (SIGSTOP)",
    "under load, for good",
    "no size is recommended; the run ends by itself; nothing is left",
)
def test_server_hangs(apply: Apply, namespace: str, happened: Happened) -> None:
    """It takes connections and never answers; nothing kills it."""
    endpoint = {"http": {"port": 8080, "path": "/score", "timeout": "3s"}}
    life = _under_load(apply, namespace, "server-hangs", endpoint=endpoint)
    pid = processes.of_pod(lives.server_pod(life.profile)["metadata"]["uid"], "costserver.py")
    with processes.paused(pid):
        status = life.profile.finished()
    succeeded = support.find_condition(status, "Succeeded")
    assert succeeded is not None
    assert ("False", []) == (succeeded.status, status.recommendations), succeeded.message
    life.gone()
    last = status.trials[-1]
    happened(f"{succeeded.reason}: {last.outcome}, {last.message}")


@Fault(SERVER, "it is deleted by hand", "under load", REPEATED)
def test_server_deleted(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Its Deployment makes another pod, which is not what was measured."""
    life = _under_load(apply, namespace, "server-deleted")
    lives.delete_pod(kubectl, lives.server_pod(life.profile))
    how = life.verified(lost_trials=1)
    assert Outcome.DISTURBED is life.profile.status().trials[0].outcome
    happened(how)


@Fault(SERVER, "its Deployment is deleted by hand", "while it starts", "it is made again; the run ends with its result")
def test_deployment_deleted(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """The trial in progress has lost its server before anything was sent."""
    server = cost_server(cpu_ms=5, memory_mib=32, startup_ms=6_000)
    profile = apply(lives.short("deployment-deleted", server), namespace)
    profile.at_stage(Stage.STARTING, trial=1)
    deadline = time.monotonic() + 30
    while not (deployments := profile.children("deployments")):
        assert time.monotonic() < deadline, profile.story()
        time.sleep(support.POLL_SECONDS)
    life = Life.of(profile)
    kubectl("delete", deployments[0], "--namespace", namespace, "--wait=false")
    happened(life.verified(lost_trials=1))


@Fault(
    SERVER,
    "its node is cordoned and it is evicted",
    "under load; uncordoned 10 s later",
    REPEATED,
)
def test_node_drained(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """As `kubectl drain` does it, for this pod alone: the operator's own has nowhere else to go."""
    life = _under_load(apply, namespace, "drained")
    pod = lives.server_pod(life.profile)
    node, name = pod["spec"]["nodeName"], pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    kubectl("cordon", node)
    try:
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
        kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
        time.sleep(10)
    finally:
        kubectl("uncordon", node)
    happened(life.verified(lost_trials=2))


@Fault(LOAD, "the load generator is killed (SIGKILL)", "under load", REPEATED)
def test_load_killed(apply: Apply, namespace: str, happened: Happened) -> None:
    """As when its memory runs out: it leaves no result."""
    life = _under_load(apply, namespace, "load-killed")
    processes.kill(processes.of_pod(lives.load_pod(life.profile)["metadata"]["uid"], "termination-log"))
    how = life.verified(lost_trials=1)
    first = life.profile.status().trials[0]
    assert (Outcome.LOAD_FAILED, True) == (first.outcome, "exit code 137" in first.message), first.message
    happened(f"{how}; message of the first: {first.message}")


@Fault(LOAD, "its pod is deleted by hand", "under load", REPEATED)
def test_load_pod_deleted(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Its Job may make no other: that would send the load twice."""
    life = _under_load(apply, namespace, "load-deleted")
    lives.delete_pod(kubectl, lives.load_pod(life.profile))
    happened(life.verified(lost_trials=1))


@Fault(LOAD, "its Job is deleted by hand", "under load", REPEATED)
def test_job_deleted(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Whether the load was sent is not known: it is not sent again under the same number."""
    life = _under_load(apply, namespace, "job-deleted")
    (job,) = life.profile.children("jobs")
    kubectl("delete", job, "--namespace", namespace, "--cascade=foreground", "--timeout=50s")
    status = life.profile.succeeded()
    life.gone()
    happened(f"Verified; trials: {', '.join(f'{t.index} {t.outcome}' for t in status.trials)}")
