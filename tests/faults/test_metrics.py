"""The source of usage answers, but badly: a proxy between the operator and Prometheus, and a kubelet that is not well.

Each server burns a known CPU time for a request, so that a number that is wrong is seen to be wrong.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run, cost_server
from tests.faults import lives, operators, processes
from tests.faults.lives import TRUTH_SECONDS, Life
from tests.faults.operators import OperatorProcess
from tests.faults.proxy import Decide, Proxy, Rewrite, Trickle
from tests.faults.rows import Fault
from tests.faults.test_cluster import METRICS

from modelprofiler.api.trial import Trial
from modelprofiler.metrics.cadvisor import NODE_CPU

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]
Samples = list[tuple[float, str]]
Series = dict[str, Any]

CPU_MS, MEMORY_MIB = 10.0, 48
PROMETHEUS = "http://198.18.0.1:9090"
ACCOUNT_BINDING = "modelprofiler-modelprofiler-system-kubelet"
LONG = {"duration": "50s"}
"""A load in which there are samples before a gap, and after it."""
RIGHT = "CPU time and memory are those of the server, or absent; the run ends with its result; nothing is left"


@dataclass
class Setup:
    """An operator whose Prometheus is behind a proxy."""

    proxy: Proxy
    operator: OperatorProcess
    first: float = field(default_factory=time.time)
    """When the present case began."""

    def make(self, decide: Decide) -> None:
        """Begin a case."""
        self.first = time.time()
        self.proxy.asked.clear()
        self.proxy.decide = decide


@pytest.fixture(scope="module")
def behind_a_proxy(kubectl: Run, installation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    """Run one operator for all of these rows."""
    folder = tmp_path_factory.mktemp("metrics")
    with operators.instead_of_the_clusters(kubectl, folder) as made, Proxy(PROMETHEUS).running() as proxy:
        yield Setup(proxy, made.make("metrics", prometheus_url=proxy.url, samples_timeout_seconds="40"))


def _each(change: Callable[[Series], list[Series]], **more: Any) -> Rewrite:
    """Return what makes other series of each that Prometheus has."""

    def rewrite(answer: Any) -> Any:
        result = [made for series in answer["data"]["result"] for made in change(series)]
        return {**answer, **more, "data": {**answer["data"], "result": result}}

    return Rewrite(rewrite)


def _with_values(series: Series, keep: Callable[[Samples], Samples], **labels: str) -> Series:
    return {**series, "metric": {**series["metric"], **labels}, "values": keep(series["values"])}


def _named(series: Series) -> str:
    return str(series["metric"]["__name__"])


def _measured(profile: Profile) -> str:
    """Check that what was measured is what the server costs; return it as a sentence."""
    trial = support.informative(profile.status().trials)[-1]
    usage = trial.usage
    assert usage is not None
    cost, memory = usage.cpu_time_per_request, usage.memory
    assert cost is None or pytest.approx(CPU_MS / 1e3, rel=0.15) == cost.seconds
    assert memory is None or MEMORY_MIB * 2**20 <= memory.peak.bytes <= (MEMORY_MIB + 32) * 2**20
    return f"{cost or 'no CPU time'} a request of {CPU_MS:g} ms, read from {_source(trial)}"


def _source(trial: Trial) -> str:
    assert trial.usage is not None
    return str(trial.usage.source)


def _life(apply: Apply, namespace: str, name: str, source: str, **spec: Any) -> Life:
    server = cost_server(cpu_ms=CPU_MS, memory_mib=MEMORY_MIB)
    return Life.of(apply(lives.short(name, server, metrics={"source": source}, **spec), namespace))


@Fault(METRICS, "Prometheus has no series of the container", "the whole run; metrics.source Auto", RIGHT)
def test_prometheus_is_empty(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As when nobody scrapes the kubelets."""
    behind_a_proxy.make(lambda _: _each(lambda series: []))
    life = _life(apply, namespace, "empty", "Auto")
    how = life.verified(lost_trials=1)
    measured = _measured(life.profile)
    assert "Kubelet" in measured
    happened(f"{measured}; {how}")


@Fault(METRICS, "Prometheus is 30 s behind", "the whole run; metrics.source Prometheus", RIGHT)
def test_prometheus_is_behind(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As with remote write, or a query cache."""
    behind_a_proxy.make(
        lambda _: _each(lambda one: [_with_values(one, lambda kept: [v for v in kept if v[0] < time.time() - 30])])
    )
    life = _life(apply, namespace, "behind", "Prometheus")
    how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


@Fault(METRICS, "Prometheus has no samples of 30 s", "under load; metrics.source Prometheus", RIGHT)
def test_prometheus_has_a_gap(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As when it was started again."""

    def is_missing(at: float) -> bool:
        return 15 < at - behind_a_proxy.first < 45

    behind_a_proxy.make(
        lambda _: _each(lambda one: [_with_values(one, lambda kept: [v for v in kept if not is_missing(v[0])])])
    )
    life = _life(apply, namespace, "gap", "Prometheus", load=LONG)
    how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


@Fault(METRICS, "the counters in Prometheus begin at zero again", "under load; metrics.source Prometheus", RIGHT)
def test_counters_are_reset(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """The container was not restarted."""

    def reset(samples: Samples) -> Samples:
        later = behind_a_proxy.first + 30
        base = max((float(value) for at, value in samples if at <= later), default=0.0)
        return [(at, value if at <= later else str(float(value) - base)) for at, value in samples]

    behind_a_proxy.make(
        lambda _: _each(lambda one: [_with_values(one, reset) if _named(one).endswith("_total") else one])
    )
    life = _life(apply, namespace, "reset", "Prometheus", load=LONG)
    how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


@Fault(METRICS, "Prometheus has every series twice, the second one later and shorter", "the whole run", RIGHT)
def test_series_are_doubled(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As behind a querier that does not remove replicas."""

    def replicas(series: Series) -> list[Series]:
        later = _with_values(series, lambda kept: [(at + 1.5, value) for at, value in kept[1:]], replica="b")
        return [later, _with_values(series, list, replica="a")]

    behind_a_proxy.make(lambda _: _each(replicas))
    life = _life(apply, namespace, "doubled", "Prometheus")
    how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


@Fault(
    METRICS,
    "another tenant exports series with the container's names, more samples and a thousand times the values",
    "the whole run; metrics.source Prometheus",
    RIGHT,
)
def test_series_are_forged(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As where ServiceMonitors may set honorLabels."""

    def forged(series: Series) -> list[Series]:
        def larger(samples: Samples) -> Samples:
            return [(at + shift, str(1000 * float(value))) for at, value in samples for shift in (0, 5, 10)]

        fake = _with_values(series, larger, id="", instance="tenant")
        return [fake, series]

    behind_a_proxy.make(lambda _: _each(forged))
    life = _life(apply, namespace, "forged", "Prometheus")
    how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


@Fault(
    METRICS, "Prometheus answers with a part of the series, and a warning", "the whole run; metrics.source Auto", RIGHT
)
def test_answers_are_partial(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As a querier does while one of its stores is away: here without CPU time."""
    warnings = ["fetch series: store of shard 2 is unavailable"]
    behind_a_proxy.make(lambda _: _each(lambda one: [] if _named(one) == NODE_CPU else [one], warnings=warnings))
    life = _life(apply, namespace, "partial", "Auto")
    how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


@Fault(
    METRICS,
    "Prometheus sends its answers a byte a second",
    "the whole run; metrics.source Auto",
    f"the kubelet is read; no question leaves a thread or a connection behind; {RIGHT}",
)
def test_answers_trickle(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """Each byte would begin a timeout anew that is between two of them."""
    behind_a_proxy.make(lambda _: Trickle())
    before = _held(behind_a_proxy.operator)
    life = _life(apply, namespace, "trickle", "Auto")
    how = life.verified(lost_trials=1)
    threads, files = _held(behind_a_proxy.operator)
    assert behind_a_proxy.proxy.asked["trickle"] >= 2
    assert (threads - before[0] <= 2, files - before[1] <= 8) == (True, True), (before, threads, files)
    measured = _measured(life.profile)
    assert "Kubelet" in measured
    asked = behind_a_proxy.proxy.asked["trickle"]
    happened(f"{asked} questions, {threads} threads before and after; {measured}; {how}")


def _held(operator: OperatorProcess) -> tuple[int, int]:
    """Return how many threads and open files an operator has."""
    process = Path("/proc") / str(operator.pid)
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))


@Fault(
    METRICS,
    "the kubelet refuses access (403)",
    "the whole run; metrics.source Auto with a Prometheus",
    f"Prometheus is read; {RIGHT}",
)
def test_kubelet_refuses_auto(
    apply: Apply, behind_a_proxy: Setup, namespace: str, kubectl: Run, happened: Happened
) -> None:
    """Whoever installed the chart may have taken the right away."""
    behind_a_proxy.make(lambda _: None)
    with _without_access(kubectl):
        life = _life(apply, namespace, "refused-auto", "Auto", load={"duration": "30s"})
        how = life.verified(lost_trials=1)
        measured = _measured(life.profile)
    assert "Prometheus" in measured
    happened(f"{measured}; {how}")


@Fault(
    METRICS,
    "the kubelet refuses access (403)",
    "until the status says so; metrics.source Kubelet",
    f"the status names the permission that is missing; given back, the run ends with its result; {RIGHT}",
)
def test_kubelet_refuses(apply: Apply, behind_a_proxy: Setup, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Nothing else has the samples."""
    with _without_access(kubectl):
        life = _life(apply, namespace, "refused", "Kubelet")
        life.profile.wait_until("the permission", lambda status: "get nodes/metrics" in str(status.to_dict()))
        told = time.monotonic() - life.began
    how = life.verified(lost_trials=2)
    happened(f"in the status after {told:.0f} s; {_measured(life.profile)}; {how}")


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
def test_kubelet_is_slow(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """Its node stays ready, and its samples come late."""
    life = _life(apply, namespace, "kubelet-slow", "Kubelet", load={"duration": "30s"})
    lives.wait_under_load(life.profile)
    with _stuttering(processes.part("kubelet")):
        how = life.verified(lost_trials=1)
    happened(f"{_measured(life.profile)}; {how}")


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
def test_kubelet_is_unreachable(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """The server and its load run all the same."""
    life = _life(apply, namespace, "kubelet-away", "Kubelet")
    with _port_dropped(10250):
        life.profile.wait_until("the first load", lambda s: s.active_trial is not None and bool(s.active_trial.message))
        status = life.ended("Unreliable")
    last = status.trials[-1]
    happened(f"Unreliable after {len(status.trials)} trials: {last.outcome}, {last.message}")


@contextlib.contextmanager
def _port_dropped(port: int) -> Iterator[None]:
    """Drop what is sent to a port in the network of the cluster."""
    rules = f"table inet faults {{ chain input {{ type filter hook input priority -300; tcp dport {port} drop; }} }}"
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "faults"], check=True, timeout=10)
