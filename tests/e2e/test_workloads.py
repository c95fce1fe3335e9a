"""A running workload is profiled by reference while it serves: no trial pod is ever behind its Service."""

import copy
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import yaml
from tests.e2e.support import (
    PATIENCE,
    POLL_SECONDS,
    Object,
    Profile,
    Run,
    children_of,
    command,
    cost_profile,
    cost_server,
    informative,
)

from modelprofiler.api.resource import GROUP
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Purpose

TODAY = {"cpu": "300m", "memory": "128Mi"}
LABELS = {"app": "shop"}
GATE = "example.com/registered"


@dataclass
class Seen:
    """What was behind the workload's Service, and what its rules selected, while the run went on."""

    endpoints: set[str] = field(default_factory=set)
    protected: set[int] = field(default_factory=set)


@pytest.fixture(scope="module")
def shop(kubectl: Run, module_namespace: str) -> str:
    """Make a Deployment with a sidecar, its Service and disruption budget; and another one with a gate."""
    template = cost_server(cpu_ms=5, memory_mib=32)
    pod = template["spec"]
    sidecar = copy.deepcopy(pod["containers"][0])
    pod["containers"][0]["resources"] = {"requests": TODAY, "limits": TODAY}
    # Ends at once on SIGTERM, so that no pod of this module takes room from the next.
    wait = "import signal; signal.sigwait([signal.SIGTERM])"
    sidecar |= {
        "name": "proxy",
        "command": ["python", "-c", wait],
        "args": [],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"cpu": "50m", "memory": "32Mi"}},
    }
    del sidecar["startupProbe"]
    pod["containers"].append(sidecar)
    template["metadata"] = {"labels": LABELS}
    gated = copy.deepcopy(template)
    gated["spec"]["terminationGracePeriodSeconds"] = 600
    gated["spec"]["readinessGates"] = [{"conditionType": GATE}]
    gated["metadata"] = {"labels": {"app": "gated"}}
    selector = {"matchLabels": LABELS}
    documents: list[Object] = [
        _object("apps/v1", "Deployment", "shop", {"replicas": 2, "selector": selector, "template": template}),
        # Never ready, as nobody sets its gate: it is there for the template alone.
        _object(
            "apps/v1",
            "Deployment",
            "gated",
            {"replicas": 0, "selector": {"matchLabels": {"app": "gated"}}, "template": gated},
        ),
        _object("v1", "Service", "shop", {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]}),
        _object("policy/v1", "PodDisruptionBudget", "shop", {"selector": selector, "minAvailable": 1}),
    ]
    kubectl("--namespace", module_namespace, "create", "-f", "-", input="\n".join(map(json.dumps, documents)))
    kubectl(*("--namespace", module_namespace, "rollout", "status", "deployment/shop", "--timeout=120s"), timeout=130)
    return module_namespace


def _object(api_version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def traffic(kubectl: Run, shop: str) -> Iterator[Seen]:
    """Watch what is behind the Service, and how many pods the disruption budget counts, until the module is done."""
    record, stop = Seen(), threading.Event()

    def look() -> None:
        while not stop.wait(POLL_SECONDS):
            slices = kubectl("--namespace", shop, "get", "endpointslices", "-o", "json", check=False)
            budget = kubectl("--namespace", shop, "get", "pdb", "shop", "-o", "json", check=False)
            if slices.returncode == 0:
                for it in json.loads(slices.stdout)["items"]:
                    record.endpoints.update(e["targetRef"]["name"] for e in it.get("endpoints") or [])
            if budget.returncode == 0:
                record.protected.add(json.loads(budget.stdout).get("status", {}).get("expectedPods", 0))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield record
    stop.set()
    thread.join()


def by_reference(name: str, workload: str) -> Object:
    """Return a profile of a Deployment."""
    profile = cost_profile(name, resources={"cpu": {"values": ["200m", "250m"]}, "memory": {"values": ["96Mi"]}})
    profile["spec"]["server"] = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload}}
    return profile


@pytest.fixture(scope="module")
def plugin(shop: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs ``kubectl modelprofile`` for the Deployment, with further options."""
    folder = tmp_path_factory.mktemp("plugin")
    program = folder / "kubectl-modelprofile"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m modelprofiler.plugin.command "$@"\n')
    program.chmod(0o755)
    rows = folder / "rows.txt"
    rows.write_text("".join(f"{number}\n" for number in range(20)))
    run = command("kubectl", {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    asked = (
        f"deployment/shop --namespace {shop} --name by-reference --dataset {rows} --rate 20 --latency p95=5s "
        "--warmup 2s --duration 18s --cpu 200m,250m --memory 96Mi --max-trials 10"
    )
    return functools.partial(run, "modelprofile", *asked.split())


@pytest.fixture(scope="module")
def profile(shop: str, traffic: Seen, kubectl: Run, plugin: Run) -> Profile:
    """Profile the Deployment at sizes below today's, as the plugin writes it; no option of it makes a run as short."""
    rows, document = yaml.safe_load_all(plugin("--dry-run=client", "-o", "yaml").stdout)
    kubectl("--namespace", shop, "create", "-f", "-", input=json.dumps(rows))
    short = by_reference("by-reference", "shop")["spec"]
    assert document["spec"]["server"] == short["server"]
    assert 8080 == document["spec"]["endpoint"]["http"]["port"]
    document["spec"]["search"] |= short["search"]
    document["spec"]["recommendation"] = short["recommendation"]
    # Created, not applied: kubectl gives what was applied on the client's side to whoever applies on the server's side
    # next, and removes what that one does not name.
    kubectl("--namespace", shop, "create", "-f", "-", input=json.dumps(document))
    return Profile(kubectl, shop, document["metadata"]["name"])


@pytest.fixture(scope="module")
def status(profile: Profile) -> ModelProfileStatus:
    """Return the status at the end."""
    return profile.succeeded()


def test_todays_size_is_tried_and_compared_with_the_one_that_is_enough(status: ModelProfileStatus) -> None:
    """For each replica, and for both."""
    (recommendation,) = status.recommendations
    current = recommendation.current
    assert current is not None
    assert TODAY == {name: str(value) for name, value in current.limits.to_dict().items()}
    assert 2 == current.replicas
    baseline = [t for t in informative(status.trials) if t.purpose is Purpose.BASELINE]
    assert [current.trial] == [t.index for t in baseline]
    assert recommendation.savings is not None
    assert recommendation.savings.all_replicas is not None
    per_replica, both = recommendation.savings.per_replica.cpu, recommendation.savings.all_replicas.cpu
    assert per_replica is not None
    assert both is not None
    assert float(both) == pytest.approx(2 * float(per_replica))


def test_the_plugin_shows_what_the_run_means_for_the_workload(
    status: ModelProfileStatus, plugin: Run, profile: Profile, kubectl: Run, shop: str
) -> None:
    """The same command shows the result of the run that there is, and measures nothing again."""
    completed = plugin("--wait", "--timeout", "60s", timeout=90)
    (recommendation,) = status.recommendations
    lines = [line.split() for line in completed.stdout.splitlines()]
    assert ["TODAY", "ENOUGH", "DIFFERENCE", "ALL", "2", "REPLICAS"] in lines
    assert recommendation.savings is not None
    assert recommendation.savings.all_replicas is not None
    saved, both = recommendation.savings.per_replica.cpu, recommendation.savings.all_replicas.cpu
    row = ["cpu", "request", TODAY["cpu"], str(recommendation.requests.cpu), f"-{saved}", f"-{both}"]
    assert row in lines, completed.stdout
    assert "Deployment shop, container server: Verified\n" in completed.stdout
    assert len(status.trials) == len([line for line in completed.stderr.splitlines() if line.startswith("trial ")])
    after = profile.read()
    assert (status.run_hash, status.completion_time) == (after.status.run_hash, after.status.completion_time)
    maps = json.loads(kubectl("--namespace", shop, "get", "configmaps", "-o", "json").stdout)["items"]
    [rows] = [it for it in maps if it["metadata"]["name"].startswith("by-reference-rows-")]
    assert [after.metadata.uid] == [owner["uid"] for owner in rows["metadata"]["ownerReferences"]]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--memory", "256m"), 2, "--memory: "),
        (("--context", "nowhere"), 3, "nowhere"),
        (("--dry-run=server",), 0, ""),
    ],
)
@pytest.mark.usefixtures("status")
def test_the_plugin_ends_as_its_help_says(plugin: Run, options: tuple[str, ...], code: int, says: str) -> None:
    """A dry run of the server takes what is there already."""
    completed = plugin(*options, check=False)
    assert (code, True) == (completed.returncode, says in completed.stderr), completed.stderr


@pytest.mark.usefixtures("status")
def test_no_trial_pod_is_ever_behind_the_service_or_counted_by_the_disruption_budget(traffic: Seen) -> None:
    """It would answer production's requests at a size that may be too small, or hold up a drain."""
    assert traffic.endpoints
    assert all(name.startswith("shop-") for name in traffic.endpoints), traffic.endpoints
    assert traffic.protected <= {0, 2}


@pytest.mark.usefixtures("status")
def test_the_workload_serves_on_untouched(kubectl: Run, shop: str) -> None:
    """Its template and its pods are those of before."""
    workload = json.loads(kubectl("--namespace", shop, "get", "deployment", "shop", "-o", "json").stdout)
    assert (1, 2) == (workload["metadata"]["generation"], workload["status"]["readyReplicas"])
    assert not [label for label in workload["metadata"].get("labels") or {} if label.startswith(GROUP)]


def test_long_grace_periods_and_readiness_gates_hold_nothing_up(
    apply: Callable[[Object, str], Profile], shop: str, kubectl: Run
) -> None:
    """A gate that nobody sets is left out, and the status says so; pods are gone long before their ten minutes."""
    profile = apply(by_reference("gated", "gated"), shop)
    status = profile.succeeded()
    assert [note for note in status.notes or () if "readiness" in note.lower()], status.notes
    uid = profile.fetch()["metadata"]["uid"]
    kubectl("--namespace", shop, "delete", "modelprofile", "gated")
    deadline = time.monotonic() + PATIENCE / 4
    while left := children_of(kubectl, shop, uid, "pods"):
        assert time.monotonic() < deadline, left
        time.sleep(POLL_SECONDS)
