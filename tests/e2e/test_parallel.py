"""A load from two pods: they start together, measure one window, and count as one."""

import json
import time
from collections.abc import Callable

from tests.e2e.support import (
    ONE_SIZE,
    PATIENCE,
    POLL_SECONDS,
    Object,
    Profile,
    Run,
    cost_profile,
    informative,
    wait_until_gone,
)

from modelprofiler.api.trial import Outcome

RATE = 20


def load_pods(kubectl: Run, namespace: str) -> list[Object]:
    """Return the load pods of a namespace."""
    selector = "app.kubernetes.io/component=load"
    pods: list[Object] = json.loads(
        kubectl("get", "pods", "--namespace", namespace, "-l", selector, "-o", "json").stdout
    )["items"]
    return pods


def test_two_load_pods_send_one_load(
    apply: Callable[[Object, str], Profile], namespace: str, kubectl: Run, note: Callable[[str], None]
) -> None:
    """All requests of the rate, every row, a verified size; both pods ran, and nothing of them stays."""
    profile = apply(
        cost_profile(
            "two", resources=ONE_SIZE, load={"openLoop": {"rate": str(RATE)}, "duration": "20s", "parallelism": 2}
        ),
        namespace,
    )
    status = profile.succeeded()
    (row,) = [trial for trial in informative(status.trials) if trial.outcome is Outcome.PASSED]
    load = row.load
    assert load is not None
    note(f"{load.requests} requests at {load.rate}/s from two pods, p95 {load.latency.p95}")
    seconds = load.duration.seconds
    assert abs(load.requests - RATE * seconds) < 4 * (RATE * seconds) ** 0.5, "Poisson, four standard deviations"
    assert 0 == load.failures
    assert 20 == load.rows_covered
    assert load.stopped_early is None
    assert load.latency.p95 is not None
    assert load.latency_low.p95 is not None
    assert load.latency_high.p95 is not None
    assert load.latency_low.p95 <= load.latency.p95 <= load.latency_high.p95
    wait_until_gone(lambda: [pod["metadata"]["name"] for pod in load_pods(kubectl, namespace)])


def test_a_load_pod_that_is_lost_is_named_and_the_trial_runs_again(
    apply: Callable[[Object, str], Profile], namespace: str, kubectl: Run
) -> None:
    """Half of the load is another load."""
    profile = apply(
        cost_profile(
            "lost", resources=ONE_SIZE, load={"openLoop": {"rate": str(RATE)}, "duration": "30s", "parallelism": 2}
        ),
        namespace,
    )
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline, "the second load pod does not run"
        running = [
            pod["metadata"]["name"]
            for pod in load_pods(kubectl, namespace)
            if "-others-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Running"
        ]
        if running:
            break
        time.sleep(POLL_SECONDS)
    kubectl("delete", "pod", running[0], "--namespace", namespace, "--grace-period=0", "--force")
    status = profile.succeeded()
    lost = [trial for trial in status.trials if trial.outcome is Outcome.LOAD_FAILED]
    assert lost, [trial.outcome for trial in status.trials]
    assert "load generator 1" in lost[0].message
    assert Outcome.PASSED is status.trials[-1].outcome
