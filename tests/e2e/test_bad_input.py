"""What cannot be run gets a sentence that says what is wrong and where, no server is started, and nothing is lost.

All bad profiles are applied at once and looked at together: none of them may take a turn in the queue.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e import support
from tests.e2e.support import Object, Profile, Run

from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.api.trial import Stage

Apply = Callable[[Object, str], Profile]

POD = "spec.server.template.spec"
LOOKED_AT_SECONDS = 32
"""A refused profile is looked at again every 30 s."""
SCRIPT = {"source": {"configMap": {"name": "code"}}, "file": "score.py"}


@dataclass(frozen=True)
class Case:
    """A profile with fields set, by path, and the message about it."""

    reason: str
    messages: tuple[str, ...]
    """Sentences, or parts of one, all of which are in the message."""
    changes: dict[str, Any] = field(default_factory=dict)
    ruled: bool = False
    """Whether it goes into the namespace with a LimitRange and a ResourceQuota."""


def _container(**fields: Any) -> Object:
    return {f"{POD}.containers.0.{name}": value for name, value in fields.items()}


NOT_ALLOWED = "this installation does not allow it (chart value allowPrivileged)"
NOT_YET = "is not supported yet"

CASES: dict[str, Case] = {
    # What the profile names is not there, or there is nothing in it.
    "blank-rows": Case(
        "InvalidDataset",
        ("spec.dataset: the dataset has only empty lines; write one request body per line",),
        {"spec.dataset.source": {"inline": "\n  \n\n"}},
    ),
    "empty-key": Case(
        "InvalidDataset",
        ("spec.dataset: the dataset is empty; write one request body per line",),
        {"spec.dataset.source": {"configMap": {"name": "rows", "key": "empty"}}},
    ),
    "config-map-missing": Case(
        "SourceNotFound",
        ("spec.dataset.source: there is no ConfigMap 'nowhere' in namespace '{namespace}'",),
        {"spec.dataset.source": {"configMap": {"name": "nowhere", "key": "rows.txt"}}},
    ),
    "claim-missing": Case(
        "SourceNotFound",
        ("spec.dataset.source.persistentVolumeClaim: there is no PersistentVolumeClaim 'c' in namespace",),
        {"spec.dataset.source": {"persistentVolumeClaim": {"claimName": "c", "path": "rows"}}},
    ),
    "key-missing": Case(
        "SourceNotFound",
        ("spec.dataset.source: ConfigMap 'rows' has no key 'row.txt'; it has empty, rows.txt",),
        {"spec.dataset.source": {"configMap": {"name": "rows", "key": "row.txt"}}},
    ),
    "no-key-given": Case(
        "SourceNotFound",
        ("spec.dataset.source.configMap.key: name the key with the rows: ConfigMap 'rows' has empty, rows.txt",),
        {"spec.dataset.source": {"configMap": {"name": "rows"}}},
    ),
    "no-keys": Case(
        "SourceNotFound",
        ("spec.dataset.source.configMap: ConfigMap 'hollow' has no keys",),
        {"spec.dataset.source": {"configMap": {"name": "hollow"}}},
    ),
    "script-missing": Case(
        "SourceNotFound",
        ("spec.server.entryScript.file: the source has no file 'score.py'; it has main.py, train.py",),
        {"spec.server": {"entryScript": SCRIPT}},
    ),
    "all-missing": Case(
        "SourceNotFound",
        (
            "spec.server.entryScript.source: there is no ConfigMap 'no-code' in",
            "spec.model.source: there is no ConfigMap 'no-model' in",
            "spec.dataset.source: there is no ConfigMap 'no-rows' in",
        ),
        {
            "spec.server": {"entryScript": {"source": {"configMap": {"name": "no-code"}}}},
            "spec.model": {"name": "m", "source": {"configMap": {"name": "no-model"}}},
            "spec.dataset.source": {"configMap": {"name": "no-rows"}},
        },
    ),
    # Sizes that cannot be had.
    "cpu-too-large": Case(
        "RangeTooLarge",
        ("spec.resources.cpu: 500 is more than any node", " can give: node {node} has ", " CPU and ", "; at most "),
        {"spec.resources.cpu": {"values": ["1", "500"]}},
    ),
    "memory-too-large": Case(
        "RangeTooLarge",
        ("spec.resources.memory: 32768Gi is more than any node", " can give: node {node} has ", " of memory left"),
        {"spec.resources.memory": {"min": "32Ti", "max": "32Ti", "step": "1Ti"}},
    ),
    "grid-too-large": Case(
        "InvalidSpec",
        ("spec.search.maxTrials: a grid of 41 CPU and 2 memory sizes needs 82 trials, and maxTrials is 10: use ",),
        {"spec.resources.cpu": {"min": "100m", "max": "500m", "step": "10m"}, "spec.search.strategy": "Grid"},
    ),
    "above-limit-range": Case(
        "AdmissionRefused",
        (
            (
                "spec.resources: the API server refuses the pod at its largest size, 800m CPU and 128Mi memory: "
                "maximum cpu usage per Container is 700m, but limit is 800m"
            ),
        ),
        {"spec.resources.cpu": {"values": ["200m", "800m"]}},
        ruled=True,
    ),
    "below-limit-range": Case(
        "AdmissionRefused",
        (
            (
                "spec.resources: the API server refuses the pod at its smallest size, 200m CPU and 32Mi memory: "
                "minimum memory usage per Container is 48Mi, but request is 32Mi"
            ),
        ),
        {"spec.resources.memory": {"values": ["32Mi", "128Mi"]}},
        ruled=True,
    ),
    "above-quota": Case(
        "AdmissionRefused",
        (
            (
                "spec.resources: the API server refuses the pod at its largest size, 600m CPU and 2Gi memory: "
                "exceeded quota: rule, requested: requests.memory=2Gi, used: requests.memory=0, limited: "
                "requests.memory=1Gi"
            ),
        ),
        {"spec.resources.memory": {"values": ["64Mi", "2Gi"]}},
        ruled=True,
    ),
    "above-quota-with-load": Case(
        "AdmissionRefused",
        (
            (
                "spec.resources: the server at its largest size, 600m CPU and 900Mi memory, leaves no room for the "
                "load pod: exceeded quota: rule"
            ),
        ),
        {"spec.resources.memory": {"values": ["64Mi", "900Mi"]}},
        ruled=True,
    ),
    # Templates that are wrong, or ask for more than may be had.
    "wrong-container": Case(
        "InvalidSpec",
        ("spec.server.containerName: the template has no container 'sever'; it has server",),
        {"spec.server.containerName": "sever"},
    ),
    "no-containers": Case(
        "InvalidSpec",
        (f"{POD}.containers: a PodTemplateSpec needs at least one container",),
        {"spec.server.template": {"spec": {}}},
    ),
    "no-quantity": Case(
        "InvalidSpec",
        (
            (
                f"{POD}.containers[0].resources.requests.nvidia.com/gpu: 'all' is not a quantity; "
                "write for example 250m, 1, 256Mi or 0.5"
            ),
        ),
        _container(resources={"requests": {"nvidia.com/gpu": "all"}}),
    ),
    "misspelt-field": Case(
        "AdmissionRefused",
        (
            (
                "spec.server.template: the API server refuses the pod: strict decoding error: unknown field "
                '"spec.containers[0].imagePulPolicy"'
            ),
        ),
        _container(imagePulPolicy="Never"),
    ),
    "wrong-volume": Case(
        "AdmissionRefused",
        (
            (
                "spec.server.template: the API server refuses the pod: spec.containers[0].volumeMounts[0].name: "
                'Not found: "nope"'
            ),
        ),
        _container(volumeMounts=[{"name": "nope", "mountPath": "/x"}]),
    ),
    "no-node": Case(
        "NoNode",
        ("spec.server: no node takes the server's pod: ", "example.com/gpu"),
        {f"{POD}.nodeSelector": {"example.com/gpu": "yes"}},
    ),
    "no-service-account": Case(
        "AdmissionRefused",
        ("spec.server.template: the API server refuses the pod: error looking up service account {namespace}/nobody",),
        {f"{POD}.serviceAccountName": "nobody"},
    ),
    "only-pods-may": Case(
        "AdmissionRefused",
        (
            (
                "spec.server.template: the API server refuses the Deployment: "
                "spec.template.spec.activeDeadlineSeconds: Forbidden"
            ),
        ),
        {f"{POD}.activeDeadlineSeconds": 30},
    ),
    "root": Case(
        "AdmissionRefused",
        (
            (
                'spec.server.template: the API server refuses the pod: violates PodSecurity "restricted:latest": '
                "runAsNonRoot != true"
            ),
            "runAsUser=0",
        ),
        {f"{POD}.securityContext.runAsNonRoot": False, f"{POD}.securityContext.runAsUser": 0},
    ),
    "privileged": Case(
        "TemplateRefused",
        (f"{POD}.containers[0].securityContext.privileged: is set; {NOT_ALLOWED}",),
        _container(securityContext={"privileged": True}),
    ),
    "capability": Case(
        "TemplateRefused",
        (f"{POD}.containers[0].securityContext.capabilities.add: asks for SYS_ADMIN, ALL; {NOT_ALLOWED}",),
        _container(securityContext={"capabilities": {"add": ["SYS_ADMIN", "NET_BIND_SERVICE", "ALL"]}}),
    ),
    "host-path": Case(
        "TemplateRefused",
        (f"{POD}.volumes[0].hostPath: mounts the node's files; {NOT_ALLOWED}",),
        {f"{POD}.volumes": [{"name": "costserver", "hostPath": {"path": "/"}}]},
    ),
    "host-namespaces": Case(
        "TemplateRefused",
        (
            f"{POD}.hostNetwork: shares the node's namespace; {NOT_ALLOWED}",
            f"{POD}.hostPID: shares the node's namespace; {NOT_ALLOWED}",
        ),
        {f"{POD}.hostNetwork": True, f"{POD}.hostPID": True},
    ),
    "workload-ref": Case(
        "SourceNotFound",
        ("spec.server.workloadRef: there is no Deployment 'x' in namespace",),
        {"spec.server": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}},
    ),
    # What this version cannot do: refused, never ignored.
    "path": Case(
        "NotSupported",
        (
            (
                "spec.dataset.source.path: is a path on your own machine, which a cluster cannot read; "
                "`modelprofiler init --bundle` makes ConfigMaps of files"
            ),
        ),
        {"spec.dataset.source": {"path": "rows.txt"}},
    ),
    "csv": Case(
        "InvalidDataset",
        ("spec.dataset: the dataset has no column 'body'; it has id, text",),
        {
            "spec.dataset.format": "CSV",
            "spec.dataset.column": "body",
            "spec.dataset.source": {"inline": "id,text\n1,x\n"},
        },
    ),
    "base64": Case(
        "InvalidDataset",
        ("spec.dataset: rows 2, 3 are not Base64",),
        {"spec.dataset.encoding": "Base64", "spec.dataset.source": {"inline": "AA==\n*\nA\n"}},
    ),
    "requirements": Case(
        "NotSupported",
        (
            "spec.server.entryScript.environment.requirements[0]: must be a package, not an option or a file of ",
            "spec.server.entryScript.environment.pythonVersion: the scoring-server image has Python 3.11; ",
        ),
        {
            "spec.server": {
                "entryScript": {**SCRIPT, "environment": {"requirements": ["-r all.txt"], "pythonVersion": "3.9"}}
            }
        },
    ),
    # Everything that is wrong is reported at once, whatever its kind.
    "many-problems": Case(
        "InvalidSpec",
        (
            "spec.server.containerName: the template has no container 'sever'; it has server; ",
            f"{POD}.hostIPC: shares the node's namespace; {NOT_ALLOWED}",
        ),
        {
            "spec.dataset.encoding": "Base64",
            "spec.server.containerName": "sever",
            f"{POD}.hostIPC": True,
        },
    ),
}

API_SERVER: dict[str, tuple[dict[str, Any], str, str]] = {
    "empty-rows": (
        {"spec.dataset.source.inline": ""},
        "spec.dataset.source.inline: ",
        "should be at least 1 chars long",
    ),
    "no-quantity": (
        {"spec.resources.cpu": {"values": ["1 core"]}},
        'spec.resources.cpu.values[0]: Invalid value: "1 core": ',
        "is not a quantity; write for example 250m, 1, 256Mi or 0.5",
    ),
    "no-duration": (
        {"spec.load.duration": "30"},
        'spec.load.duration: Invalid value: "30": ',
        "is not a duration; write for example 250ms, 30s or 1h30m",
    ),
    "min-above-max": (
        {"spec.resources.memory": {"min": "1Gi", "max": "1G", "step": "1Mi"}},
        "spec.resources.memory: ",
        "min must not be greater than max",
    ),
    "two-loads": (
        {"spec.load.closedLoop": {"concurrency": 1}},
        "spec.load: ",
        "exactly one of openLoop and closedLoop must be set",
    ),
    "no-objective": (
        {"spec.objectives": {}},
        "spec.objectives: ",
        "exactly one of latency and maxSlowdownPercent must be set",
    ),
    "misspelt-field": ({"spec.load.warmUp": "5s"}, "strict decoding error: ", 'unknown field "spec.load.warmUp"'),
}


def _profile(name: str, changes: dict[str, Any]) -> Object:
    profile = support.cost_profile(name)
    for path, value in changes.items():
        *parents, last = path.split(".")
        target: Any = profile
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        target[last] = copy.deepcopy(value)
    return profile


def _config_map(name: str, **data: str) -> Object:
    files = {key.replace("_", "."): text for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files}


RULES: list[Object] = [
    {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "rule"},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "700m"}, "min": {"memory": "48Mi"}}]},
    },
    {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "rule"},
        "spec": {"hard": {"requests.memory": "1Gi"}},
    },
]


def _create(kubectl: Run, namespace: str, documents: list[Object]) -> None:
    text = "\n".join(map(json.dumps, documents))
    kubectl("--namespace", namespace, "create", "--validate=strict", "-f", "-", input=text)


@pytest.fixture(scope="module")
def ruled_namespace(kubectl: Run) -> Iterator[str]:
    """Make a namespace with a LimitRange and a ResourceQuota."""
    with support.fresh_namespace(kubectl) as name:
        _create(kubectl, name, RULES)
        deadline = time.monotonic() + support.PATIENCE
        # Until its usage is counted once, a quota refuses everything with other words.
        while "used" not in json.loads(_get(kubectl, name, "resourcequota", "rule"))["status"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield name


def _get(kubectl: Run, namespace: str, *kinds: str) -> str:
    return kubectl("--namespace", namespace, "get", *kinds, "-o", "json").stdout


@pytest.fixture(scope="module")
def refused_profiles(kubectl: Run, module_namespace: str, ruled_namespace: str) -> dict[str, Profile]:
    """Apply every bad profile, and return each when the operator has looked at it."""
    _create(
        kubectl,
        module_namespace,
        [
            _config_map("rows", empty="", rows_txt="1\n2\n"),
            _config_map("hollow"),
            _config_map("code", main_py="", train_py=""),
        ],
    )
    places = {False: module_namespace, True: ruled_namespace}
    for ruled, namespace in places.items():
        cases = {name: case for name, case in CASES.items() if case.ruled is ruled}
        _create(kubectl, namespace, [_profile(name, case.changes) for name, case in cases.items()])
        wait = ("wait", "modelprofiles", "--all", "--for=condition=Accepted=False", "--timeout=240s")
        kubectl("--namespace", namespace, *wait, check=False, timeout=250)
    return {name: Profile(kubectl, places[case.ruled], name) for name, case in CASES.items()}


def _versions(kubectl: Run, refused_profiles: dict[str, Profile]) -> dict[str, str]:
    spaces = {profile.namespace for profile in refused_profiles.values()}
    listed = [json.loads(_get(kubectl, space, "modelprofiles"))["items"] for space in spaces]
    return {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for items in listed for o in items}


@dataclass(frozen=True)
class Versions:
    """The resourceVersion of each profile, by name, at a time of the monotonic clock."""

    at: float
    of: dict[str, str]


@pytest.fixture(scope="module", autouse=True)
def at_first(kubectl: Run, refused_profiles: dict[str, Profile]) -> Versions:
    """Return the versions as the operator's first look has left them."""
    return Versions(time.monotonic(), _versions(kubectl, refused_profiles))


@pytest.fixture(scope="module")
def nodes(kubectl: Run) -> list[str]:
    """Return the names of the nodes."""
    return kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").stdout.split()


def _conditions(status: ModelProfileStatus) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in status.conditions}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_its_reason_and_a_sentence(
    name: str, refused_profiles: dict[str, Profile], nodes: list[str]
) -> None:
    """Accepted=False says what is wrong, where, and what would be right; the run is over, as a script sees it."""
    case, profile = CASES[name], refused_profiles[name]
    status = profile.status()
    conditions = _conditions(status)
    assert conditions.get("Accepted") == ("False", case.reason)
    message = support.find_condition(status, "Accepted")
    assert message is not None
    for expected in case.messages:
        variants = [expected.replace("{namespace}", profile.namespace).replace("{node}", node) for node in nodes]
        assert any(variant in message.message for variant in variants), message.message
    assert conditions["Finished"] == ("True", "NotAccepted")
    assert conditions["Succeeded"] == ("False", "NotAccepted")
    assert conditions["Stalled"] == ("True", "NotAccepted")
    succeeded = support.find_condition(status, "Succeeded")
    assert succeeded is not None
    assert message.message == succeeded.message, "kubectl describe says it in both places"


@pytest.mark.parametrize("name", API_SERVER)
def test_the_api_server_itself_refuses_what_the_schema_can_see(kubectl: Run, name: str) -> None:
    """In the same words as the operator would."""
    changes, path, message = API_SERVER[name]
    create = ("--namespace", "default", "create", "--dry-run=server", "-f", "-")
    completed = kubectl(*create, input=json.dumps(_profile(name, changes)), check=False)
    assert completed.returncode != 0
    assert path in completed.stderr
    assert message in completed.stderr


def test_nothing_is_started_for_what_is_refused(kubectl: Run, refused_profiles: dict[str, Profile]) -> None:
    """No server, no load, not even files; and no trial is recorded."""
    for namespace in {profile.namespace for profile in refused_profiles.values()}:
        # All that lives there was made by these tests or by Kubernetes itself.
        assert "" == kubectl("--namespace", namespace, "get", "deployments,jobs,services,pods", "-o", "name").stdout
        maps = kubectl("--namespace", namespace, "get", "configmaps", "-o", "name").stdout.split()
        expected_objects = {
            f"configmap/{name}" for name in ("costserver", "rows", "hollow", "code", "kube-root-ca.crt")
        }
        assert set(maps) <= expected_objects
    for profile in refused_profiles.values():
        status = profile.status()
        assert ([], 0, None) == (status.trials, status.trials_completed, status.start_time), profile.name


def test_what_is_put_right_is_accepted_without_touching_the_profile(kubectl: Run, apply: Apply, namespace: str) -> None:
    """The ConfigMap appears, and the run begins by itself."""
    source = {"configMap": {"name": "late", "key": "rows.txt"}}
    profile = apply(support.cost_profile("late", dataset={"source": source}, resources=support.ONE_SIZE), namespace)
    profile.wait_for("Accepted", "False", "SourceNotFound")
    _create(kubectl, namespace, [_config_map("late", rows_txt="1\n2\n")])
    profile.wait_for("Accepted", "True", "Valid")
    profile.at_stage(Stage.STARTING, trial=1)


def test_a_range_that_was_too_wide_is_accepted_once_it_is_narrowed(apply: Apply, namespace: str) -> None:
    """At once, since the profile itself has changed."""
    cpu = {"values": ["200m", "500"]}
    profile = apply(support.cost_profile("narrowed", resources={"cpu": cpu}, suspend=True), namespace)
    profile.wait_for("Accepted", "False", "RangeTooLarge", within=120)
    profile.patch({"resources": {"cpu": {"values": ["200m", "400m"]}}})
    status = profile.wait_for("Accepted", "True", "Valid", within=25)  # not only when it is due, after 30
    assert ("False", "Suspended") == _conditions(status)["Finished"]


def test_each_refusal_is_reported_once(kubectl: Run, refused_profiles: dict[str, Profile], at_first: Versions) -> None:
    """Looking at it again and again makes neither new events nor new versions of the object."""
    # The last test here: most of the time that has to pass has passed by now.
    time.sleep(max(0.0, at_first.at + LOOKED_AT_SECONDS - time.monotonic()))
    # What a node has left, and so the message about it, depends on what else runs there.
    moving = {"cpu-too-large", "memory-too-large"}
    now = _versions(kubectl, refused_profiles)
    assert [] == [name for name, version in at_first.of.items() if now[name] != version and name not in moving]
    for space in sorted({profile.namespace for profile in refused_profiles.values()}):
        counts: dict[str, list[str]] = {}
        for event in json.loads(_get(kubectl, space, "events"))["items"]:
            if event["involvedObject"]["kind"] == "ModelProfile":
                counts.setdefault(event["involvedObject"]["name"], []).append(event["type"] + " " + event["reason"])
        of_space = {name: profile for name, profile in refused_profiles.items() if profile.namespace == space}
        for name in set(of_space) - moving:
            assert [f"Warning {CASES[name].reason}"] == counts[name], name
