"""What somebody with the rights of a tenant can try against the operator, and what must hold.

A service account may edit one namespace. It tries to read another one, to forge the result of a run, to get more than a
pod of its own would have, and to keep another tenant from its turn. Everything is tried during one short run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.e2e import support, support_tenant
from tests.e2e.support import ONE_SIZE, Object, Profile, Run, cost_profile, cost_server
from tests.e2e.support_tenant import Forger, Operator, Tenants

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Outcome, Stage
from modelprofiler.cluster import names

Apply = Callable[[Object, str], Profile]

DELAY_MS = 100
"""Latency of the server that is really measured."""
LARGEST_OBJECT = 3 * 2**19
"""Bytes of an object that etcd takes."""
DEEPEST = 9_980
"""Levels of a template; the API server refuses JSON of more than 10,000."""


@pytest.fixture(scope="module")
def tenants(kubectl: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """Make the namespaces of the tenant and of the victim."""
    with support_tenant.two_tenants(kubectl, tmp_path_factory.mktemp("tenant")) as both:
        yield both


@pytest.fixture(scope="module")
def operator(kubectl: Run) -> Operator:
    """Return the operator as it is before anything is tried."""
    return Operator.now(kubectl)


def _deep(name: str) -> str:
    """Return a profile with a template that is nested nearly as deeply as the API server takes it; as text."""
    document = cost_profile(name)
    document["spec"]["server"]["template"]["spec"]["affinity"] = "DEEP"
    return json.dumps(document).replace('"DEEP"', '{"a":' * DEEPEST + "1" + "}" * DEEPEST)


@dataclass(frozen=True)
class Attacked:
    """Two runs during which everything was tried."""

    honest: ModelProfileStatus
    """Of the tenant's own profile, in the end."""
    events: list[Object]
    victim: Profile
    """Waited for its turn all the time."""
    stopping: dict[str, Profile]
    """Profiles that are to stop the operator, by what is wrong with them."""
    strangers: dict[str, str]
    """The uid of each object that has a name of the run's own objects, by kind/name."""


def _forge(tenants: Tenants, honest: Profile) -> None:
    """Forge everything that can be forged of a run under load."""
    forger = _forger(honest)
    objects = json.loads(tenants.kubectl("get", "jobs,replicasets", "-o", "json").stdout)["items"]
    own = [body for body in objects if names.profile_owner_of(body).get("uid") == forger.profile.metadata.uid]
    (job,) = own
    (replicas,) = [
        body
        for body in objects
        if body["kind"] == "ReplicaSet"
        and (body["metadata"].get("labels") or {}).get(names.PROFILE_UID) == forger.profile.metadata.uid
    ]
    forged = support_tenant.result_with(support_tenant.FORGED_LATENCY)
    template_hash = replicas["metadata"]["labels"]["pod-template-hash"]
    other_uid = {**support_tenant.controller(replicas), "uid": "0e9bc6a4-0000-0000-0000-000000000000"}
    documents = [
        forger.pod("aaa-labels", "load", None, forged, trial="1"),
        forger.pod("aaa-owner", "load", support_tenant.controller(job), forged, trial="1"),
        forger.pod("aaa-server", "server", other_uid, "", incarnation="1", template_hash=template_hash),
        # Trials far ahead, which the run never comes to: they are only read.
        *(
            forger.job(f"forged-{name}", trial, message)
            for trial, (name, message) in enumerate(support_tenant.hostile_messages().items(), start=7)
        ),
        forger.job("forged-no-trial", 12, "", missing=(names.TRIAL, names.PURPOSE)),
        forger.job("forged-no-annotations", 13, "", missing=(names.CPU, names.INCARNATION, names.SERVER_POD)),
    ]
    assert "" == tenants.create(documents)


def _forger(profile: Profile) -> Forger:
    read: ModelProfile = profile.read()
    assert read.status.run_hash is not None
    return Forger(read, read.status.run_hash)


@pytest.fixture(scope="module")
def attacked(tenants: Tenants, operator: Operator, apply: Apply) -> Attacked:
    """Run the tenant's profile, try everything meanwhile, and wait until it is the victim's turn."""
    server = cost_server(cpu_ms=2, memory_mib=32, delay_ms=DELAY_MS, threads=16)
    honest = tenants.apply(cost_profile("honest", server, resources=ONE_SIZE, suspend=True))
    honest.wait_for("Finished", "False", "Suspended")
    taken = _forger(honest).taken()
    assert "" == tenants.create(taken)

    tenants.kubectl("create", "-f", "-", input=_deep("deep"))
    stopping = {
        "deep": tenants.profile("deep"),
        "large": tenants.apply(support_tenant.large("large", LARGEST_OBJECT - 2**17)),
        "forever": tenants.apply(cost_profile("forever", search={"deadline": "168h"})),
    }
    # As large as etcd takes it: there is no room for a status.
    for size in range(LARGEST_OBJECT, LARGEST_OBJECT - 2**17, -512):
        if not tenants.create([support_tenant.large("full", size)]):
            break
    honest.patch({"suspend": False})
    honest.wait_until("its turn", lambda s: s.start_time is not None)
    victim = apply(cost_profile("victim", resources=ONE_SIZE, load={"duration": "60s"}), tenants.victim)
    honest.at_stage(Stage.LOADING, trial=1)
    _forge(tenants, honest)
    status = honest.finished()
    kinds = "configmaps,deployments,jobs,services"
    left = json.loads(tenants.kubectl("get", kinds, "-o", "json").stdout)["items"]
    uids = {f"{body['kind']}/{body['metadata']['name']}": body["metadata"]["uid"] for body in left}
    strangers = {key: uids.get(key, "gone") for body in taken for key in [f"{body['kind']}/{body['metadata']['name']}"]}
    return Attacked(status, honest.events(), victim, stopping, strangers)


def test_the_tenant_has_the_rights_of_one_namespace(tenants: Tenants) -> None:
    """Who could do more would prove nothing."""

    def may(*what: str) -> bool:
        return str(tenants.kubectl("auth", "can-i", *what, check=False).stdout).strip() == "yes"

    assert all(may(verb, "modelprofiles") for verb in ("create", "get", "patch", "delete"))
    assert may("create", "pods")
    assert not any(
        may(verb, what, "--namespace", tenants.victim)
        for verb, what in (("get", "configmaps"), ("get", "modelprofiles"), ("create", "pods"))
    )
    assert not may("update", "modelprofiles", "--subresource=status")
    assert not may("get", "nodes")


def test_a_status_cannot_be_written_by_who_may_write_the_spec(tenants: Tenants) -> None:
    """Neither with a new profile nor afterwards."""
    document = cost_profile("born-finished", suspend=True)
    document["status"] = {"conditions": [], "trialsCompleted": 7, "runHash": "forged"}
    profile = tenants.apply(document)
    assert 0 == profile.status().trials_completed
    patch = ("patch", "modelprofile", profile.name, "--subresource=status", "--type=merge", "-p")
    done = tenants.kubectl(*patch, json.dumps({"status": {"trialsCompleted": 7}}), check=False)
    assert (True, True) == (done.returncode != 0, "forbidden" in done.stderr), done.stderr


def test_a_result_cannot_be_forged_by_names_labels_or_pods(attacked: Attacked) -> None:
    """Every trial that counts has the latency of the real server, and so has the recommendation."""
    trials = support.informative(attacked.honest.trials)
    assert trials, [(trial.outcome, trial.message) for trial in attacked.honest.trials]
    assert {Outcome.PASSED} == {trial.outcome for trial in trials}
    measured = [trial.load.latency.p50.seconds for trial in trials if trial.load and trial.load.latency.p50]
    assert len(trials) == len(measured)
    assert min(measured) >= DELAY_MS / 1000
    assert max(trial.index for trial in attacked.honest.trials) < 7, "a forged trial was recorded"


def test_names_that_are_taken_are_reported_and_left_alone(attacked: Attacked) -> None:
    """The run goes on under other names; nothing of others is used, changed or deleted."""
    assert "gone" not in attacked.strangers.values(), attacked.strangers
    messages = " ".join(event["message"] for event in attacked.events if event["reason"] == "NameTaken")
    taken = [key.partition("/")[2] for key in attacked.strangers if not key.startswith("Service/")]
    assert [] == [name for name in taken if f"'{name}' exists and does not belong to this profile" not in messages], (
        messages
    )


def test_another_tenants_turn_comes(attacked: Attacked) -> None:
    """Behind everything that was tried."""
    status = attacked.victim.at_stage(Stage.LOADING)
    assert ("True", "Valid") == next((c.status, c.reason) for c in status.conditions if c.type == "Accepted")


STOPPED = {
    "deep": ("InvalidSpec", r"spec: is nested more than 100 levels deep"),
    "large": (
        "InvalidSpec",
        r"spec: has 1,\d{3} KiB, and at most 512 KiB leave room for its status; put what is large ",
    ),
    "forever": (
        "NotSupported",
        r"spec\.search\.deadline: must be at most 24h in .* \(chart value limits\.deadline\); it is 168h",
    ),
}


@pytest.mark.parametrize("name", STOPPED)
def test_what_would_stop_the_operator_is_refused_with_a_sentence(name: str, attacked: Attacked) -> None:
    """It takes no turn."""
    reason, says = STOPPED[name]
    actual, message = support_tenant.accepted(attacked.stopping[name])
    assert (reason, True) == (actual, re.search(says, message) is not None), message
    profile = attacked.stopping[name]
    begun = profile.kubectl("get", "modelprofile", profile.name, "-o", "jsonpath={.status.startTime}").stdout
    assert "" == begun


@pytest.mark.usefixtures("attacked")
def test_the_operator_has_lived_through_it(operator: Operator, kubectl: Run, note: Callable[[str], None]) -> None:
    """The same process, within its memory, without a traceback."""
    after = Operator.now(kubectl)
    assert (operator.name, operator.restarts) == (after.name, after.restarts)
    used = after.memory()
    note(f"tenant: the operator's working set after everything was tried: {used / 2**20:.0f} MiB")
    assert used < support_tenant.OPERATOR_MEMORY * 0.8
    log = after.log()
    assert "Traceback" not in log, log[-6000:]
