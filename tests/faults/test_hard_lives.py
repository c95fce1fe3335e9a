"""Servers and loads that end in unusual ways, a node that is not ready, an image that comes late, spoilt messages."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.support import Object, Profile, Run, cost_server
from tests.faults import lives, processes
from tests.faults.lives import TRUTH_SECONDS, Life
from tests.faults.operators import Operators
from tests.faults.rows import Fault
from tests.faults.test_pods import LOAD, REPEATED, SERVER

from modelprofiler.api.trial import Outcome

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

IMAGE, LATE = "docker.io/modelprofiler/scoring-server:dev", "docker.io/modelprofiler/scoring-server:late"
MESSAGE_SECONDS = 90.0
"""Seconds in which a load ends."""
WRITTEN_SECONDS = 0.02
"""Until a message is there as a whole; the kubelet reads it a little later, when the container has ended."""


@Fault(
    SERVER,
    "its memory runs out (OOM kill of its main process)",
    "under load",
    "the outcome is OOMKilled; no size is recommended; the run ends; nothing is left",
)
def test_server_out_of_memory(apply: Apply, namespace: str, happened: Happened) -> None:
    """It keeps half a mebibyte of each request."""
    life = Life.of(apply(lives.short("out-of-memory", cost_server(cpu_ms=5, memory_mib=32, leak_kib=512)), namespace))
    status = life.ended("NoFeasibleSize")
    last = status.trials[-1]
    assert Outcome.OOM_KILLED is last.outcome, last.message
    happened(f"{last.outcome}: {last.message}")


@Fault(
    SERVER,
    "it ends by itself with exit code 0",
    "under load",
    "no size is recommended; the message says how it ended; the run ends; nothing is left",
)
def test_server_ends_well(apply: Apply, namespace: str, happened: Happened) -> None:
    """The kubelet starts it again, so that it is there the next moment."""
    server = cost_server(cpu_ms=5, memory_mib=32, crash_after=60, exit_code=0)
    life = Life.of(apply(lives.short("ends-well", server), namespace))
    status = life.ended("ReferenceFailed")
    last = status.trials[-1]
    assert "exit code 0" in last.message
    happened(f"{len(status.trials)} trials, the last one {last.outcome}: {last.message}")


@Fault(
    SERVER,
    "its node is not ready: the kubelet is stopped (SIGSTOP) until Kubernetes notices",
    "under load",
    f"the trial counts for nothing; the status names the node within {TRUTH_SECONDS:.0f} s; the run goes on when the "
    "node is ready again, and ends with its result; nothing is left",
)
def test_node_not_ready(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Its containers run on, and nobody knows."""
    profile = apply(lives.short("not-ready", load={"duration": "90s"}), namespace)
    lives.wait_under_load(profile)
    life = Life.of(profile)
    node = lives.server_pod(profile)["spec"]["nodeName"]
    with processes.paused(processes.part("kubelet")):
        deadline = time.monotonic() + 90
        while _is_ready(kubectl, node):
            assert time.monotonic() < deadline, f"{node} stays ready"
            time.sleep(1)
        began = time.monotonic()
        profile.wait_until("the node", lambda s: f"node {node} is not ready" in str(s.to_dict()), within=TRUTH_SECONDS)
        seconds = time.monotonic() - began
    happened(f"in the status {seconds:.0f} s after Kubernetes noticed; {life.verified(lost_trials=2)}")


def _is_ready(kubectl: Run, node: str) -> bool:
    path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    return kubectl("get", "node", node, "-o", path).stdout == "True"


@Fault(
    SERVER,
    "its image cannot be pulled, and comes 20 s later",
    "at the start of the first trial",
    "the status says so meanwhile; the run goes on by itself and ends with its result; nothing is left",
)
def test_image_comes_late(apply: Apply, in_place: Operators, namespace: str, happened: Happened) -> None:
    """As with a registry that is away for a moment."""
    in_place.make("patient", image_pull_timeout_seconds="120")
    server = cost_server(cpu_ms=5, memory_mib=32)
    server["spec"]["containers"][0]["image"] = LATE.removeprefix("docker.io/")
    profile = apply(lives.short("late-image", server), namespace)
    life = Life.of(profile)
    began = time.monotonic()
    profile.wait_until(
        "the image",
        lambda s: s.active_trial is not None and ":late" in s.active_trial.message,
        within=TRUTH_SECONDS + lives.START_SECONDS,
    )
    seconds = time.monotonic() - began
    time.sleep(20)
    with _image(LATE):
        happened(f"in the status after {seconds:.0f} s; {life.verified()}")


@contextlib.contextmanager
def _image(name: str) -> Iterator[None]:
    """Give the image of the servers another name on the node."""
    ctr = ("ctr", "--address", str(processes.run_folder() / "containerd/containerd.sock"), "--namespace", "k8s.io")
    subprocess.run([*ctr, "images", "tag", IMAGE, name], check=True, timeout=30, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([*ctr, "images", "remove", name], check=True, timeout=30, capture_output=True)


@Fault(
    LOAD,
    "its memory runs out (OOM kill): the chart gives it 24 MiB",
    "at its start, each time",
    "no size is recommended; the message says that memory ran out; the run ends by itself; nothing is left",
)
def test_load_out_of_memory(apply: Apply, in_place: Operators, namespace: str, happened: Happened) -> None:
    """The server is well; nothing is said about its size."""
    in_place.make("small-loads", load_memory="24Mi")
    life = Life.of(apply(lives.short("small-loads"), namespace))
    status = life.ended("Unreliable")
    last = status.trials[-1]
    assert (Outcome.LOAD_FAILED, True) == (last.outcome, "OOMKilled" in last.message), last.message
    happened(f"Unreliable after {len(status.trials)} trials: {last.outcome}, {last.message}")


@pytest.mark.parametrize("how", ["cut off in the middle", "replaced by random bytes"])
@Fault(
    LOAD,
    "its termination message is cut off in the middle, or replaced by random bytes",
    "after it has written it, before the kubelet reads it",
    REPEATED,
)
def test_message_is_spoilt(how: str, apply: Apply, namespace: str, happened: Happened) -> None:
    """By somebody on its node; the load itself has ended well."""
    profile = apply(lives.short(f"message-{how.partition(' ')[0]}"), namespace)
    lives.wait_under_load(profile)
    life = Life.of(profile)
    file = _message_of(lives.load_pod(profile)["metadata"]["uid"])
    _spoil(file, how)
    verified = life.verified(lost_trials=1)
    first = profile.status().trials[0]
    assert (Outcome.LOAD_FAILED, True) == (first.outcome, "left no result" in first.message), first.message
    happened(f"{how}: {verified}; message of the first: {first.message}")


def _message_of(uid: str) -> Path:
    """Return the file on the node to which the load of a pod writes its termination message."""
    kubelet = Path(os.environ["KUBECONFIG"]).parent / "kubelet"
    (file,) = (kubelet / "pods" / uid / "containers").glob("*/*")
    return file


def _spoil(file: Path, how: str) -> None:
    deadline = time.monotonic() + MESSAGE_SECONDS
    while not file.stat().st_size:
        assert time.monotonic() < deadline, "the load leaves no message"
        time.sleep(0.002)
    time.sleep(WRITTEN_SECONDS)
    message = file.read_bytes()
    file.write_bytes(message[: len(message) // 2] if how.startswith("cut") else os.urandom(len(message)))
