"""The pod template of the profiled server: the user's own, or one for an entry script."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.cluster.expected import LABELS, LIMITS, MODEL, RESIZE_POLICY, SAFE, SETTINGS, SIZE, TEMPLATE
from tests.unit.cluster.objects import Object, profile

from modelprofiler.api.pod_template import container_name
from modelprofiler.api.pod_template import problems as template_problems
from modelprofiler.cluster.manifests import template
from modelprofiler.cluster.manifests.copied import left_out, other_resources
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.cluster.settings import Settings


def deployed(host: str | None = None, **spec: Any) -> Object:
    """Return the Deployment of the third trial's server."""
    return deployment(profile(**spec), "abc", SETTINGS, incarnation=3, limits=LIMITS, host=host)


def test_the_pod_of_a_template_is_the_users_with_our_labels_size_and_model() -> None:
    """The whole template: what is not named here is as it was written."""
    manifest = deployed("host-1", server={"template": TEMPLATE, "containerName": "server"}, model=MODEL)
    expected = {
        "metadata": {
            "labels": LABELS | {"sidecar.istio.io/inject": "false"},
            "annotations": {"team": "ml"} | SAFE,
        },
        "spec": {
            "serviceAccountName": "shop",
            "nodeSelector": {"disk": "ssd", "kubernetes.io/hostname": "host-1"},
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 2,
            "containers": [
                {
                    "name": "proxy",
                    "image": "proxy:1",
                    "resources": {"requests": {"cpu": "10m"}},
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                },
                {
                    "name": "server",
                    "image": "shop:1",
                    "env": [
                        {"name": "A", "value": "1"},
                        {"name": "MODEL_DIR", "value": "/var/modelprofiler/model"},
                        {"name": "AZUREML_MODEL_DIR", "value": "/var/modelprofiler/model"},
                    ],
                    "resources": {
                        "requests": {"ephemeral-storage": "1Gi"} | SIZE,
                        "limits": {"nvidia.com/gpu": "1"} | SIZE,
                    },
                    "resizePolicy": RESIZE_POLICY,
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "volumeMounts": [
                        {"name": "modelprofiler-model", "mountPath": "/var/modelprofiler/model", "readOnly": True}
                    ],
                },
            ],
            "volumes": [
                {"name": "cache", "emptyDir": {}},
                {"name": "modelprofiler-model", "configMap": {"name": "model"}},
            ],
        },
    }
    assert expected == manifest["spec"]["template"]


def test_the_users_template_is_not_changed() -> None:
    """It is used again for the next trial."""
    before = json.dumps(TEMPLATE)
    spec = profile(server={"template": json.loads(before)}, model=MODEL)
    deployment(spec, "abc", SETTINGS, incarnation=1, limits=LIMITS, host="h")
    assert json.loads(before) == spec.spec.server.template


@pytest.mark.parametrize("mode", ["None", "Auto"])
def test_thread_pools_are_sized_for_the_limit_where_that_is_asked_for(mode: str) -> None:
    """By variables in addition to the user's own; none of those is overwritten."""
    variables = [{"name": "OMP_NUM_THREADS", "value": "7"}]
    server = {"name": "server", "image": "shop:1", "command": ["python3"], "env": variables}
    manifest = deployed(server={"template": {"spec": {"containers": [server]}}}, search={"threads": mode})
    cores = str(-(-LIMITS.cpu // 1000))
    added = [{"name": name, "value": cores} for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")]
    expected = [*variables, *added] if mode == "Auto" else variables
    assert expected == manifest["spec"]["template"]["spec"]["containers"][0]["env"]


@pytest.mark.parametrize(("expected", "seconds"), [(2, 300), (0, 0), (1, 1), (2, None)])
def test_trial_pods_end_within_seconds(expected: int, seconds: int | None) -> None:
    """Nobody is served by them, and the next trial waits for them."""
    pod = {**TEMPLATE["spec"], "terminationGracePeriodSeconds": seconds, "restartPolicy": "Never"}
    pod_spec = deployed(server={"template": {"spec": pod}})["spec"]["template"]["spec"]
    assert (expected, "Always") == (pod_spec["terminationGracePeriodSeconds"], pod_spec["restartPolicy"])


def test_what_a_running_workload_waits_for_is_left_out_and_reported() -> None:
    """Readiness gates that nobody sets here, and hooks that drain what nobody sends."""
    gate = "target-health.elbv2.k8s.aws/scorer"
    hooks = {"postStart": {"exec": {"command": ["a"]}}, "preStop": {"sleep": {"seconds": 120}}}
    container = {**TEMPLATE["spec"]["containers"][0], "lifecycle": hooks}
    pod = {
        "terminationGracePeriodSeconds": 300,
        "readinessGates": [{"conditionType": gate}],
        "containers": [container],
    }
    pod_spec = deployed(server={"template": {"spec": pod}})["spec"]["template"]["spec"]
    assert ("readinessGates" in pod_spec, ["postStart"]) == (False, list(pod_spec["containers"][0]["lifecycle"]))
    assert [
        f"the readiness gate {gate} is left out of trial pods, because nothing sets it for them",
        "preStop hooks are left out of trial pods, because they serve nobody",
        "trial pods get 2s to end instead of the template's 300s",
    ] == left_out(profile(server={"template": {"spec": pod}}).spec)
    assert [] == left_out(profile(server={"template": TEMPLATE}).spec) == left_out(profile().spec)


GPU = {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1", "cpu": "8", "ephemeral-storage": "2Gi"}}


def with_resources(resources: Mapping[str, object]) -> dict[str, object]:
    """Return a server whose container asks for these resources, and whose sidecar asks for others."""
    container = {**TEMPLATE["spec"]["containers"][0], "resources": resources}
    sidecar = {"name": "beside", "image": "b", "resources": {"limits": {"example.com/fpga": "1"}}}
    return {"template": {"spec": {**TEMPLATE["spec"], "containers": [container, sidecar]}}}


def test_other_resources_pass_through_untouched() -> None:
    """A GPU is in requests and limits as the template has it; CPU and memory alone are those of the trial."""
    resources = {**GPU, "claims": [{"name": "gpu"}]}
    made = deployed(server=with_resources(resources))["spec"]["template"]["spec"]["containers"][0]["resources"]
    size = LIMITS.to_size().to_dict()
    assert {"nvidia.com/gpu": "1", **size} == made["requests"]
    assert {"nvidia.com/gpu": "1", "ephemeral-storage": "2Gi", **size} == made["limits"]
    assert [{"name": "gpu"}] == made["claims"]


def test_other_resources_are_named_in_the_result() -> None:
    """They are those of the profiled container, whatever shape they have."""
    says = "every trial has ephemeral-storage: 2Gi, nvidia.com/gpu: 1, claim gpu as the template says"
    [sentence] = other_resources(profile(server=with_resources({**GPU, "claims": [{"name": "gpu"}]})).spec)
    assert sentence.startswith(says)
    assert [] == other_resources(profile(server=with_resources({"limits": {"cpu": "1"}, "claims": 7})).spec)
    assert [] == other_resources(profile().spec)
    many = {"limits": {f"example.com/{number}": "1" for number in range(20)}}
    assert "example.com/9" not in other_resources(profile(server=with_resources(many)).spec)[0]


ADDED = {"labels": {"team": "vision", "sidecar.istio.io/inject": "true"}, "annotations": {"note": "a"}}


def test_labels_and_annotations_that_are_asked_for_are_on_every_pod() -> None:
    """Those of the installation and those of the profile, which count where both name one; ours stay."""
    settings = SETTINGS.model_copy(update={"pod_labels": {"team": "ml", "cost": "1"}, "pod_annotations": {"b": "c"}})
    manifest = deployment(profile(podMetadata=ADDED), "abc", settings, incarnation=3, limits=LIMITS, host=None)
    meta = manifest["spec"]["template"]["metadata"]
    assert LABELS | {"team": "vision", "cost": "1", "sidecar.istio.io/inject": "true"} == meta["labels"]
    assert {"b": "c", "note": "a"} | SAFE == meta["annotations"]
    assert "team" not in manifest["spec"]["selector"]["matchLabels"]


def test_an_entry_script_runs_where_it_is_asked_to() -> None:
    """As a template says it itself."""
    placement = {
        "nodeSelector": {"pool": "ml"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "priorityClassName": "low",
        "runtimeClassName": "gvisor",
        "serviceAccountName": "digits",
    }
    script = {"source": {"inline": "x"}, "placement": placement}
    pod = deployed("host-1", server={"entryScript": script})["spec"]["template"]["spec"]
    selector = {"nodeSelector": {"pool": "ml", "kubernetes.io/hostname": "host-1"}}
    assert placement | selector == {name: pod[name] for name in placement}
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("expected", "server"),
    [
        ("server", {"entryScript": {"source": {"inline": "x"}}}),
        ("proxy", {"template": TEMPLATE}),
        ("server", {"template": TEMPLATE, "containerName": "server"}),
    ],
)
def test_the_profiled_container_is_the_one_named_or_the_first(expected: str, server: Object) -> None:
    """Its resources are varied, no other's."""
    assert expected == container_name(profile(server=server).spec)


@pytest.mark.parametrize(
    ("sentence", "server", "path", "message"),
    [
        (
            "an entry script has one container",
            {"entryScript": {"source": {"inline": "x"}}, "containerName": "proxy"},
            "spec.server.containerName",
            "one container, server, not proxy",
        ),
        (
            "a container that is not there",
            {"template": TEMPLATE, "containerName": "sever"},
            "spec.server.containerName",
            "no container 'sever'; it has proxy, server",
        ),
        (
            "no containers",
            {"template": {"spec": {"containers": []}}},
            "spec.server.template.spec.containers",
            "at least one",
        ),
        ("no spec", {"template": {}}, "spec.server.template.spec.containers", "at least one container"),
        (
            "a container without an image",
            {"template": {"spec": {"containers": [{"name": "a"}]}}},
            "spec.server.template.spec.containers[0]",
            "needs a name and an image",
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_reported(sentence: str, server: Object, path: str, message: str) -> None:
    """With its path, and what would be right."""
    (problem,) = template_problems(profile(server=server).spec)
    assert (sentence, path, True) == (sentence, problem.path, message in problem.message)


@pytest.mark.parametrize(
    ("path", "pod"),
    [
        ("hostNetwork", {"hostNetwork": True}),
        ("hostPID", {"hostPID": True}),
        ("hostIPC", {"hostIPC": True}),
        ("volumes[0].hostPath", {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}),
        (
            "initContainers[0].securityContext.privileged",
            {"initContainers": [{"name": "i", "image": "i", "securityContext": {"privileged": True}}]},
        ),
        (
            "containers[0].securityContext.capabilities.add",
            {"containers": [{"name": "i", "image": "i", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
        ),
    ],
)
def test_privileges_are_refused_unless_the_installation_allows_them(path: str, pod: Object) -> None:
    """Creating a ModelProfile is to give no more than creating a pod would under the baseline standard."""
    spec = profile(server={"template": {"spec": {"containers": [{"name": "i", "image": "i"}], **pod}}}).spec
    assert [f"spec.server.template.spec.{path}"] == [p.path for p in template.privileges(spec, Settings())]
    assert [] == template.privileges(spec, Settings(allow_privileged=True))


def test_an_ordinary_template_asks_for_no_privileges() -> None:
    """Capabilities that a container has anyway are none."""
    context = {"privileged": False, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    pod = {"hostNetwork": False, "containers": [{"name": "i", "image": "i", "securityContext": context}]}
    assert [] == template.privileges(profile(server={"template": {"spec": pod}}).spec, Settings())
    assert [] == template.privileges(profile().spec, Settings())


def test_a_users_own_affinity_is_kept_in_addition_to_ours() -> None:
    """Profiles keep apart where there is a choice, and the user's rules hold as before."""
    preference = {"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}
    node: Object = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    pod = {**TEMPLATE["spec"], "affinity": {"nodeAffinity": node, "podAntiAffinity": {preferred: [preference]}}}
    spec = profile(server={"template": {"spec": pod}})
    manifest = deployment(spec, "abc", SETTINGS, incarnation=1, limits=LIMITS, host=None)
    affinity = manifest["spec"]["template"]["spec"]["affinity"]
    assert node == affinity["nodeAffinity"]
    assert preference == affinity["podAntiAffinity"][preferred][0]
    assert 2 == len(affinity["podAntiAffinity"][preferred])


@pytest.mark.parametrize("affinity", ["x", {"podAntiAffinity": "x"}, {"podAntiAffinity": {}}, None])
def test_what_is_no_affinity_is_left_to_the_api_server(affinity: object) -> None:
    """It refuses it with a message; the operator goes on."""
    pod = {**TEMPLATE["spec"], "affinity": affinity}
    spec = profile(server={"template": {"spec": pod}})
    assert deployment(spec, "abc", SETTINGS, incarnation=1, limits=LIMITS, host=None)


@pytest.mark.parametrize(
    ("expected", "spec"),
    [
        (False, {}),
        (True, {"automountServiceAccountToken": True}),
        (None, {"serviceAccountName": "shop"}),
        (None, {"serviceAccount": "shop"}),
    ],
)
def test_a_server_gets_no_token_unless_it_asks_for_one(expected: bool | None, spec: Object) -> None:
    """Everybody's default account would be mounted all the same; who names an account needs it."""
    pod = {"containers": [{"name": "server", "image": "i"}], **spec}
    manifest = deployed("host-1", server={"template": {"spec": pod}})
    assert expected == manifest["spec"]["template"]["spec"].get("automountServiceAccountToken")
