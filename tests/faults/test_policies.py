"""What a namespace does not admit is refused before anything starts, and not found out one trial after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.e2e import support
from tests.e2e.support import ONE_SIZE, Object, Profile, Run, cost_server
from tests.faults import lives
from tests.faults.lives import TRUTH_SECONDS
from tests.faults.rows import Fault
from tests.faults.test_resource import AROUND

Apply = Callable[[Object, str], Profile]
Happened = Callable[[str], None]

REFUSED = (
    f"refused within {TRUTH_SECONDS:.0f} s, before any server starts, with a sentence that says what is missing; "
    "nothing was started"
)


def _refusal(profile: Profile) -> str:
    """Wait until a profile is refused, check that nothing was started, and return the sentence."""
    began = time.monotonic()
    status = profile.wait_for("Accepted", "False", "AdmissionRefused", within=TRUTH_SECONDS)
    took = time.monotonic() - began
    condition = support.find_condition(status, "Accepted")
    assert condition is not None
    assert [] == profile.children()
    started = support.pods_started(profile.kubectl, profile.namespace, "ReplicaSet")
    assert not started, started
    return f"after {took:.0f} s: {condition.message}"


def _create(kubectl: Run, *documents: Object) -> None:
    kubectl("create", "-f", "-", input="\n".join(map(json.dumps, documents)))


@Fault(
    AROUND,
    "a LimitRange of type Pod, which the server and its sidecar exceed together",
    "when the profile is applied",
    f"{REFUSED}, and how much there is for the container",
)
def test_limit_range_of_pods(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """Each of the two containers is small enough."""
    spec = {"limits": [{"type": "Pod", "max": {"cpu": "900m", "memory": "160Mi"}}]}
    meta = {"name": "pods", "namespace": namespace}
    _create(kubectl, {"apiVersion": "v1", "kind": "LimitRange", "metadata": meta, "spec": spec})
    server = cost_server(cpu_ms=5, memory_mib=32)
    side: Object = json.loads(json.dumps(cost_server(memory_mib=8)["spec"]["containers"][0]))
    del side["startupProbe"]
    side |= {"name": "side", "resources": {"limits": {"cpu": "400m", "memory": "64Mi"}}}
    server["spec"]["containers"].append(side)
    resources = {"cpu": {"values": ["200m", "600m"]}, "memory": {"values": ["96Mi"]}}
    sentence = _refusal(apply(lives.short("side", server, resources=resources), namespace))
    assert "at most 500m CPU is admitted for the container" in sentence, sentence
    happened(sentence)


@Fault(
    AROUND,
    "a ResourceQuota on numbers of objects leaves no Job",
    "when the profile is applied",
    f"{REFUSED}, with the numbers of the quota",
)
def test_quota_on_numbers(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """A dry run of a Job would say nothing before there is one."""
    kubectl("--namespace", namespace, "create", "quota", "numbers", "--hard=count/jobs.batch=0")
    sentence = _refusal(apply(lives.short("numbers"), namespace))
    assert "count/jobs.batch" in sentence, sentence
    happened(sentence)


@Fault(
    AROUND,
    "a ValidatingAdmissionPolicy wants a label on every pod",
    "when the profile is applied; later the profile names the label",
    f"{REFUSED}; with the label in spec.podMetadata.labels the run ends with its result",
)
def test_policy_wants_a_label(apply: Apply, namespace: str, kubectl: Run, happened: Happened) -> None:
    """As an organization charges its teams."""
    name = f"label-{namespace}"
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "validations": [
                {
                    "expression": "has(object.metadata.labels) && 'team' in object.metadata.labels",
                    "message": "each pod needs the label team",
                }
            ],
        },
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }
    _create(kubectl, policy, binding)
    try:
        _wait_until_denied(kubectl, namespace)
        profile = apply(lives.short("label", resources=ONE_SIZE), namespace)
        sentence = _refusal(profile)
        assert "each pod needs the label team" in sentence, sentence
        profile.patch({"podMetadata": {"labels": {"team": "models"}}})
        profile.succeeded()
        happened(f"{sentence}; with the label Verified")
    finally:
        kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)


def _wait_until_denied(kubectl: Run, namespace: str) -> None:
    """Wait until the API server applies a policy, which takes it some seconds."""
    deadline = time.monotonic() + TRUTH_SECONDS
    meta = {"name": "probe", "namespace": namespace}
    pod = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": cost_server()["spec"]})
    while "label team" not in kubectl("create", "--dry-run=server", "-f", "-", input=pod, check=False).stderr:
        assert time.monotonic() < deadline, "the policy is not applied"
        time.sleep(1)
