"""Servers on each node of the cluster, which have different versions of control groups: the same facts hold on both.

A number is compared with the control group of the server, read on its node ten times a second. The second node has a
kernel in user mode, whose clock of CPU time runs on while its host does something else: nothing else is comparable.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from benchmarks.cluster_truth.crowded import crowded, server_on
from benchmarks.cluster_truth.nodes import Group, Node, nodes, on
from benchmarks.cluster_truth.truth import Truth, truth
from tests.e2e.support import (
    ONE_SIZE,
    PATIENCE,
    POLL_SECONDS,
    Object,
    Profile,
    Run,
    cost_profile,
    cost_server,
    fresh_namespace,
    informative,
)

from modelprofiler.api.trial import Outcome, Trial
from modelprofiler.cluster import names
from modelprofiler.load.result import LoadResult
from modelprofiler.report.record import TrialRecord

CPU_WITHIN, MEMORY_WITHIN = 0.03, 0.02
PORT = 8080
KUBELET_CONFIG = "/var/lib/node/kubelet.yaml"
"""Of a further node of the local cluster (hack/localcluster/lib/node.sh)."""


@pytest.fixture(scope="module", params=["first", "user-mode"])
def node(request: pytest.FixtureRequest, kubectl: Run) -> Node:
    """Return the first node, and then the one whose kernel runs in user mode."""
    return chosen(request.param, kubectl)


def chosen(kind: str, kubectl: Run) -> Node:
    """Return a node of the local cluster; skip what needs one that is not there, which fails where CI relies on it."""
    if not os.environ.get("MODELPROFILER_LOCALCLUSTER"):
        pytest.skip("control groups can be read on the nodes of the local cluster only")
    matching = [node for node in nodes(kubectl) if node.user_mode == (kind == "user-mode")]
    if not matching:
        missing = "there is no node on version 2 of control groups: localcluster up --nodes 2"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing}, which is a failure because CI=true")
        pytest.skip(missing)
    return matching[0]


@dataclass(frozen=True)
class Measured:
    """A run, and what the control group of its server said."""

    trial: Trial
    load: LoadResult | None
    group: Group

    @property
    def truth(self) -> Truth:
        """What the control group says of the load."""
        load = self.load
        assert load is not None
        assert load.warmup_started is not None
        assert load.window_started is not None
        assert load.window_ended is not None
        assert load.ended is not None
        window = (load.window_started, load.window_ended)
        return truth(self.group.samples(), load.warmup_started, window, load.ended)


def measure(kubectl: Run, node: Node, document: Object, *, ahead: float = 0.0) -> Measured:
    """Make a run of one trial on a node whose clock is ahead, with its control group read meanwhile."""
    name = document["metadata"]["name"]
    with contextlib.ExitStack() as stack:
        namespace = stack.enter_context(fresh_namespace(kubectl))
        kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(document))
        group = Group(node.name, container_of(kubectl, namespace), PORT, ahead=ahead)
        stack.callback(group.close)
        profile = Profile(kubectl, namespace, name)
        status = profile.finished()
        informed = informative(status.trials)
        assert informed, profile.story()
        records = [TrialRecord.from_dict(data) for data in profile.report().values()]
        load = next(record.load for record in records if record.trial.index == informed[-1].index)
        kubectl("--namespace", namespace, "delete", "modelprofile", name)
        group.rows()
    return Measured(informed[-1], load, group)


def container_of(kubectl: Run, namespace: str) -> str:
    """Wait for the first server's container, and return its identifier."""
    deadline = time.monotonic() + PATIENCE
    selector = f"{names.COMPONENT}={names.SERVER}"
    while time.monotonic() < deadline:
        pods = json.loads(kubectl("--namespace", namespace, "get", "pods", "-l", selector, "-o", "json").stdout)
        for pod in pods["items"]:
            for status in pod["status"].get("containerStatuses") or []:
                if identifier := (status.get("containerID") or "").rpartition("//")[2]:
                    return str(identifier)
        time.sleep(POLL_SECONDS)
    raise AssertionError("no server has started")


@pytest.fixture(scope="module")
def kept_up(kubectl: Run, node: Node) -> Measured:
    """Return a run of a throttled server with threads, which keeps up all the same."""
    server = node.pinned(cost_server(cpu_ms=10, memory_mib=64, threads=6))
    document = cost_profile(
        f"truth-{node.name}",
        server,
        load={"openLoop": {"rate": "15"}, "duration": "30s"},
        resources={"cpu": {"values": ["300m"]}, "memory": {"values": ["192Mi"]}},
    )
    return measure(kubectl, node, document)


def test_the_run_is_verified_there(kept_up: Measured) -> None:
    """Whatever version of control groups the node has."""
    assert Outcome.PASSED is kept_up.trial.outcome, kept_up.trial.message


def test_cpu_and_throttling_are_those_of_its_control_group(kept_up: Measured, note: Callable[[str], None]) -> None:
    """CPU time of a request within 3 %, the share of throttled periods within five points."""
    usage, load, true = kept_up.trial.usage, kept_up.load, kept_up.truth
    assert usage is not None
    assert usage.cpu_time_per_request is not None
    assert load is not None
    assert load.warmup_started is not None
    assert load.ended is not None
    assert true.cpu_seconds is not None
    cost = true.cpu_seconds / load.completed_between(load.warmup_started, load.ended + 1)
    note(f"nodes: {usage.cpu_time_per_request} a request from {usage.source}, {cost * 1e3:.2f}ms by the control group")
    assert cost == pytest.approx(usage.cpu_time_per_request.seconds, rel=CPU_WITHIN)
    assert usage.throttled_percent is not None
    assert true.throttled_percent is not None
    assert true.throttled_percent == pytest.approx(float(usage.throttled_percent), abs=5)


def test_memory_and_threads_are_those_of_its_control_group(kept_up: Measured, note: Callable[[str], None]) -> None:
    """What is held for good and the lifetime peak within 2 %, threads exactly."""
    usage, true = kept_up.trial.usage, kept_up.truth
    assert usage is not None
    assert usage.memory is not None
    assert usage.memory.steady is not None
    assert usage.memory.lifetime_peak is not None
    note(f"nodes: steady {usage.memory.steady}, lifetime peak {usage.memory.lifetime_peak}, threads {usage.threads}")
    assert true.steady_bytes == pytest.approx(usage.memory.steady.bytes, rel=MEMORY_WITHIN)
    assert true.lifetime_bytes == pytest.approx(usage.memory.lifetime_peak.bytes, rel=MEMORY_WITHIN)
    assert true.threads == usage.threads


@pytest.fixture(params=["first", "user-mode", "user-mode-single"])
def killer(request: pytest.FixtureRequest, kubectl: Run) -> Iterator[Node]:
    """Return a node, and one of version 2 whose kubelet has single processes killed instead of the whole container."""
    kind, _, single = request.param.partition("-single")[0], "", request.param.endswith("-single")
    node = chosen(kind, kubectl)
    if single:
        on(node.name, "sh", "-c", f"echo 'singleProcessOOMKill: true' >>{KUBELET_CONFIG}")
        restart_kubelet(kubectl, node.name)
    yield node
    if single:
        on(node.name, "sed", "-i", "/^singleProcessOOMKill/d", KUBELET_CONFIG)
        restart_kubelet(kubectl, node.name)


def restart_kubelet(kubectl: Run, node: str) -> None:
    """Restart the kubelet of a further node, and wait until it has said that it is ready."""
    before = heartbeat(kubectl, node)
    on(node, "pkill", "-x", "kubelet")
    deadline = time.monotonic() + PATIENCE
    while heartbeat(kubectl, node) in (before, ""):
        assert time.monotonic() < deadline, f"the kubelet of {node} does not come back"
        time.sleep(POLL_SECONDS)
    kubectl("wait", "--for=condition=Ready", f"node/{node}", f"--timeout={PATIENCE:.0f}s", timeout=PATIENCE + 10)


def heartbeat(kubectl: Run, node: str) -> str:
    """Return when the kubelet last wrote its lease."""
    return kubectl(
        "get", "lease", "--namespace", "kube-node-lease", node, "-o", "jsonpath={.spec.renewTime}", check=False
    ).stdout


@pytest.mark.whole_run
def test_a_worker_that_is_killed_for_memory_is_noticed(kubectl: Run, killer: Node, note: Callable[[str], None]) -> None:
    """Whether the kernel kills it alone or the whole container; where the container lives on, the row has its load."""
    server = killer.pinned(cost_server(cpu_ms=2, workers=1, leak_kib=1024))
    document = cost_profile(
        f"killed-{killer.name}",
        server,
        load={"openLoop": {"rate": "20"}, "duration": "20s", "warmup": "0s"},
        resources=ONE_SIZE,
    )
    measured = measure(kubectl, killer, document)
    trial, last = measured.trial, measured.group.rows()[-1]
    note(f"nodes: {killer.name}, memory.oom.group {last['oom_group']}: {trial.outcome}, {trial.message}")
    assert Outcome.OOM_KILLED is trial.outcome, trial.message
    assert (last["oom_events"] or 0) >= 1
    if last["oom_group"]:  # the whole container was killed, which ends the load without a result
        assert "container server was killed" in trial.message
        return
    assert trial.load is not None, trial
    assert trial.load.requests > 0
    assert trial.usage is not None, trial
    assert trial.usage.memory is not None


CLOCK_SECONDS = 2.0
"""By how much a node's clock is set forward."""


@pytest.fixture
def ahead(kubectl: Run) -> Iterator[Node]:
    """Return the node on version 2 with a clock that is ahead of the first node's."""
    node = chosen("user-mode", kubectl)
    set_clock(node, CLOCK_SECONDS)
    yield node
    set_clock(node, 0)


def set_clock(node: Node, seconds: float) -> None:
    """Set a node's clock ahead of this one, less the tenths of a second that the command takes to get there."""
    on(node.name, "date", "-s", f"@{time.time() + seconds:.3f}")


def clock_ahead(node: Node) -> float:
    """Return by how much a node's clock is ahead of this one: of ten answers, that of the shortest round trip."""
    best = (math.inf, 0.0)
    for _ in range(10):
        sent = time.time()
        answer = float(on(node.name, "date", "+%s.%N"))
        best = min(best, (time.time() - sent, answer - (sent + time.time()) / 2))
    return best[1]


def test_a_clock_that_is_two_seconds_ahead_changes_no_number(
    kubectl: Run, ahead: Node, note: Callable[[str], None]
) -> None:
    """The offset is measured to a percent of the window, and CPU time is that of the control group all the same."""
    document = cost_profile(
        "ahead",
        ahead.pinned(cost_server(cpu_ms=10, memory_mib=64)),
        load={"openLoop": {"rate": "15"}, "duration": "30s"},
        resources={"cpu": {"values": ["400m"]}, "memory": {"values": ["192Mi"]}},
    )
    offset = clock_ahead(ahead)
    assert offset > CLOCK_SECONDS / 2
    measured = measure(kubectl, ahead, document, ahead=offset)
    trial, usage = measured.trial, measured.trial.usage
    assert trial.node is not None, trial
    assert trial.node.clock_offset is not None, trial.node
    assert usage is not None
    assert usage.cpu is not None
    cores = measured.truth.cores
    assert cores is not None
    note(
        f"nodes: clock {trial.node.clock_offset} s ahead, by date {offset:.3f} s; {usage.cpu} of CPU, "
        f"{cores:.4f} by the control group"
    )
    assert float(trial.node.clock_offset) == pytest.approx(offset, abs=0.3)
    assert cores == pytest.approx(float(usage.cpu), rel=CPU_WITHIN)


@pytest.mark.whole_run
@pytest.mark.parametrize("kind", ["first", "user-mode"])
def test_other_work_on_the_servers_node_is_noticed(kubectl: Run, kind: str, note: Callable[[str], None]) -> None:
    """The load runs on the other node: a trial that is slow for it counts for nothing, and says why."""
    node = chosen(kind, kubectl)
    with fresh_namespace(kubectl) as namespace, crowded(node):
        profile = server_on(node, kubectl, namespace, "crowded")
        status = profile.wait_until("a trial", lambda status: bool(status.trials))
    trial = status.trials[0]
    note(f"nodes: {node.name} crowded: {trial.outcome}, {trial.message}; {trial.node}; {trial.usage}")
    assert Outcome.DISTURBED is trial.outcome, trial.message
    assert f"{node.name} had too little CPU left" in trial.message


def test_a_range_that_the_named_node_cannot_hold_is_refused(kubectl: Run, note: Callable[[str], None]) -> None:
    """However large the other node is."""
    node = chosen("user-mode", kubectl)
    with fresh_namespace(kubectl) as namespace:
        document = cost_profile(
            "too-large",
            node.pinned(cost_server(cpu_ms=1)),
            resources={"cpu": {"values": ["1450m"]}, "memory": {"values": ["64Mi"]}},
        )
        kubectl("--namespace", namespace, "apply", "-f", "-", input=json.dumps(document))
        profile = Profile(kubectl, namespace, "too-large")
        profile.wait_for("Accepted", "False")
        accepted = profile.condition("Accepted")
        assert accepted is not None
        note(f"nodes: {accepted.reason}: {accepted.message}")
        assert "1450m" in accepted.message
        assert not profile.children()
