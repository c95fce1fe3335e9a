"""What the end-to-end tests say in one line: profiles of the server of known cost, and waiting for what they become.

Everything goes through the kubectl that a user has; a status is read as the operator's own types.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelprofiler.api.conditions import Condition
from modelprofiler.api.resource import API_VERSION, KIND, ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import INCONCLUSIVE, Purpose, Stage, Trial
from modelprofiler.cluster import names

Object = dict[str, Any]
Run = Callable[..., subprocess.CompletedProcess[str]]
"""Runs kubectl or helm: ``run(*arguments, input=None, check=True, timeout=60)``."""

SYSTEM_NAMESPACE = "modelprofiler-system"
OPERATOR_PODS = ("--namespace", SYSTEM_NAMESPACE, "--selector", "app.kubernetes.io/name=modelprofiler")

COSTSERVER = Path(__file__).resolve().parents[1] / "servers" / "costserver.py"
CHILDREN = "deployments,jobs,services,configmaps,pods"
POLL_SECONDS = 0.5

PATIENCE = 420.0
"""Seconds after which something hangs. Not a fact about anything: a busy machine takes several times as long as an idle
one, and runs again what was disturbed."""

ONE_SIZE = {"cpu": {"values": ["600m"]}, "memory": {"values": ["96Mi"]}}
"""One trial that counts: the reference is at the only size, and so verifies it."""

TWO_SIZES = {"cpu": {"values": ["300m", "600m"]}, "memory": {"values": ["96Mi"]}}
"""The reference, and the smaller size: by then it is known that the pod has to be resized, or a fresh one started."""


def command(program: str, environment: dict[str, str] | None = None) -> Run:
    """Return a function that runs a program with arguments, and fails with what it said."""

    def run(
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        completed = subprocess.run(
            [program, *arguments],
            input=input,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
        )
        assert completed.returncode == 0 or not check, (
            f"{program} {' '.join(arguments)}: {completed.stderr or completed.stdout}"
        )
        return completed

    return run


def wait_established(kubectl: Run, crd: str, *, timeout: float = 50.0) -> None:
    """Wait until the API server serves a CustomResourceDefinition.

    Not ``kubectl wait``: right after its creation ``status.conditions`` is null, which kubectl turns into
    an error (kubernetes/kubernetes#66439).
    """
    deadline = time.monotonic() + timeout
    while True:
        conditions = json.loads(kubectl("get", "crd", crd, "-o", "json").stdout).get("status", {}).get("conditions")
        if any(it["type"] == "Established" and it["status"] == "True" for it in conditions or ()):
            return
        assert time.monotonic() < deadline, f"{crd} is not established after {timeout:g} s: {conditions}"
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def fresh_namespace(kubectl: Run) -> Iterator[str]:
    """Make a namespace in which Pod Security is enforced at its strictest, with the server of known cost in it."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    source = {"costserver.py": COSTSERVER.read_text(encoding="utf-8")}
    documents = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "costserver", "namespace": name},
            "data": source,
        },
    ]
    kubectl("create", "-f", "-", input="\n".join(map(json.dumps, documents)))
    try:
        yield name
    finally:
        # Only pods are waited for: they would burn CPU during the next test. The rest goes in its own time.
        kubectl("delete", "modelprofiles", "--all", "--namespace", name, "--timeout=50s", check=False)
        kubectl("delete", "deployments,pods", "--all", "--namespace", name, "--wait=false", check=False)
        kubectl(
            "wait", "pods", "--all", "--for=delete", "--namespace", name, "--timeout=240s", check=False, timeout=250
        )
        kubectl("delete", "namespace", name, "--wait=false", check=False)


def cost_server(**knobs: str | float) -> Object:
    """Return a pod template that runs the server of known cost; ``cpu_ms=8`` is its ``--cpu-ms 8``."""
    arguments = [text for knob, value in knobs.items() for text in (f"--{knob.replace('_', '-')}", str(value))]
    return {
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "server",
                    "image": "modelprofiler/scoring-server:dev",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "/costserver/costserver.py", "--port", "8080"],
                    "args": arguments,
                    # At start only: a probe during the load would be CPU that no request has asked for.
                    "startupProbe": {
                        "httpGet": {"path": "/healthz", "port": 8080},
                        "periodSeconds": 1,
                        "failureThreshold": 60,
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "volumeMounts": [{"name": "costserver", "mountPath": "/costserver", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "costserver", "configMap": {"name": "costserver"}}],
        }
    }


def cost_profile(name: str, server: Object | None = None, **spec: Any) -> Object:
    """Return a short profile of the server of known cost.

    Parameters
    ----------
    server
        Its pod template, from `cost_server`; the default costs 5 ms of CPU a request and holds 32 MiB.
    spec
        Fields of the spec to set instead of those here; an object is merged with the one here, one level deep, except
        where it is a union or a range.
    """
    document: Object = {
        "server": {"template": server or cost_server(cpu_ms=5, memory_mib=32)},
        "endpoint": {"http": {"port": 8080, "path": "/score", "timeout": "10s"}},
        "dataset": {"source": {"inline": "".join(f"{number}\n" for number in range(20))}},
        # Long enough for the container to be sampled once while it lasts, which cAdvisor does every 10 to 20 s.
        "load": {"openLoop": {"rate": "20"}, "warmup": "2s", "duration": "18s"},
        # Wide: most tests are not about latency, and what else the machine does must not decide them.
        "objectives": {"latency": {"p95": "5s"}},
        "resources": {"cpu": {"values": ["200m", "600m"]}, "memory": {"values": ["64Mi", "128Mi"]}},
        # Where memory seems to grow on a busy machine, a soak of minutes would follow: test_memory.py is about those.
        "search": {"repetitions": 1, "maxTrials": 10, "soak": "0s"},
        "recommendation": {"cpuMarginPercent": 0, "memoryMarginPercent": 0},
    }
    for field, value in spec.items():
        merged = isinstance(value, dict) and field in ("load", "resources", "search", "recommendation")
        document[field] = document[field] | value if merged else value
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": document}


@dataclass(frozen=True)
class Profile:
    """A ModelProfile in the cluster."""

    kubectl: Run
    namespace: str
    name: str

    def fetch(self) -> Object:
        """Return the object as the API server has it."""
        profile: Object = json.loads(self._kubectl("get", "modelprofile", self.name, "-o", "json").stdout)
        return profile

    def read(self) -> ModelProfile:
        """Return the profile as the operator reads it."""
        return ModelProfile.parse(self.fetch())

    def status(self) -> ModelProfileStatus:
        """Return its status."""
        return self.read().status

    def condition(self, type_: str) -> Condition | None:
        """Return one of its conditions; None before the operator has seen it."""
        return find_condition(self.status(), type_)

    def patch(self, spec: Object) -> None:
        """Merge fields into its spec."""
        self._kubectl("patch", "modelprofile", self.name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def children(self, kinds: str = CHILDREN) -> list[str]:
        """Return what the operator has made for it and is still there, as kind/name; the report is not counted."""
        uid = self.fetch()["metadata"]["uid"]
        return children_of(self.kubectl, self.namespace, uid, kinds)

    def report(self) -> dict[str, Object]:
        """Return what its report says, by the ConfigMap's key."""
        config_map = json.loads(self._kubectl("get", "configmap", names.report(self.name), "-o", "json").stdout)
        return {key: json.loads(text) for key, text in config_map["data"].items()}

    def events(self) -> list[Object]:
        """Return the events about it, oldest first."""
        selector = f"involvedObject.kind={KIND},involvedObject.name={self.name}"
        events = json.loads(self._kubectl("get", "events", "--field-selector", selector, "-o", "json").stdout)
        items: list[Object] = events["items"]
        return sorted(items, key=lambda event: (event["firstTimestamp"], event["metadata"]["creationTimestamp"]))

    def wait_until(
        self, fact: str, holds: Callable[[ModelProfileStatus], bool], within: float = PATIENCE
    ) -> ModelProfileStatus:
        """Wait until its status shows something, and return that status.

        Parameters
        ----------
        fact
            What is waited for: part of the message when it does not come.
        within
            Seconds; those in the queue do not count.
        """
        deadline = time.monotonic() + within
        while True:
            status = self.status()
            if holds(status):
                return status
            if is_queued(status):
                deadline = time.monotonic() + within
            assert time.monotonic() < deadline, f"{self.name}: not within {within:g}s: {fact}\n{self.story()}"
            time.sleep(POLL_SECONDS)

    def wait_for(
        self, type_: str, status: str, reason: str | None = None, *, within: float = PATIENCE
    ) -> ModelProfileStatus:
        """Wait until a condition has a status (and a reason)."""

        def holds(current: ModelProfileStatus) -> bool:
            condition = find_condition(current, type_)
            return (
                condition is not None
                and condition.status == status
                and reason in (None, condition.reason)
                and condition.observed_generation == current.observed_generation
            )

        return self.wait_until(f"{type_}={status}" + (f", reason {reason}" if reason else ""), holds, within)

    def finished(self, within: float = PATIENCE) -> ModelProfileStatus:
        """Wait until its run, for the spec as it is now, is over, however it ends; return its status."""
        generation = self.read().metadata.generation

        def over(status: ModelProfileStatus) -> bool:
            condition = find_condition(status, "Finished")
            return condition is not None and condition.status == "True" and status.observed_generation == generation

        return self.wait_until("Finished=True for the spec as it is now", over, within)

    def succeeded(self, reason: str = "Verified", within: float = PATIENCE) -> ModelProfileStatus:
        """Wait until its run is over, and check that it succeeded with a reason; return its status."""
        status = self.finished(within)
        condition = find_condition(status, "Succeeded")
        assert condition is not None
        assert ("True", reason) == (condition.status, condition.reason), f"{condition.message}\n{self.story()}"
        return status

    def at_stage(self, stage: Stage, *, trial: int | None = None, within: float = PATIENCE) -> ModelProfileStatus:
        """Wait until a trial (that one, or any) is at a stage; return the status then."""

        def reached(status: ModelProfileStatus) -> bool:
            active = status.active_trial
            return active is not None and active.stage is stage and trial in (None, active.index)

        return self.wait_until(f"trial {trial or ''} {stage}", reached, within)

    def story(self) -> str:
        """Return all that a person would look at first when something is wrong."""
        parts = {
            "describe": self._kubectl("describe", "modelprofile", self.name, check=False).stdout,
            "children": self._kubectl("get", CHILDREN, "-o", "wide", check=False).stdout,
            "events": self._kubectl("get", "events", "--sort-by=.lastTimestamp", check=False).stdout[-4000:],
            "operator": operator_log(self.kubectl),
        }
        return "\n".join(f"--- {title}\n{text}" for title, text in parts.items())

    def _kubectl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.kubectl("--namespace", self.namespace, *arguments, check=check)


def find_condition(status: ModelProfileStatus, type_: str) -> Condition | None:
    """Return a condition of a status; None where it is not set."""
    return next((condition for condition in status.conditions if condition.type == type_), None)


def is_queued(status: ModelProfileStatus) -> bool:
    """Whether the profile waits for its turn."""
    finished = find_condition(status, "Finished")
    return finished is not None and finished.reason == "Queued"


def informative(trials: Iterable[Trial]) -> list[Trial]:
    """Return the trials that are evidence about their size; a busy machine causes some that are not."""
    return [trial for trial in trials if trial.outcome not in INCONCLUSIVE]


def trial_with(status: ModelProfileStatus, purpose: Purpose) -> Trial:
    """Return the last trial that was run for a purpose and says something about its size."""
    trials = [trial for trial in informative(status.trials) if trial.purpose is purpose]
    assert trials, f"no {purpose} trial among {[trial.purpose.value for trial in status.trials]}"
    return trials[-1]


def children_of(kubectl: Run, namespace: str, uid: str, kinds: str = CHILDREN) -> list[str]:
    """Return what the operator has made for the profile with this uid and is still there; the report is not counted."""
    selector = f"{names.children_selector(uid)},{names.COMPONENT}!={names.REPORT}"
    return kubectl("--namespace", namespace, "get", kinds, "-l", selector, "-o", "name").stdout.split()


def pods_started(kubectl: Run, namespace: str, kind: str) -> Counter[str]:
    """Return how many pods were made for each Job or ReplicaSet that there ever was in a namespace, from its events."""
    selector = f"reason=SuccessfulCreate,involvedObject.kind={kind}"
    events = json.loads(
        kubectl("get", "events", "--namespace", namespace, "--field-selector", selector, "-o", "json").stdout
    )
    counts: Counter[str] = Counter()
    for event in events["items"]:
        counts[event["involvedObject"]["name"]] += event.get("count") or 1
    return counts


def wait_until_gone(left: Callable[[], list[str]]) -> float:
    """Wait until nothing is left, and return the seconds that it took."""
    began = time.monotonic()
    while remaining := left():
        assert time.monotonic() - began < PATIENCE, f"after {PATIENCE:g}s there are still {', '.join(remaining)}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def operator_pod(kubectl: Run) -> str:
    """Return the name of the operator's pod; there is exactly one that is not on its way out."""
    pods = json.loads(kubectl("get", "pods", *OPERATOR_PODS, "-o", "json").stdout)["items"]
    alive = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert len(alive) == 1, alive
    return str(alive[0])


def operator_log(kubectl: Run, lines: int = 80) -> str:
    """Return the end of the operator's log."""
    return kubectl("logs", *OPERATOR_PODS, f"--tail={lines}", "--prefix", check=False).stdout
