"""What the operator relies on does not answer: the API server, etcd, Prometheus, the kubelet."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.e2e import support
from tests.e2e.support import TWO_SIZES, Object, Profile, Run, cost_profile
from tests.faults import lives, processes
from tests.faults.lives import Life
from tests.faults.rows import Fault

from modelprofiler.api.trial import Stage

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

API, METRICS = "The API server", "Metrics"
GOES_ON = (
    "the operator goes on by itself; no finished trial is lost or run again, no load is sent twice, nothing is left"
)
PAUSE_SECONDS = 60.0


@Fault(API, "paused (SIGSTOP) for 60 s", "under load", f"{GOES_ON}; the status is true again within 30 s")
def test_api_server_paused(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """It keeps its connections, and answers nothing; the load ends meanwhile."""
    profile = apply(cost_profile("api-paused", resources=TWO_SIZES), namespace)
    profile.at_stage(Stage.LOADING, trial=1)
    life = Life.of(profile)
    with processes.paused(processes.part("kube-apiserver")):
        time.sleep(PAUSE_SECONDS)
    back = time.monotonic()
    processes.wait_for_api(kubectl)
    profile.wait_until("the end of the trial's load", _is_past_the_first_load, within=lives.TRUTH_SECONDS + 15)
    truth = time.monotonic() - back
    happened(f"the status showed {truth:.0f} s afterwards that the load had ended; {life.verified(lost_trials=1)}")


def _is_past_the_first_load(status: object) -> bool:
    active = getattr(status, "active_trial", None)
    trials = getattr(status, "trials", [])
    return bool(trials) or (active is not None and active.stage is not Stage.LOADING)


@Fault(API, "killed (SIGKILL), and etcd with it", "under load", GOES_ON)
def test_api_server_killed(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Every connection and every watch breaks; both are started again by what supervises them."""
    profile = apply(lives.short("api-killed"), namespace)
    profile.at_stage(Stage.LOADING)
    life = Life.of(profile)
    server, store = processes.part("kube-apiserver"), processes.part("etcd")
    processes.kill(store)
    processes.kill(server)
    processes.wait_for_another("etcd", store)
    processes.wait_for_another("kube-apiserver", server)
    processes.wait_for_api(kubectl)
    happened(life.verified(lost_trials=1))


@Fault(
    METRICS,
    "Prometheus paused (SIGSTOP)",
    "from before the load to the end",
    "with metrics.source Auto the kubelet is read, the trial says so, and the run ends with its result",
)
def test_prometheus_paused(apply: Apply, namespace: str, happened: Happened) -> None:
    """It takes connections and answers nothing."""
    profile = apply(lives.short("prometheus-paused"), namespace)
    profile.at_stage(Stage.STARTING)
    life = Life.of(profile)
    with processes.paused(processes.part("prometheus")):
        how = life.verified(lost_trials=1)
        usage = support.informative(profile.status().trials)[-1].usage
    assert usage is not None
    assert "Kubelet" in str(usage.source)
    happened(f"usage was read from {usage.source}; {how}")


@Fault(
    METRICS,
    "the kubelet paused (SIGSTOP) for 25 s",
    "under load",
    "usage is read when the kubelet answers again, or the trial is run again; the run ends with its result",
)
def test_kubelet_paused(apply: Apply, namespace: str, happened: Happened) -> None:
    """Shorter than the 40 s after which its node counts as lost."""
    profile = apply(lives.short("kubelet-paused"), namespace)
    profile.at_stage(Stage.LOADING)
    life = Life.of(profile)
    with processes.paused(processes.part("kubelet")):
        time.sleep(25)
    happened(life.verified(lost_trials=1))
