"""A server that fails ends its run soon, with its own outcome and reason and its last words, and leaves nothing.

All of them are applied at once and wait for each other in the queue, as one namespace's profiles do; most end with
their reference trial. The tests look at them in that order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run, cost_server

from modelprofiler.api.trial import Outcome, Purpose

Apply = Callable[[Object, str], Profile]

ONE_SIZE = {"cpu": {"values": ["400m"]}, "memory": {"values": ["128Mi"]}}
WIDE = {"latency": {"p95": "5s"}}
LIVENESS = {
    "httpGet": {"path": "/healthz", "port": 8080},
    "periodSeconds": 1,
    "timeoutSeconds": 1,
    "failureThreshold": 2,
}
SECONDS_OF_ALL = 900
"""For the whole queue, with room for a busy machine."""


@dataclass(frozen=True)
class Case:
    """A server that fails at the only size there is, and the expected message about it."""

    server: Object
    outcome: Outcome
    reason: str
    message: str
    """Regular expression that the trial's message contains."""
    spec: dict[str, Any] = field(default_factory=dict)


def _server(pod: Object | None = None, container: Object | None = None, **knobs: str | float) -> Object:
    """Return the server of known cost with knobs, and with fields of its pod and its container set."""
    template = cost_server(cpu_ms=2, **knobs)
    template["spec"] |= pod or {}
    template["spec"]["containers"][0] |= container or {}
    return template


def _with_sidecar(**knobs: str | float) -> Object:
    template = _server()
    side: Object = json.loads(json.dumps(cost_server(**knobs)["spec"]["containers"][0]))
    del side["startupProbe"]
    side["name"] = "side"
    template["spec"]["containers"].append(side)
    return template


CASES: dict[str, Case] = {
    "crash-at-start": Case(
        _server(exit_message="no model in /models"),
        Outcome.CRASHED,
        "ReferenceFailed",
        r"^container server ended with exit code 3: no model in /models$",
    ),
    "crash-under-load": Case(
        _server(crash_after=40),
        Outcome.CRASHED,
        "ReferenceFailed",
        r"^container server ended with exit code 3: (.*\n)*costserver: crash on request 41, as told$",
    ),
    "sidecar-crashes": Case(
        _with_sidecar(exit_message="no licence", exit_code=7),
        Outcome.CRASHED,
        "ReferenceFailed",
        r"^container side ended with exit code 7: no licence; its licence is missing, expired or in use elsewhere, ",
    ),
    "killed-by-its-probe": Case(
        _server(container={"livenessProbe": LIVENESS}, hang_after=30),
        Outcome.CRASHED,
        "ReferenceFailed",
        r"^container server ended with exit code (0|137|143), as happens when the kubelet stops it; its liveness probe "
        r"probably failed: give the probe more time or remove it",
    ),
    "never-ready": Case(
        _server(startup_ms=60_000),
        Outcome.NEVER_READY,
        "ReferenceFailed",
        r"^the server was not ready within 6s: the startupProbe \(GET /healthz on port 8080\) of container server "
        r"did not pass$",
        {"objectives": WIDE | {"maxTimeToReady": "6s"}},
    ),
    "nobody-listens": Case(
        _server(),
        Outcome.NEVER_READY,
        "ReferenceFailed",
        r"^nothing listens on port 9090: Connection refused for 30 s$",
        {"endpoint": {"http": {"port": 9090, "path": "/score"}}},
    ),
    "no-image": Case(
        _server(container={"image": "registry.invalid/nobody/nothing:1"}),
        Outcome.IMAGE_PULL_FAILED,
        "ReferenceFailed",
        r'^(ImagePullBackOff|ErrImagePull): .*"?registry\.invalid/nobody/nothing:1"?',
    ),
    "answers-500": Case(
        _server(status=500),
        Outcome.ERRORS,
        "ReferenceFailed",
        r'^the first request was answered with status 500: \{"request": \d+, "pid": 1\}; it was sent \d+ times in ',
    ),
    "does-not-answer": Case(
        _server(hang_after=0),
        Outcome.ERRORS,
        "ReferenceFailed",
        r"^the first request was not answered within [\d.]+ s$",
        {
            "endpoint": {"http": {"port": 8080, "path": "/score", "timeout": "1s"}},
            "objectives": WIDE | {"maxFirstRequest": "1s"},
        },
    ),
    "half-are-errors": Case(
        _server(status=503, every=2),
        Outcome.ERRORS,
        "NoFeasibleSize",
        r"^errorPercent is \d.*, over the objective of 1%; failures: \d+ by status, the first \S+ after the window "
        r"began \(status 503: ",
    ),
    "too-much-memory": Case(
        _server(memory_mib=300),
        Outcome.OOM_KILLED,
        "NoFeasibleSize",
        r"^container server was killed for exceeding its memory limit$",
    ),
    "worker-killed": Case(
        _server(workers=1, leak_kib=1024),
        Outcome.OOM_KILLED,
        "NoFeasibleSize",
        # With cgroup v2 the kubelet may have the whole container killed instead of one process.
        r"^the kernel's OOM killer ended (a process|\d+ processes) |was killed for exceeding its memory",
        {"load": {"openLoop": {"rate": "30"}, "duration": "20s", "warmup": "0s"}},
    ),
    "too-slow": Case(
        # Slow by itself, and by far: what else the machine does is small compared with it.
        _server(delay_ms=800, threads=60),
        Outcome.SLOW,
        "NoFeasibleSize",
        r"^p95 is .+, over the objective of 100ms$",
        {"objectives": {"latency": {"p95": "100ms"}}},
    ),
}


def _profile(name: str, case: Case) -> Object:
    # Before a shorter load a sample is waited for; most of these never come to their load.
    spec: dict[str, Any] = {"resources": ONE_SIZE, "objectives": WIDE, "load": {"duration": "20s", "warmup": "0s"}}
    return support.cost_profile(name, case.server, **(spec | case.spec))


@pytest.fixture(scope="module")
def failing(kubectl: Run, module_namespace: str) -> dict[str, Profile]:
    """Apply all of them, the first one first in the queue."""
    for name, case in CASES.items():
        document = json.dumps(_profile(name, case))
        kubectl("--namespace", module_namespace, "create", "--validate=strict", "-f", "-", input=document)
    return {name: Profile(kubectl, module_namespace, name) for name in CASES}


@pytest.mark.timeout(SECONDS_OF_ALL)
@pytest.mark.parametrize("name", CASES)
def test_it_fails_with_its_own_outcome_and_words(name: str, failing: dict[str, Profile]) -> None:
    """The trial's row, the conditions and the event say what happened; once is enough, and nothing is left."""
    case, profile = CASES[name], failing[name]
    status = profile.finished()
    (last,) = support.informative(status.trials)
    assert last is status.trials[-1]
    assert (case.outcome, True) == (last.outcome, bool(re.search(case.message, last.message))), last.message
    assert Purpose.REFERENCE is last.purpose
    assert len(status.trials) == status.trials_completed

    conditions = {c.type: c for c in status.conditions}
    expected = {"Finished": "True", "Succeeded": "False", "Accepted": "True", "Ready": "False", "Stalled": "True"}
    assert expected == {type_: conditions[type_].status for type_ in expected}
    assert (case.reason, case.reason) == (conditions["Finished"].reason, conditions["Succeeded"].reason)
    assert last.message in conditions["Succeeded"].message
    assert "400m CPU and 128Mi memory" in conditions["Succeeded"].message
    assert [] == status.recommendations
    assert status.completion_time is not None

    reported = [(event["type"], event["reason"]) for event in profile.events()]
    assert 1 == reported.count(("Warning", case.reason))
    assert len(status.trials) == reported.count(("Normal", "TrialFinished"))
    support.wait_until_gone(profile.children)


def test_it_stays_that_way(failing: dict[str, Profile]) -> None:
    """Nothing is tried again: the objects are not written any more, and no child comes back."""
    by_name = {name: profile.fetch()["metadata"]["resourceVersion"] for name, profile in failing.items()}
    support.wait_until_gone(lambda: [child for profile in failing.values() for child in profile.children()])
    assert by_name == {name: profile.fetch()["metadata"]["resourceVersion"] for name, profile in failing.items()}


def test_advice_goes_with_no_feasible_size(failing: dict[str, Profile]) -> None:
    """The message ends with what can be changed."""
    succeeded = failing["too-slow"].condition("Succeeded")
    assert succeeded is not None
    assert succeeded.message.endswith("extend the range, relax the objective or reduce the load.")


def test_a_killed_worker_is_counted_where_its_container_lives_on(failing: dict[str, Profile]) -> None:
    """The pod's state shows nothing then: usage.oomKills does."""
    trial = failing["worker-killed"].status().trials[-1]
    if "the kernel killed" in trial.message:
        assert trial.usage is not None
        assert (trial.usage.oom_kills or 0) >= 1


def test_a_small_memory_size_that_is_killed_is_information(apply: Apply, namespace: str) -> None:
    """A peak at start that no sample sees: OOMKilled at 64Mi leads upwards, to the least size that holds it."""
    resources = {"cpu": {"values": ["400m"]}, "memory": {"values": ["64Mi", "128Mi", "192Mi"]}}
    server = _server(startup_memory_mib=90)
    profile = apply(
        support.cost_profile("peak", server, resources=resources, objectives=WIDE, load={"duration": "15s"}), namespace
    )
    status = profile.succeeded()
    assert ["128Mi"] == [str(recommendation.limits.memory) for recommendation in status.recommendations]
    outcomes = {str(trial.limits.memory): trial.outcome for trial in support.informative(status.trials)}
    assert {"192Mi": Outcome.PASSED, "64Mi": Outcome.OOM_KILLED, "128Mi": Outcome.PASSED} == outcomes
