"""Names and templates by which a tenant asks for what belongs to others, or to the node.

Nothing runs here: each profile is refused, or suspended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e import support, support_tenant
from tests.e2e.support import Object, Profile, Run, cost_profile, cost_server
from tests.e2e.support_tenant import KEY, Tenants

PATH = "../../{victim}/configmaps/payments"
SCRIPT = {"source": {"configMap": {"name": "code"}}}


@pytest.fixture(scope="module")
def tenants(kubectl: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """Make the namespaces of the tenant and of the victim."""
    with support_tenant.two_tenants(kubectl, tmp_path_factory.mktemp("tenant")) as both:
        yield both


NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "rows": ("name", {"dataset": {"source": {"configMap": {"name": PATH, "key": KEY}}}}),
    "rows-key": ("key", {"dataset": {"source": {"configMap": {"name": "rows", "key": f"../{KEY}"}}}}),
    "rows-secret": ("name", {"dataset": {"source": {"secret": {"name": PATH, "key": KEY}}}}),
    "rows-claim": ("claimName", {"dataset": {"source": {"persistentVolumeClaim": {"claimName": PATH}}}}),
    "claim-path": ("path", {"dataset": {"source": {"persistentVolumeClaim": {"claimName": "c", "path": "../x"}}}}),
    "model": ("name", {"model": {"name": "m", "source": {"configMap": {"name": PATH}}}}),
    "code": ("name", {"server": {"entryScript": {"source": {"configMap": {"name": PATH}}}}}),
    "variables": (
        "name",
        {"server": {"entryScript": SCRIPT | {"environment": {"envFrom": [{"configMapRef": {"name": PATH}}]}}}},
    ),
    "pull-secret": (
        "name",
        {"server": {"entryScript": SCRIPT | {"environment": {"imagePullSecrets": [{"name": PATH}]}}}},
    ),
    "account": (
        "serviceAccountName",
        {"server": {"entryScript": SCRIPT | {"placement": {"serviceAccountName": PATH}}}},
    ),
    "workload": ("name", {"server": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": PATH}}}),
    "workload-version": (
        "apiVersion",
        {"server": {"workloadRef": {"apiVersion": "../../v1", "kind": "Deployment", "name": "payments"}}},
    ),
    "download-secret": (
        "secretRef",
        {"dataset": {"source": {"uri": {"uri": "https://example.com/x", "secretRef": PATH}}}},
    ),
    "local-file": ("uri", {"dataset": {"source": {"uri": {"uri": "file:///etc/passwd"}}}}),
}
"""Profiles with a name that is a path, and the field that is wrong."""


def test_a_name_that_is_a_path_is_refused_wherever_a_name_is_written(tenants: Tenants) -> None:
    """By the API server itself, so that the operator never sees it."""
    documents = []
    for name, (_, fields) in NAMES.items():
        text = json.dumps(cost_profile(f"path-{name}") | {}).replace("{victim}", tenants.victim)
        document = json.loads(text)
        document["spec"] |= json.loads(json.dumps(fields).replace("{victim}", tenants.victim))
        documents.append(document)
    stderr = tenants.create(documents, "--dry-run=server")
    _, *parts = re.split(r'"path-([a-z-]+)" is invalid: ', stderr)
    refused = dict(zip(parts[::2], parts[1::2], strict=True))
    assert set(NAMES) == set(refused), stderr
    assert [] == [name for name, (field, _) in NAMES.items() if field not in refused[name]]


ELSEWHERE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "rows": (
        "SourceNotFound",
        "there is no ConfigMap 'payments' in namespace '{mine}'",
        {"dataset": {"source": {"configMap": {"name": "payments", "key": KEY}}}},
    ),
    "workload": (
        "SourceNotFound",
        "there is no Deployment 'payments' in namespace '{mine}'",
        {"server": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "payments"}}},
    ),
    "claim": (
        "SourceNotFound",
        "there is no PersistentVolumeClaim 'payments' in namespace '{mine}'",
        {"dataset": {"source": {"persistentVolumeClaim": {"claimName": "payments", "path": KEY}}}},
    ),
    "secrets": (
        "NotSupported",
        "Secret of v1 is not a kind that this installation reads",
        {"server": {"workloadRef": {"apiVersion": "v1", "kind": "Secret", "name": "payments"}}},
    ),
}
"""Names of what only the victim's namespace has: why it is refused, and with what sentence."""


def _privileged() -> Object:
    """Return a template that asks for everything that lets a pod out of itself."""
    template = cost_server()
    template["metadata"] = {"annotations": {"container.apparmor.security.beta.kubernetes.io/server": "unconfined"}}
    template["spec"] |= {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    template["spec"]["volumes"].append({"name": "node", "hostPath": {"path": "/"}})
    template["spec"]["securityContext"] = {
        "seccompProfile": {"type": "Unconfined"},
        "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
        "seLinuxOptions": {"type": "spc_t"},
    }
    container = template["spec"]["containers"][0]
    container["ports"] = [{"containerPort": 80, "hostPort": 80}]
    container["securityContext"] = {
        "privileged": True,
        "procMount": "Unmasked",
        "capabilities": {"add": ["SYS_ADMIN"]},
    }
    container["livenessProbe"] = {"httpGet": {"port": 80, "host": "169.254.169.254"}}
    return template


PRIVILEGES = (
    "metadata.annotations[container.apparmor.security.beta.kubernetes.io/server]",
    *("spec.hostNetwork", "spec.hostPID", "spec.hostIPC", "spec.volumes[1].hostPath"),
    *("spec.securityContext.seccompProfile.type", "spec.securityContext.sysctls[0]"),
    *("spec.securityContext.seLinuxOptions.type", "spec.containers[0].ports[0].hostPort"),
    *("spec.containers[0].securityContext.privileged", "spec.containers[0].securityContext.procMount"),
    *("spec.containers[0].securityContext.capabilities.add", "spec.containers[0].livenessProbe.httpGet.host"),
)


def _with_pod(**fields: Any) -> Object:
    template = cost_server()
    template["spec"] |= fields
    return template


@pytest.fixture(scope="module")
def refused(tenants: Tenants) -> dict[str, Profile]:
    """Create every profile that asks for what it must not have; none of them runs."""
    documents = [cost_profile(f"elsewhere-{name}") for name in ELSEWHERE]
    for document, (_, _, fields) in zip(documents, ELSEWHERE.values(), strict=True):
        document["spec"] |= fields
    documents += [
        cost_profile("privileged", _privileged()),
        cost_profile("account", _with_pod(serviceAccountName="payments")),
        cost_profile("tolerant", _with_pod(tolerations=[{"operator": "Exists"}])),
    ]
    for document in documents:
        document["spec"]["suspend"] = True
    assert "" == tenants.create(documents)
    profiles = {document["metadata"]["name"]: tenants.profile(document["metadata"]["name"]) for document in documents}
    for profile in profiles.values():
        profile.wait_until("it was looked at", lambda s: support.find_condition(s, "Accepted") is not None)
    return profiles


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_means_the_profiles_own_namespace(name: str, refused: dict[str, Profile], tenants: Tenants) -> None:
    """What only another namespace has does not exist for it, and no message says what that has."""
    reason, says, _ = ELSEWHERE[name]
    actual, message = support_tenant.accepted(refused[f"elsewhere-{name}"])
    assert (reason, True) == (actual, says.replace("{mine}", tenants.namespace) in message), message


def test_a_template_gets_no_more_than_a_pod_of_baseline(refused: dict[str, Profile]) -> None:
    """Every field is named at once, before the API server is asked."""
    reason, message = support_tenant.accepted(refused["privileged"])
    assert "TemplateRefused" == reason
    assert [] == [field for field in PRIVILEGES if f"spec.server.template.{field}: " not in message], message


def test_an_account_of_another_namespace_cannot_be_used(refused: dict[str, Profile], tenants: Tenants) -> None:
    """It is looked up in the profile's own."""
    reason, message = support_tenant.accepted(refused["account"])
    assert "AdmissionRefused" == reason
    assert f"error looking up service account {tenants.namespace}/payments" in message


def test_what_a_pod_of_the_tenant_may_have_its_profile_may_have(refused: dict[str, Profile], tenants: Tenants) -> None:
    """Tolerations of every taint: whoever creates pods there may write them, and no more is granted or refused here."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "same"}}
    spec = _with_pod(tolerations=[{"operator": "Exists"}])["spec"]
    assert "" == tenants.create([{**pod, "spec": spec}], "--dry-run=server")
    assert ("Valid",) == support_tenant.accepted(refused["tolerant"])[:1]


@pytest.mark.usefixtures("refused")
def test_nothing_of_another_namespace_is_seen(tenants: Tenants) -> None:
    """In anything that the tenant can read: neither the value nor its key."""
    kinds = "modelprofiles,events,configmaps,pods,jobs,deployments"
    text = tenants.kubectl("get", kinds, "-o", "json").stdout
    own = text.replace(f'"key": "{KEY}"', "").replace(f'\\"key\\":\\"{KEY}\\"', "").replace(f'"path": "{KEY}"', "")
    assert support_tenant.SECRET not in text
    assert KEY not in own
