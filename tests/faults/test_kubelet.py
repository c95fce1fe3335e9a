"""A kubelet that refuses, is slow, or cannot be reached."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from tests.e2e.support import Object, Profile, Run
from tests.faults import lives, processes
from tests.faults.lives import TRUTH_SECONDS
from tests.faults.operators import Operators
from tests.faults.rows import Fault
from tests.faults.test_cluster import METRICS
from tests.faults.test_metrics import RIGHT, begin, measured

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

ACCOUNT_BINDING = "modelprofiler-modelprofiler-system-kubelet"
KUBELET_PORT = 10250


@Fault(
    METRICS,
    "the kubelet refuses access (403)",
    "the whole run; metrics.source Auto with a Prometheus",
    f"Prometheus is read; {RIGHT}",
)
def test_kubelet_refuses_auto(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Whoever installed the chart may have taken the right away."""
    with _without_access(kubectl):
        life = begin(apply, namespace, "refused-auto", "Auto", load={"duration": "30s"})
        how = life.verified(lost_trials=1)
        what = measured(life.profile)
    assert "Prometheus" in what
    happened(f"{what}; {how}")


@Fault(
    METRICS,
    "the kubelet refuses access (403)",
    "until the status says so; metrics.source Kubelet",
    f"the status names the permission that is missing; given back, the run ends with its result; {RIGHT}",
)
def test_kubelet_refuses(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Nothing else has the samples."""
    with _without_access(kubectl):
        life = begin(apply, namespace, "refused", "Kubelet")
        life.profile.wait_until("the permission", lambda status: "get nodes/metrics" in str(status.to_dict()))
        seconds = time.monotonic() - life.began
    how = life.verified(lost_trials=2)
    happened(f"in the status after {seconds:.0f} s; {measured(life.profile)}; {how}")


@contextlib.contextmanager
def _without_access(kubectl: Run) -> Iterator[None]:
    """Take from the account for kubelets what it may do."""
    binding = json.loads(kubectl("get", "clusterrolebinding", ACCOUNT_BINDING, "-o", "json").stdout)
    binding["metadata"] = {key: binding["metadata"][key] for key in ("name", "labels", "annotations")}
    kubectl("delete", "clusterrolebinding", ACCOUNT_BINDING)
    try:
        yield
    finally:
        kubectl("create", "-f", "-", input=json.dumps(binding))


@Fault(
    METRICS,
    "the kubelet is slow: stopped (SIGSTOP) for 3 of every 4 s",
    "the whole load; metrics.source Kubelet",
    RIGHT,
)
def test_kubelet_is_slow(apply: Apply, namespace: str, happened: Happened) -> None:
    """Its node stays ready, and its samples come late."""
    life = begin(apply, namespace, "kubelet-slow", "Kubelet", load={"duration": "30s"})
    lives.wait_under_load(life.profile)
    with _stuttering(processes.part("kubelet")):
        how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


@contextlib.contextmanager
def _stuttering(pid: int) -> Iterator[None]:
    over = threading.Event()

    def stutter() -> None:
        while not over.is_set():
            with processes.paused(pid):
                over.wait(3)
            over.wait(1)

    thread = threading.Thread(target=stutter, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@Fault(
    METRICS,
    "the kubelet cannot be reached: its port drops packets",
    "the whole run; metrics.source Kubelet",
    f"the status says so within {TRUTH_SECONDS:.0f} s after the load; no size is recommended; the run ends by itself",
)
def test_kubelet_is_unreachable(apply: Apply, in_place: Operators, namespace: str, happened: Happened) -> None:
    """The server and its load run all the same."""
    in_place.make("impatient", samples_timeout_seconds="20")
    life = begin(apply, namespace, "kubelet-away", "Kubelet")
    with _port_dropped(KUBELET_PORT):
        life.profile.wait_until("the first load", lambda s: s.active_trial is not None and bool(s.active_trial.message))
        status = life.ended("Unreliable")
    last = status.trials[-1]
    happened(f"Unreliable after {len(status.trials)} trials: {last.outcome}, {last.message}")


@contextlib.contextmanager
def _port_dropped(port: int) -> Iterator[None]:
    """Drop what is sent to a port in the network of the cluster."""
    rules = f"table inet faults {{ chain input {{ type filter hook input priority -300; tcp dport {port} drop; }} }}\n"
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "faults"], check=True, timeout=10)
