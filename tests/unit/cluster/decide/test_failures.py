"""How a server failed, in a sentence that a person understands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cluster.objects import now
from tests.unit.cluster.values import KILLED, STARTING, a_job, a_pod, a_server

from modelprofiler.cluster.decide.failures import disturbance, failed_load, failure
from modelprofiler.cluster.gather.observation import Observation, Server, Termination
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.text import LONGEST_LAST_WORDS

SETTINGS = Settings(
    ready_timeout_seconds=60, schedule_timeout_seconds=30, image_pull_timeout_seconds=40, samples_timeout_seconds=90
)
PENDING = a_pod(ready_at=None, container_started_at=None, node="")


def crash(code: int = 1, text: str = "", container: str = "server", reason: str = "Error") -> Termination:
    """Return how a container ended."""
    return Termination(container, reason, code, text, profiled=container == "server")


def ends(termination: Termination, **pod: Any) -> Server:
    """Return a server whose container has ended."""
    return a_server(pod=a_pod(termination=termination, ready_at=None, **pod))


PROBE = (
    ", as happens when the kubelet stops it; its liveness probe probably failed: give the probe more time or remove it"
)

FAILURES = {
    "killed by the kernel": (
        5,
        ends(KILLED),
        "OOMKilled",
        "container server was killed for exceeding its memory limit",
    ),
    "a sidecar killed by the kernel is no question of the size": (
        5,
        ends(crash(137, container="proxy", reason="OOMKilled")),
        "Crashed",
        "container proxy, which is not the one profiled, exceeded its memory limit",
    ),
    "crashed, with its last words": (
        5,
        ends(crash(3, "ModuleNotFoundError: No module named 'torch'\n")),
        "Crashed",
        "container server ended with exit code 3: ModuleNotFoundError: No module named 'torch'",
    ),
    "crashed without a word": (5, ends(crash(2)), "Crashed", "container server ended with exit code 2"),
    "ended well, which a server does not": (
        5,
        ends(crash(0, reason="Completed")),
        "Crashed",
        "container server ended with exit code 0",
    ),
    "a sidecar crashed": (5, ends(crash(1, container="proxy")), "Crashed", "container proxy ended with exit code 1"),
    "killed for its liveness probe": (
        5,
        ends(crash(137), has_liveness_probe=True),
        "Crashed",
        f"container server ended with exit code 137{PROBE}",
    ),
    "stopped well for its liveness probe": (
        5,
        ends(crash(143, "bye"), has_liveness_probe=True),
        "Crashed",
        f"container server ended with exit code 143{PROBE}: bye",
    ),
    "a crash of its own beside a liveness probe": (
        5,
        ends(crash(1), has_liveness_probe=True),
        "Crashed",
        "container server ended with exit code 1",
    ),
    "evicted, which also ends its containers": (
        5,
        ends(crash(137), phase="Failed", reason="Evicted The node was low on resource: memory."),
        "Disturbed",
        "the server's pod was removed: Evicted The node was low on resource: memory.",
    ),
    "drained, which also ends its containers": (
        5,
        ends(crash(143), deleting=True),
        "Disturbed",
        "the server's pod was removed: Running",
    ),
    "killed by the kernel before it was removed": (
        5,
        ends(KILLED, deleting=True),
        "OOMKilled",
        "container server was killed for exceeding its memory limit",
    ),
    "no node takes it": (
        31,
        a_server(pod=replace(PENDING, unschedulable="0/3 nodes are available: 3 Insufficient cpu.")),
        "Unschedulable",
        "the pod cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu.",
    ),
    "a quota refuses the pod": (
        11,
        a_server(pod=None, refusal='pods "x" is forbidden: exceeded quota'),
        "Unschedulable",
        'the pod cannot be created: pods "x" is forbidden: exceeded quota',
    ),
    "there is no pod at all": (31, a_server(pod=None), "Unschedulable", "the Deployment created no pod"),
    "its image cannot be pulled": (
        41,
        a_server(pod=replace(PENDING, waiting=("ImagePullBackOff", "not found: shop:9"))),
        "ImagePullFailed",
        "ImagePullBackOff: not found: shop:9",
    ),
    "its image has a name that is none": (
        1,
        a_server(pod=replace(PENDING, waiting=("InvalidImageName", "couldn't parse"))),
        "ImagePullFailed",
        "InvalidImageName: couldn't parse",
    ),
    "its container cannot be made": (
        16,
        a_server(pod=replace(PENDING, waiting=("CreateContainerConfigError", 'secret "x" not found'))),
        "Crashed",
        'CreateContainerConfigError: secret "x" not found',
    ),
    "its container never starts": (
        131,
        a_server(pod=replace(PENDING, node="node1", not_started="PodInitializing")),
        "NeverReady",
        (
            "the container did not start within 130s (PodInitializing): an init container has not ended, or a volume "
            "or the image is not there; `kubectl get events` may say more"
        ),
    ),
    "packages were installed once but not again, which is no question of the size": (
        5,
        ends(crash(1, "requirements: cannot be installed: Failed to fetch x", container="modelprofiler-packages")),
        "Disturbed",
        (
            "the packages of the entry script could not be installed again: requirements: cannot be installed: Failed "
            "to fetch x"
        ),
    ),
    "packages that are never installed": (
        731,
        a_server(pod=replace(PENDING, node="node1", not_started="PodInitializing", installed=False)),
        "NeverReady",
        (
            "the container did not start within 730s (PodInitializing): an init container has not ended, or a volume "
            "or the image is not there; `kubectl get events` may say more"
        ),
    ),
    "it never becomes ready": (
        62,
        a_server(pod=replace(STARTING, unready="the startupProbe (port 80) of container server did not pass")),
        "NeverReady",
        "the server was not ready within 60s: the startupProbe (port 80) of container server did not pass",
    ),
}


@pytest.mark.parametrize("sentence", FAILURES)
def test_a_failure_is_an_outcome_and_a_sentence(sentence: str) -> None:
    """What is observed, and the message about it."""
    seconds, server, outcome, message = FAILURES[sentence]
    observed = failure(server, SETTINGS, now(seconds), 60, Observation())
    assert observed is not None
    assert (outcome, message) == (observed.outcome.value, observed.message)


@pytest.mark.parametrize(
    ("sentence", "seconds", "server"),
    [
        ("it is ready", 1000, a_server()),
        ("it is starting", 60, a_server(pod=STARTING)),
        ("its pod has only just been asked for", 30, a_server(pod=None)),
        ("a quota may be free in a moment", 9, a_server(pod=None, refusal="exceeded quota")),
        ("a node may be free in a moment", 29, a_server(pod=replace(PENDING, unschedulable="Insufficient cpu"))),
        ("a registry may answer in a moment", 39, a_server(pod=replace(PENDING, waiting=("ErrImagePull", "")))),
        ("a secret may come in a moment", 14, a_server(pod=replace(PENDING, waiting=("CreateContainerError", "")))),
        ("a large image takes its time", 129, a_server(pod=replace(PENDING, node="node1"))),
    ],
)
def test_what_may_still_come_right_is_no_failure(sentence: str, seconds: float, server: Server) -> None:
    """Each has its own patience."""
    assert (sentence, None) == (sentence, failure(server, SETTINGS, now(seconds), 60, Observation()))


AUTOSCALED = SETTINGS.model_copy(update={"nodes_autoscaled": True})
UNPLACED = replace(PENDING, unschedulable="0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")


def test_a_node_that_an_autoscaler_brings_is_waited_for_ten_minutes() -> None:
    """Then the scheduler's words are the failure. A longer patience of the installer's stays."""
    server = a_server(pod=UNPLACED)
    assert failure(server, AUTOSCALED, now(600), 60, Observation()) is None
    outcome = failure(server, AUTOSCALED, now(601), 60, Observation())
    assert outcome is not None
    assert ("Unschedulable", True) == (outcome.outcome.value, "Insufficient nvidia.com/gpu" in outcome.message)
    longer = AUTOSCALED.model_copy(update={"schedule_timeout_seconds": 900})
    assert failure(server, longer, now(899), 60, Observation()) is None


def test_an_image_is_waited_for_from_when_the_pod_has_its_node() -> None:
    """The node may have come minutes after the pod."""
    pulling = a_server(pod=replace(PENDING, node="new", placed_at=now(300), waiting=("ErrImagePull", "not found")))
    assert failure(pulling, AUTOSCALED, now(340), 60, Observation()) is None
    outcome = failure(pulling, AUTOSCALED, now(341), 60, Observation())
    assert outcome is not None
    assert "ImagePullFailed" == outcome.outcome.value


@pytest.mark.parametrize(
    ("settings", "nodes", "seconds", "fails"),
    [
        (SETTINGS, (), 190, True),
        (AUTOSCALED, (), 190, False),
        (AUTOSCALED, (), 700, True),
        (AUTOSCALED, ("node1",), 190, True),
    ],
)
def test_a_load_pod_is_waited_for_where_an_autoscaler_may_bring_its_node(
    settings: Settings, nodes: tuple[str, ...], seconds: float, fails: bool
) -> None:
    """A pod that has a node is not waited for, since its image comes no sooner. The Job began in second 99."""
    outcome = failed_load(a_job(stuck="no node", nodes=nodes), settings, now(seconds))
    assert fails == (outcome is not None)


def test_the_last_words_are_the_end_of_the_output() -> None:
    """A traceback says what it has to say in its last lines."""
    outcome = failure(ends(crash(1, "x" * 5000 + "ValueError: at last")), SETTINGS, now(5), 60, Observation())
    assert outcome is not None
    assert outcome.message.endswith("ValueError: at last")
    assert len(outcome.message) < LONGEST_LAST_WORDS + 100


@pytest.mark.parametrize(
    ("expected", "server"),
    [
        ("", a_server()),
        ("Disturbed: the server's pod disappeared during the load", None),
        ("Disturbed: the server's pod disappeared during the load", a_server(deleting=True)),
        ("Disturbed: the server's pod disappeared during the load", a_server(pod=None)),
        ("Disturbed: the server's pod was replaced during the load", a_server(pod=a_pod(uid="other"))),
        ("Disturbed: the server's pod was removed: Evicted", a_server(pod=a_pod(phase="Failed", reason="Evicted"))),
        ("OOMKilled: container server was killed for exceeding its memory limit", ends(KILLED)),
        ("Crashed: container server ended with exit code 1", ends(crash(1))),
    ],
)
def test_a_load_measures_its_own_server_or_nothing(expected: str, server: Server | None) -> None:
    """Neither another pod nor one that restarted."""
    outcome = disturbance(server, a_job(), Observation())
    assert expected == (f"{outcome.outcome}: {outcome.message}" if outcome else "")
