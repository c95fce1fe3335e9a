"""A cluster that refuses to resize pods: the run needs more pods, and nothing else changes."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.support import (
    PATIENCE,
    POLL_SECONDS,
    Object,
    Profile,
    Run,
    cost_profile,
    cost_server,
    informative,
    operator_log,
    pods_started,
)

from modelprofiler.api.trial import Outcome, Purpose

SAYS = "pods are not resized here"


def _policy(namespace: str) -> list[Object]:
    """Return a policy that refuses every change of a running pod's resources in one namespace, and its binding."""
    api = "admissionregistration.k8s.io/v1"
    resize = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods/resize"]}
    namespace_binding = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return [
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": namespace},
            "spec": {
                "matchConstraints": {"resourceRules": [resize]},
                "validations": [{"expression": "false", "message": SAYS}],
            },
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": namespace},
            "spec": {"policyName": namespace, "validationActions": ["Deny"], "matchResources": namespace_binding},
        },
    ]


@pytest.fixture
def unresizable(kubectl: Run, namespace: str) -> Iterator[str]:
    """Refuse resizes in a namespace, and return it when the API server does so."""
    kubectl("create", "-f", "-", input="\n".join(map(json.dumps, _policy(namespace))))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, **cost_server()}
    pod["spec"]["nodeSelector"] = {"example.com/no-such": "node"}
    size = {"requests": {"cpu": "20m"}, "limits": {"cpu": "20m"}}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "10m"}, "limits": {"cpu": "10m"}}
    kubectl("create", "--namespace", namespace, "-f", "-", input=json.dumps(pod))
    patch = json.dumps({"spec": {"containers": [{"name": "server", "resources": size}]}})
    resize = (
        "patch",
        "pod",
        "tried",
        "--namespace",
        namespace,
        "--subresource=resize",
        "--dry-run=server",
        "-p",
        patch,
    )
    deadline = time.monotonic() + PATIENCE
    while SAYS not in (refusal := kubectl(*resize, check=False)).stderr:
        assert time.monotonic() < deadline, f"the policy does not come into force: {refusal.stdout}{refusal.stderr}"
        time.sleep(POLL_SECONDS)
    kubectl("delete", "pod", "tried", "--namespace", namespace, "--grace-period=0", "--force")
    yield namespace
    kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", namespace, "--timeout=50s")


def test_where_resizing_is_refused_every_size_gets_a_fresh_pod(
    apply: Callable[[Object, str], Profile], unresizable: str, kubectl: Run
) -> None:
    """It was tried, the API server refused it, and the row says fresh."""
    # The forecast leads to the smallest size at once, two steps down: on the pod of the reference, were it allowed.
    sizes = {"cpu": {"values": ["250m", "400m", "600m"]}, "memory": {"values": ["96Mi"]}}
    profile = apply(cost_profile("unresizable", resources=sizes), unresizable)
    status = profile.succeeded()

    smaller = [row for row in informative(status.trials) if row.purpose is not Purpose.REFERENCE]
    assert smaller
    assert [True] * len(status.trials) == [row.fresh for row in status.trials]
    assert {Outcome.PASSED} == {row.outcome for row in smaller}
    assert ["250m"] == [str(recommendation.limits.cpu) for recommendation in status.recommendations]
    assert len(status.trials) == pods_started(kubectl, unresizable, "ReplicaSet").total()
    refusals = [line for line in operator_log(kubectl, lines=500).splitlines() if SAYS in line]
    assert any(f"{unresizable}/" in line and "starting a fresh pod" in line for line in refusals), refusals
