"""Prometheus answers, but badly: by a proxy between it and the operator.

Each server burns a known CPU time for a request, so that a number that is wrong is seen to be wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run, cost_server
from tests.faults import lives, operators
from tests.faults.lives import Life
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
        yield Setup(proxy, made.make("metrics", prometheus_url=proxy.url))


def _each(change: Callable[[Series], list[Series]], **more: Any) -> Rewrite:
    """Return what makes other series of each that Prometheus has."""

    def rewrite(answer: Any) -> Any:
        result = [made for series in answer["data"]["result"] for made in change(series)]
        return {**answer, **more, "data": {**answer["data"], "result": result}}

    return Rewrite(rewrite)


def _with_values(series: Series, keep: Callable[[Samples], Samples], **labels: str) -> Series:
    # Where a container has no series, the operator also asks which labels there are: an answer with one value a series.
    values = {"values": keep(series["values"])} if "values" in series else {}
    return {**series, "metric": {**series["metric"], **labels}, **values}


def _named(series: Series) -> str:
    return str(series["metric"]["__name__"])


def measured(profile: Profile) -> str:
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


def begin(apply: Apply, namespace: str, name: str, source: str, **spec: Any) -> Life:
    """Apply a profile of the server of known cost, whose usage is read from a source."""
    server = cost_server(cpu_ms=CPU_MS, memory_mib=MEMORY_MIB)
    return Life.of(apply(lives.short(name, server, metrics={"source": source}, **spec), namespace))


@Fault(METRICS, "Prometheus has no series of the container", "the whole run; metrics.source Auto", RIGHT)
def test_prometheus_is_empty(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As when nobody scrapes the kubelets."""
    behind_a_proxy.make(lambda _: _each(lambda series: []))
    life = begin(apply, namespace, "empty", "Auto")
    how = life.verified(lost_trials=1)
    what = measured(life.profile)
    assert "Kubelet" in what
    happened(f"{what}; {how}")


@Fault(METRICS, "Prometheus is 30 s behind", "the whole run; metrics.source Prometheus", RIGHT)
def test_prometheus_is_behind(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As with remote write, or a query cache."""
    behind_a_proxy.make(
        lambda _: _each(lambda one: [_with_values(one, lambda kept: [v for v in kept if v[0] < time.time() - 30])])
    )
    life = begin(apply, namespace, "behind", "Prometheus")
    how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


@Fault(METRICS, "Prometheus has no samples of 30 s", "under load; metrics.source Prometheus", RIGHT)
def test_prometheus_has_a_gap(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As when it was started again."""

    def is_missing(at: float) -> bool:
        return 15 < at - behind_a_proxy.first < 45

    behind_a_proxy.make(
        lambda _: _each(lambda one: [_with_values(one, lambda kept: [v for v in kept if not is_missing(v[0])])])
    )
    life = begin(apply, namespace, "gap", "Prometheus", load=LONG)
    how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


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
    life = begin(apply, namespace, "reset", "Prometheus", load=LONG)
    how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


@Fault(METRICS, "Prometheus has every series twice, the second one later and shorter", "the whole run", RIGHT)
def test_series_are_doubled(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As behind a querier that does not remove replicas."""

    def replicas(series: Series) -> list[Series]:
        later = _with_values(series, lambda kept: [(at + 1.5, value) for at, value in kept[1:]], replica="b")
        return [later, _with_values(series, list, replica="a")]

    behind_a_proxy.make(lambda _: _each(replicas))
    life = begin(apply, namespace, "doubled", "Prometheus")
    how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


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
    life = begin(apply, namespace, "forged", "Prometheus")
    how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


@Fault(
    METRICS, "Prometheus answers with a part of the series, and a warning", "the whole run; metrics.source Auto", RIGHT
)
def test_answers_are_partial(apply: Apply, behind_a_proxy: Setup, namespace: str, happened: Happened) -> None:
    """As a querier does while one of its stores is away: here without CPU time."""
    warnings = ["fetch series: store of shard 2 is unavailable"]
    behind_a_proxy.make(lambda _: _each(lambda one: [] if _named(one) == NODE_CPU else [one], warnings=warnings))
    life = begin(apply, namespace, "partial", "Auto")
    how = life.verified(lost_trials=1)
    happened(f"{measured(life.profile)}; {how}")


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
    life = begin(apply, namespace, "trickle", "Auto")
    how = life.verified(lost_trials=1)
    threads, files = _held(behind_a_proxy.operator)
    assert behind_a_proxy.proxy.asked["trickle"] >= 2
    assert (threads - before[0] <= 2, files - before[1] <= 8) == (True, True), (before, threads, files)
    what = measured(life.profile)
    assert "Kubelet" in what
    asked = behind_a_proxy.proxy.asked["trickle"]
    happened(f"{asked} questions, {threads} threads before and after; {what}; {how}")


def _held(operator: OperatorProcess) -> tuple[int, int]:
    """Return how many threads and open files an operator has."""
    process = Path("/proc") / str(operator.pid)
    return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))
