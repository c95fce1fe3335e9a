"""The chart: what it asks for, what it refuses, and that its values are the operator's settings."""

import itertools
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.cluster.objects import profile

from modelprofiler.cluster import names
from modelprofiler.cluster.act.perform import RENDEZVOUS_PORT
from modelprofiler.cluster.settings import PREFIX, Settings

Object = dict[str, Any]
Render = Callable[..., list[Object]]
Helm = Callable[..., subprocess.CompletedProcess[str]]

EVERYTHING = (
    "--set=prometheus.url=https://prometheus:9090,prometheus.tokenSecret.name=token,prometheus.caConfigMap.name=ca",
    "--set=kubelet.caConfigMap.name=kubelet-ca,kubelet.insecureTLS=true",
    "--set=watchNamespaces={a,b},logLevel=DEBUG,logFormat=JSON",
    "--set=trials.allowPrivileged=true,trials.imagePullPolicy=Always,trials.imagePullSecrets={r,s}",
    "--set=trials.load.cpu=2,trials.load.memory=1Gi,trials.load.cpuLimit=3,trials.timeouts.ready=12",
    "--set=trials.nodeReader=Auto,trials.coldStart=true,nodes.autoscaled=true",
    "--set=trials.loadImage.repository=registry.example/load,trials.loadImage.tag=v7",
    "--set=prometheus.headers.X-Scope-OrgID=team-a",
    '--set-json=namespaceSelector={"modelprofiler.io/enabled":"true","team":"ml"}',
    "--set=limits.deadline=2h,limits.trials=30,limits.duration=2m,limits.namespaceSharePercent=50",
    "--set=trials.podLabels.team=ml,trials.podAnnotations.note=a",
    "--set=trials.packageIndex.url=https://packages.example/simple,trials.packageIndex.secret=login",
    "--set=trials.packageIndex.caBundle=-----BEGIN CERTIFICATE-----",
    f"--set=trials.scoringImage.digest=sha256:{'1' * 64}",
)


def _one(objects: list[Object], kind: str, name: str | None = None) -> Object:
    (match,) = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    return match


def _container(objects: list[Object]) -> Object:
    (container,) = _one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def _environment(objects: list[Object]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in _container(objects)["env"] if "value" in variable}


def _rules(objects: list[Object]) -> list[Object]:
    return [rule for o in objects if o["kind"] in ("Role", "ClusterRole") for rule in o["rules"]]


def test_helm_has_nothing_to_complain_of(helm: Helm, chart: Path) -> None:
    """Warnings count."""
    helm("lint", "--strict", str(chart))


def test_the_chart_has_the_projects_version(chart: Path, repository: Path) -> None:
    """The default image tag is the version of the code in this repository."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    assert (project["version"], project["version"]) == (metadata["version"], metadata["appVersion"])


def test_the_default_values_are_the_operators_own_defaults(render: Render) -> None:
    """The values in values.yaml are what an operator without settings does."""
    settings = Settings.from_environment(_environment(render()))
    images = {"scoring_image": "modelprofiler/scoring-server:0.1.0", "load_image": "modelprofiler/operator:0.1.0"}
    account = {"kubelet_account": "tools/mp-modelprofiler-kubelet"}
    leader = {"lease_namespaces": ("kube-system",), "pod_name": "tools/$(POD_NAME)", "metrics_port": 8081}
    assert Settings().model_copy(update=images | account | leader) == settings


def test_a_login_reaches_the_operator(render: Render) -> None:
    """The password only as a file of the Secret, and never in the environment."""
    objects = render("--set=prometheus.url=https://mimir/prometheus,prometheus.basicAuthSecret.name=login")
    settings = Settings.from_environment(_environment(objects))
    folder = "/etc/modelprofiler/prometheus-login"
    assert (f"{folder}/username", f"{folder}/password") == (
        settings.prometheus_username_file,
        settings.prometheus_password_file,
    )
    assert {"name": "prometheus-login", "mountPath": folder, "readOnly": True} in _container(objects)["volumeMounts"]
    volumes = _one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "prometheus-login", "secret": {"secretName": "login"}} in volumes


def test_a_proxy_that_signs_requests_runs_beside_the_operator(render: Render) -> None:
    """Amazon's Prometheus wants signatures, which the operator does not make."""
    proxy = {"name": "sigv4", "image": "aws-sigv4-proxy:1", "args": ["--port", ":8005"]}
    objects = render(f"--set-json=extraContainers={json.dumps([proxy])}")
    containers = _one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [proxy] == containers[1:]


REFUSED_LOGINS = {
    "prometheus.basicAuthSecret.name=login,prometheus.tokenSecret.name=token": "one Authorization header",
    "prometheus.headers.Authorization=Bearer": "prometheus.headers must not have Authorization",
    "prometheus.headers.cookie=a": "prometheus.headers must not have cookie",
    "prometheus.headers.a b=c": "/prometheus/headers",
}


@pytest.mark.parametrize("values", REFUSED_LOGINS)
def test_a_login_that_would_not_work_or_would_be_seen_is_refused(values: str, helm: Helm, chart: Path) -> None:
    """Two of them, or a credential among the values, which everybody may read who may read the Deployment."""
    result = helm("template", "mp", str(chart), f"--set={values}", check=False)
    assert result.returncode != 0
    assert REFUSED_LOGINS[values] in result.stderr


def test_every_value_reaches_its_setting(render: Render) -> None:
    """By the operator's own reading of its environment."""
    expected = Settings(
        namespaces=("a", "b"),
        namespace_labels=("modelprofiler.io/enabled=true", "team=ml"),
        prometheus_url="https://prometheus:9090",
        prometheus_headers={"X-Scope-OrgID": "team-a"},
        prometheus_token_file="/etc/modelprofiler/prometheus-token/token",
        prometheus_ca_file="/etc/modelprofiler/prometheus-ca/ca.crt",
        kubelet_ca_file="/etc/modelprofiler/kubelet-ca/ca.crt",
        kubelet_insecure_tls=True,
        kubelet_account="tools/mp-modelprofiler-kubelet",
        scoring_image=f"modelprofiler/scoring-server@sha256:{'1' * 64}",
        package_index_url="https://packages.example/simple",
        package_index_secret="login",
        package_index_ca="-----BEGIN CERTIFICATE-----",
        pod_labels={"team": "ml"},
        pod_annotations={"note": "a"},
        load_image="registry.example/load:v7",
        image_pull_policy="Always",
        image_pull_secrets=("r", "s"),
        node_reader="Auto",
        cold_start=True,
        load_cpu="2",
        load_cpu_limit="3",
        load_memory="1Gi",
        allow_privileged=True,
        limits_deadline="2h",
        limits_trials=30,
        limits_duration="2m",
        limits_namespace_share=50,
        ready_timeout_seconds=12,
        nodes_autoscaled=True,
        metrics_port=8081,
        lease_namespaces=("a", "b"),
        pod_name="tools/$(POD_NAME)",
        log_level="DEBUG",
        log_format="JSON",
    )
    assert expected == Settings.from_environment(_environment(render(*EVERYTHING)))


def test_every_setting_has_a_value_in_the_chart(render: Render) -> None:
    """None can only be set by an undocumented variable, and no variable is misspelt."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    login = "--set=prometheus.tokenSecret.name=,prometheus.basicAuthSecret.name=login"
    assert names == set(_environment(render(*EVERYTHING))) | set(_environment(render(*EVERYTHING, login)))


def test_every_file_a_setting_names_is_mounted(render: Render) -> None:
    """A token that is configured but not there would only show when the first samples are read."""
    objects = render(*EVERYTHING)
    mounts = {mount["mountPath"]: mount["name"] for mount in _container(objects)["volumeMounts"]}
    volumes = {volume["name"] for volume in _one(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]}
    files = [value for name, value in _environment(objects).items() if name.endswith("_FILE")]
    assert len(files) == 3
    for file in files:
        assert mounts[str(Path(file).parent)] in volumes


def test_the_operator_runs_with_no_privileges(render: Render) -> None:
    """It passes the restricted Pod Security Standard, and cannot write to its own file system."""
    pod = _one(render(), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_there_is_never_a_second_operator(render: Render) -> None:
    """The old one is gone before the new one starts."""
    spec = _one(render(), "Deployment")["spec"]
    assert (1, {"type": "Recreate"}) == (spec["replicas"], spec["strategy"])


def test_the_operator_has_probes_and_resources(render: Render) -> None:
    """Whether it is alive and whether it is ready are two questions."""
    container = _container(render())
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "health"}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {"health": Settings().liveness_port, "metrics": 8081} == ports
    assert {"requests", "limits"} == set(container["resources"])
    assert ["operator"] == container["args"]


def test_operators_of_all_namespaces_share_one_lease(render: Render) -> None:
    """Whatever their release is called; a confined one has a Lease in each of its namespaces and no right elsewhere."""
    assert "kube-system" == _environment(render())[f"{PREFIX}LEASE_NAMESPACES"]
    role = next(o for o in render() if o["kind"] == "Role" and o["metadata"]["namespace"] == "kube-system")
    assert {("leases",)} == {tuple(rule["resources"]) for rule in role["rules"]}
    confined = render("--set=watchNamespaces={a,b}")
    assert "a,b" == _environment(confined)[f"{PREFIX}LEASE_NAMESPACES"]
    assert "kube-system" not in {o["metadata"].get("namespace") for o in confined}
    rendered = render("--set=leaderElection.enabled=false")
    assert f"{PREFIX}LEASE_NAMESPACES" not in _environment(rendered)
    assert all("leases" not in rule["resources"] for rule in _rules(rendered))


def test_monitoring_is_made_where_it_is_asked_for(render: Render) -> None:
    """The Prometheus operator's kinds only then: not every cluster knows them."""
    assert not {"ServiceMonitor", "PrometheusRule"} & {o["kind"] for o in render()}
    every = render(
        "--set=metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=prometheus",
        "--set=metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true",
    )
    monitor, service = _one(every, "ServiceMonitor"), _one(every, "Service")
    assert "prometheus" == monitor["metadata"]["labels"]["release"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert (
        service["spec"]["selector"].items()
        <= _one(every, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    )
    assert 6 == len(_one(every, "PrometheusRule")["spec"]["groups"][0]["rules"])
    (dashboard,) = [o for o in every if o["kind"] == "ConfigMap" and "grafana_dashboard" in o["metadata"]["labels"]]
    assert "modelprofiler" == json.loads(dashboard["data"]["modelprofiler.json"])["title"]
    none = render("--set=metrics.enabled=false")
    assert "0" == _environment(none)[f"{PREFIX}METRICS_PORT"]
    assert "Service" not in {o["kind"] for o in none}


def test_no_role_has_a_wildcard(render: Render) -> None:
    """Neither a verb, nor a resource, nor a group."""
    for rule in _rules(render()):
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]


def test_the_operator_cannot_change_what_users_write(render: Render) -> None:
    """It also must not read a secret, run a command in a pod, or touch a role."""
    role = _one(render(), "ClusterRole", "mp-modelprofiler-tools")
    granted = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert {"get", "list", "watch"} == {verb for resource, verb in granted if resource == "modelprofiles"}
    assert not {r for r, _ in granted} & {"secrets", "pods/exec", "pods/log", "roles", "clusterroles", "nodes/proxy"}


def test_every_rule_says_what_it_is_for(chart: Path) -> None:
    """A platform team reads the roles before it installs anything."""
    rules = 0
    for path in (chart / "templates").glob("rbac*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for before, line in itertools.pairwise(lines):
            if line.strip().startswith("- apiGroups:"):
                rules += 1
                assert before.strip().startswith("# "), f"{path.name}: {line.strip()} has no comment"
    assert rules > 10


def test_all_namespaces_are_one_cluster_role(render: Render) -> None:
    """Namespaces that are made later are served too."""
    objects = render("--set=rbac.aggregate=false")
    roles = ["mp-modelprofiler-tools", "mp-modelprofiler-tools-kubelet"]
    assert roles == [o["metadata"]["name"] for o in objects if o["kind"] == "ClusterRole"]
    assert roles == [o["roleRef"]["name"] for o in objects if o["kind"] == "ClusterRoleBinding"]


def test_a_kubelet_sees_the_token_of_an_account_that_may_read_its_metrics_and_nothing_else(render: Render) -> None:
    """The operator may not read them itself, but request that token and no other."""
    objects = render("--set=rbac.aggregate=false")
    account = "mp-modelprofiler-kubelet"
    bound = {(s["name"], o["roleRef"]["name"]) for o in objects for s in o.get("subjects", ())}
    assert {"mp-modelprofiler-tools-kubelet"} == {role for name, role in bound if name == account}
    metrics = [{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]
    assert metrics == _one(objects, "ClusterRole", "mp-modelprofiler-tools-kubelet")["rules"]
    rules = [rule for o in objects if o["kind"] == "ClusterRole" for rule in o["rules"]]
    assert 1 == sum("nodes/metrics" in rule["resources"] for rule in rules)
    role = _one(objects, "Role", "mp-modelprofiler-kubelet-token")
    token = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}
    assert [token | {"resourceNames": [account]}] == role["rules"]
    assert "tools" == role["metadata"]["namespace"]
    assert _one(objects, "ServiceAccount", account)["automountServiceAccountToken"] is False


def test_without_node_access_there_is_no_account_for_kubelets(render: Render) -> None:
    """One that somebody else has made can be named instead."""
    objects = render("--set=rbac.nodeAccess=false")
    assert not [o for o in objects if "kubelet" in o["metadata"]["name"]]
    assert "MODELPROFILER_KUBELET_ACCOUNT" not in _environment(objects)
    objects = render("--set=kubelet.serviceAccount.create=false,kubelet.serviceAccount.name=other")
    assert "tools/other" == _environment(objects)["MODELPROFILER_KUBELET_ACCOUNT"]
    assert ["mp-modelprofiler"] == [o["metadata"]["name"] for o in objects if o["kind"] == "ServiceAccount"]


def test_chosen_namespaces_get_a_role_each_and_nothing_else_but_nodes(render: Render) -> None:
    """Nothing of other namespaces can be read."""
    objects = render("--set=watchNamespaces={a,b},rbac.aggregate=false")
    for kind in ("Role", "RoleBinding"):
        namespaced = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == "mp-modelprofiler-tools"]
        assert ["a", "b"] == [o["metadata"]["namespace"] for o in namespaced]
    rules = [rule for o in objects if o["kind"] == "ClusterRole" for rule in o["rules"]]
    assert [["nodes"], ["nodes/metrics"]] == [rule["resources"] for rule in rules]


def test_without_node_access_chosen_namespaces_need_no_cluster_role(render: Render) -> None:
    """A team can install it into its own namespace."""
    objects = render("--set=watchNamespaces={a},rbac.aggregate=false,rbac.nodeAccess=false,crds.install=false")
    assert ["Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"] == sorted(o["kind"] for o in objects)


def test_every_binding_is_to_the_operators_own_account(render: Render) -> None:
    """The account the pod runs as, whatever it is called."""
    objects = render("--set=serviceAccount.name=other,watchNamespaces={a}")
    assert _one(objects, "ServiceAccount", "other")
    assert _one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "other"
    subjects = [s for o in objects if o["kind"].endswith("Binding") and "kubelet" not in str(o) for s in o["subjects"]]
    assert [{"kind": "ServiceAccount", "name": "other", "namespace": "tools"}] * 2 == subjects


def test_the_crd_stays_on_uninstall_and_can_be_left_out(render: Render) -> None:
    """Deleting the CRD would delete every ModelProfile of the cluster."""
    crd = _one(render(), "CustomResourceDefinition")
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "CustomResourceDefinition" not in [o["kind"] for o in render("--set=crds.install=false")]


def test_two_releases_share_no_cluster_wide_name(render: Render) -> None:
    """One name in two namespaces is two releases."""
    names = [{o["metadata"]["name"] for o in render(f"--namespace={n}") if "Cluster" in o["kind"]} for n in "ab"]
    assert not names[0] & names[1]


def test_editors_of_a_namespace_may_edit_its_profiles_but_not_their_results(render: Render) -> None:
    """Through the cluster's own roles, so nobody has to be bound anew."""
    objects = render()
    view = _one(objects, "ClusterRole", "mp-modelprofiler-tools-view")
    edit = _one(objects, "ClusterRole", "mp-modelprofiler-tools-edit")
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in edit["metadata"]["labels"]
    assert ["modelprofiles"] == [resource for rule in edit["rules"] for resource in rule["resources"]]


def test_nothing_but_its_labels_is_read_of_a_namespace_and_only_where_they_matter(render: Render) -> None:
    """Also for an installation that serves some namespaces only."""
    rule = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}
    assert rule not in _rules(render())
    for values in ("watchNamespaces=null", "watchNamespaces={a},rbac.nodeAccess=false"):
        assert rule in _rules(render(f"--set={values}", '--set-json=namespaceSelector={"a":"b"}'))


def test_network_policies_are_made_only_where_they_are_asked_for(render: Render) -> None:
    """Without a network that enforces them they would only look as if."""
    assert not [o for o in render() if o["kind"] == "NetworkPolicy"]


def test_the_operator_reaches_what_it_needs_and_is_reached_by_nobody(render: Render) -> None:
    """The port of Prometheus is that of its URL."""
    for url, port in (("http://p.monitoring:9090", 9090), ("https://p/path", 443), ("http://p", 80)):
        policy = _one(render("--set=networkPolicy.enabled=true", f"--set=prometheus.url={url}"), "NetworkPolicy")
        assert ([], ["Ingress", "Egress"]) == (policy["spec"]["ingress"], policy["spec"]["policyTypes"])
        ports = {p["port"] for rule in policy["spec"]["egress"] for p in rule["ports"]}
        assert {53, 443, 6443, 10250, port} == ports
        pod = _one(render(), "Deployment")["spec"]["template"]["metadata"]["labels"]
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= pod.items()
    policy = _one(
        render("--set=networkPolicy.enabled=true,rbac.nodeAccess=false,networkPolicy.apiServerCIDRs={198.51.100.7/32}"),
        "NetworkPolicy",
    )
    assert 10250 not in {p["port"] for rule in policy["spec"]["egress"] for p in rule["ports"]}
    assert {"ipBlock": {"cidr": "198.51.100.7/32"}} in policy["spec"]["egress"][1]["to"]


def test_the_pods_of_a_run_reach_each_other_and_no_more(render: Render) -> None:
    """Their labels are those that the operator sets."""
    objects = render("--set=networkPolicy.enabled=true,networkPolicy.namespaces={a,b}")
    policies = {
        (o["metadata"]["namespace"], o["metadata"]["name"].rpartition("-")[2]): o["spec"]
        for o in objects
        if o["kind"] == "NetworkPolicy"
    }
    assert {(n, kind) for n in "ab" for kind in ("load", "prepare", "server")} < set(policies)
    for kind in ("load", "prepare", "server"):
        labels = names.labels(profile(), "abc", kind)
        assert policies["a", kind]["podSelector"]["matchLabels"].items() <= labels.items()
    server = names.labels(profile(), "abc", names.SERVER)
    (peer,) = policies["a", "load"]["egress"][1]["to"]
    assert peer["podSelector"]["matchLabels"].items() <= server.items()
    named = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "NetworkPolicy"}
    # Several load pods agree on when they start; nobody else talks to one.
    (ingress,) = policies["a", "load"]["ingress"]
    assert (
        [RENDEZVOUS_PORT]
        == [p["port"] for p in ingress["ports"]]
        == [p["port"] for p in policies["a", "load"]["egress"][2]["ports"]]
    )
    load = names.labels(profile(), "abc", names.LOAD)
    for (other,) in (ingress["from"], policies["a", "load"]["egress"][2]["to"]):
        assert other["podSelector"]["matchLabels"].items() <= load.items()
    (addresses,) = [spec for name, spec in named.items() if name.endswith("-load-download")]
    assert addresses["podSelector"]["matchLabels"].items() <= {**load, names.DOWNLOADS: "true"}.items()
    assert (["Egress"], [{}]) == (addresses["policyTypes"], addresses["egress"])
    assert [] == policies["a", "prepare"]["egress"]
    assert [{"key": names.DOWNLOADS, "operator": "DoesNotExist"}] == (
        policies["a", "prepare"]["podSelector"]["matchExpressions"]
    )
    # What downloads has a policy of its own, with its network left to the namespace.
    downloading = {name: spec for name, spec in named.items() if name.endswith("-download")}
    (download,) = [spec for name, spec in downloading.items() if not name.endswith("-load-download")]
    assert "true" == download["podSelector"]["matchLabels"][names.DOWNLOADS]
    assert (["Ingress"], []) == (download["policyTypes"], download["ingress"])
    assert ["Ingress"] == policies["a", "server"]["policyTypes"]


def test_the_admission_policy_is_for_the_operators_account_alone(render: Render) -> None:
    """What it refuses is tried on a real API server in the end-to-end tests."""
    assert not [o for o in render() if o["kind"].startswith("Validating")]
    objects = render("--set=admissionPolicy.enabled=true,serviceAccount.name=other")
    policy = _one(objects, "ValidatingAdmissionPolicy")["spec"]
    assert "'system:serviceaccount:tools:other'" in policy["matchConditions"][0]["expression"]
    guarded = {r for rule in policy["matchConstraints"]["resourceRules"] for r in rule["resources"]}
    changed = {
        resource
        for rule in _one(objects, "ClusterRole", "mp-modelprofiler-tools")["rules"]
        for resource in rule["resources"]
        if set(rule["verbs"]) - {"get", "list", "watch"}
    }
    assert changed - {"modelprofiles/status"} == guarded


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("watchNamespace={a}", "watchNamespace"),
        ("trials.alowPrivileged=true", "alowPrivileged"),
        ("prometheus.url=prometheus:9090", "/prometheus/url"),
        ("logLevel=debug", "/logLevel"),
        ("watchNamespaces={A_b}", "/watchNamespaces/0"),
        ("image.digest=abc", "/image/digest"),
        ("trials.load.cpu=lots", "/trials/load/cpu"),
        ("trials.timeouts.ready=0", "/trials/timeouts/ready"),
        ("limits.trials=500", "/limits/trials"),
        ("limits.deadline=1d", "/limits/deadline"),
        ("crds.install=maybe", "/crds/install"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(value: str, message: str, helm: Helm, chart: Path) -> None:
    """Also a misspelt one: it would otherwise be ignored."""
    completed = helm("template", "mp", str(chart), "--set", value, check=False)
    assert completed.returncode != 0
    assert message in completed.stderr


def test_the_schema_knows_every_value_and_no_other(chart: Path) -> None:
    """values.yaml and values.schema.json say the same names."""
    values = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    schema = yaml.safe_load((chart / "values.schema.json").read_text(encoding="utf-8"))
    _same_names(values, schema, "")


def _same_names(values: Object, schema: Object, path: str) -> None:
    properties = schema.get("properties")
    if properties is None:
        return
    assert schema["additionalProperties"] is False, path
    assert set(properties) - {"global"} == set(values), path
    for name, value in values.items():
        if isinstance(value, dict):
            _same_names(value, properties[name], f"{path}/{name}")


def test_every_value_is_explained(chart: Path) -> None:
    """By a comment above it, or above the group it is in, or by its own name as in a Pod."""
    plain = {"nameOverride", "fullnameOverride", "resources", "podAnnotations", "podLabels", "podSecurityContext"}
    plain |= {"securityContext", "nodeSelector", "tolerations", "affinity", "priorityClassName"}
    lines = (chart / "values.yaml").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        name = re.match(r"([a-zA-Z]+):", line)
        if name and name[1] not in plain:
            around = [lines[number - 1], *lines[number + 1 : number + 3]]
            assert any(text.strip().startswith("#") for text in around), f"{name[1]} has no comment"


def test_the_notes_warn_when_usage_cannot_be_read(helm: Helm, chart: Path) -> None:
    """Without Prometheus and without node access no trial can be judged."""
    arguments = ("install", "mp", str(chart), "--dry-run=client", "--set", "rbac.nodeAccess=false")
    assert "Usage cannot be read" in helm(*arguments).stdout
    assert "Usage cannot be read" not in helm(*arguments, "--set", "prometheus.url=http://p").stdout


def test_the_notes_say_what_to_do_next(helm: Helm, chart: Path) -> None:
    """The commands can be copied."""
    notes = helm("install", "mp", str(chart), "--dry-run=client", "--namespace", "tools").stdout.partition("NOTES:")[2]
    assert "kubectl --namespace tools rollout status deployment/mp-modelprofiler" in notes
    assert "helm uninstall mp --namespace tools" in notes
