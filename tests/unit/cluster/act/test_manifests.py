"""What a run creates, whole."""

from __future__ import annotations

from typing import Any

from tests.unit.cluster.expected import (
    LABELS,
    LIMITS,
    MODEL,
    OWNER,
    RESIZE_POLICY,
    RESTRICTED,
    RESTRICTED_POD,
    SAFE,
    SETTINGS,
    SIZE,
)
from tests.unit.cluster.objects import MI, SMALL, UID, Object, profile

from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.act import manifests
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.load.config import DatasetFile, LoadConfig

APART = {
    "weight": 100,
    "podAffinityTerm": {
        "labelSelector": {
            "matchLabels": {
                "app.kubernetes.io/managed-by": "modelprofiler",
                "app.kubernetes.io/component": "server",
            }
        },
        "namespaceSelector": {},
        "topologyKey": "kubernetes.io/hostname",
    },
}


def deployed(host: str | None = None, **spec: Any) -> Object:
    """Return the Deployment of the third trial's server."""
    return manifests.deployment(profile(**spec), "abc", SETTINGS, incarnation=3, limits=LIMITS, host=host)


def config(**changes: Any) -> LoadConfig:
    """Return what a load is told."""
    p = profile()
    return LoadConfig(
        host="198.19.0.7",
        port=5001,
        endpoint=p.spec.endpoint.http,
        dataset=DatasetFile(path="/var/modelprofiler/dataset/requests.txt"),
        load=p.spec.load,
        **changes,
    )


def job(server_host: str | None = None, settings: Settings = SETTINGS, **spec: Any) -> Object:
    """Return the load Job of the fourth trial."""
    return manifests.load_job(
        profile(**spec),
        "abc",
        settings,
        config(),
        trial=4,
        purpose=Purpose.BRACKET,
        limits=LIMITS,
        window="Decide",
        incarnation=3,
        server_pod="pod-uid",
        server_host=server_host,
        deadline_seconds=300,
    )


def test_the_deployment_of_an_entry_script_is_a_restricted_scoring_server() -> None:
    """The whole object."""
    found = deployed(model=MODEL)
    base = names.base(profile(), "abc")
    expected = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"{base}-s3",
            "namespace": "team",
            "labels": LABELS,
            "annotations": {
                "modelprofiler.io/profile": "digits",
                "modelprofiler.io/cpu": "250",
                "modelprofiler.io/memory": str(512 * MI),
            },
            "ownerReferences": [OWNER],
        },
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 0,
            "strategy": {"type": "Recreate"},
            "selector": {
                "matchLabels": {
                    "modelprofiler.io/profile-uid": UID,
                    "modelprofiler.io/run": "abc",
                    "modelprofiler.io/incarnation": "3",
                }
            },
            "template": {
                "metadata": {"labels": LABELS | {"sidecar.istio.io/inject": "false"}, "annotations": SAFE},
                "spec": {
                    "restartPolicy": "Always",
                    "terminationGracePeriodSeconds": 2,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "imagePullSecrets": [{"name": "pull"}],
                    "securityContext": RESTRICTED_POD,
                    "containers": [
                        {
                            "name": "server",
                            "image": "scoring:1",
                            "imagePullPolicy": "IfNotPresent",
                            "command": [
                                *("azmlinfsrv", "--entry_script", "/var/modelprofiler/code/score.py"),
                                *("--port", "5001", "--model_dir", "/var/modelprofiler/model"),
                            ],
                            "workingDir": "/tmp",
                            "env": [
                                {"name": "WORKER_COUNT", "value": "1"},
                                {"name": "AML_APP_ROOT", "value": "/var/modelprofiler/code"},
                                {"name": "HOME", "value": "/tmp"},
                                {"name": "MODEL_DIR", "value": "/var/modelprofiler/model"},
                                {"name": "AZUREML_MODEL_DIR", "value": "/var/modelprofiler/model"},
                            ],
                            "ports": [{"name": "score", "containerPort": 5001}],
                            "resources": {"requests": SIZE, "limits": SIZE},
                            "resizePolicy": RESIZE_POLICY,
                            "securityContext": RESTRICTED,
                            "startupProbe": {
                                "httpGet": {"path": "/", "port": 5001},
                                "periodSeconds": 1,
                                "timeoutSeconds": 5,
                                "failureThreshold": 300,
                            },
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "volumeMounts": [
                                {"name": "tmp", "mountPath": "/tmp"},
                                {
                                    "name": "modelprofiler-code",
                                    "mountPath": "/var/modelprofiler/code",
                                    "readOnly": True,
                                },
                                {
                                    "name": "modelprofiler-model",
                                    "mountPath": "/var/modelprofiler/model",
                                    "readOnly": True,
                                },
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
                        {"name": "modelprofiler-code", "configMap": {"name": "files"}},
                        {"name": "modelprofiler-model", "configMap": {"name": "model"}},
                    ],
                    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [APART]}},
                },
            },
        },
    }
    assert expected == found


def test_the_service_reaches_pods_that_are_not_ready_on_the_port_of_the_endpoint() -> None:
    """A health route that waits behind a running score must not look like errors."""
    p = profile(endpoint={"http": {"port": 8080}})
    found = manifests.service(p, "abc", 3)
    assert {
        "selector": LABELS,
        "publishNotReadyAddresses": True,
        "ports": [{"name": "load", "port": 8080, "targetPort": 8080}],
    } == found["spec"]
    assert [OWNER] == found["metadata"]["ownerReferences"]
    template = manifests.deployment(p, "abc", SETTINGS, incarnation=3, limits=LIMITS, host=None)["spec"]["template"]
    assert LABELS.items() <= template["metadata"]["labels"].items()


def test_the_load_pod_has_a_cpu_limit_only_where_the_installer_wants_one() -> None:
    """One that is held back would measure itself; but a quota on limits.cpu takes no pod without."""
    found = [
        manifests.load_pod(profile(), "abc", settings, None)["containers"][0]["resources"]["limits"]
        for settings in (Settings(), Settings(load_cpu_limit="2"))
    ]
    assert [{"memory": "256Mi"}, {"cpu": "2", "memory": "256Mi"}] == found


def test_the_load_job_is_restricted_tells_what_it_is_for_and_reads_its_config_from_an_annotation() -> None:
    """The whole object."""
    base = names.base(profile(), "abc")
    labels = LABELS | {"app.kubernetes.io/component": "load", "modelprofiler.io/trial": "4"}
    del labels["modelprofiler.io/incarnation"]
    expected = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{base}-t4",
            "namespace": "team",
            "labels": labels,
            "annotations": {
                "modelprofiler.io/profile": "digits",
                "modelprofiler.io/cpu": "250",
                "modelprofiler.io/memory": str(512 * MI),
                "modelprofiler.io/purpose": "Bracket",
                "modelprofiler.io/window": "Decide",
                "modelprofiler.io/incarnation": "3",
                "modelprofiler.io/server-pod-uid": "pod-uid",
            },
            "ownerReferences": [OWNER],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "Indexed",
            "activeDeadlineSeconds": 300,
            "template": {
                "metadata": {
                    "labels": labels | {"sidecar.istio.io/inject": "false"},
                    "annotations": SAFE
                    | {"modelprofiler.io/load-config": config().model_dump_json(by_alias=True, exclude_none=True)},
                },
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 10,
                    "imagePullSecrets": [{"name": "pull"}],
                    "securityContext": RESTRICTED_POD,
                    "containers": [
                        {
                            "name": "load",
                            "image": "operator:1",
                            "imagePullPolicy": "IfNotPresent",
                            "args": [
                                *("load", "--config", "/etc/modelprofiler/load.json"),
                                *("--result", "/dev/termination-log"),
                            ],
                            "resources": {
                                "requests": {"cpu": "500m", "memory": "256Mi"},
                                "limits": {"memory": "256Mi"},
                            },
                            "securityContext": RESTRICTED,
                            "volumeMounts": [
                                {"name": "config", "mountPath": "/etc/modelprofiler", "readOnly": True},
                                {
                                    "name": "modelprofiler-dataset",
                                    "mountPath": "/var/modelprofiler/dataset",
                                    "readOnly": True,
                                },
                            ],
                        }
                    ],
                    "volumes": [
                        {
                            "name": "config",
                            "downwardAPI": {
                                "items": [
                                    {
                                        "path": "load.json",
                                        "fieldRef": {
                                            "fieldPath": "metadata.annotations['modelprofiler.io/load-config']"
                                        },
                                    }
                                ]
                            },
                        },
                        {
                            "name": "modelprofiler-dataset",
                            "configMap": {
                                "name": "files",
                                "items": [{"key": "requests.txt", "path": "requests.txt"}],
                            },
                        },
                    ],
                },
            },
        },
    }
    assert expected == job()


def test_the_load_prefers_another_node_than_the_servers() -> None:
    """Where there is a choice."""
    affinity = job("host-1")["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["host-1"]}] == term["preference"][
        "matchExpressions"
    ]


def test_the_config_that_a_load_reads_is_the_one_that_was_written() -> None:
    """Through JSON, an annotation and a file."""
    written = job()["spec"]["template"]["metadata"]["annotations"][names.LOAD_CONFIG]
    assert config() == LoadConfig.model_validate_json(written)


def test_what_the_profile_carries_inline_is_one_config_map_that_volumes_name() -> None:
    """Model, code and rows; the files keep the names that the server looks for."""
    spec: dict[str, Any] = {
        "model": {"name": "m", "source": {"inline": "weights"}},
        "server": {"entryScript": {"source": {"inline": "def init(): ..."}, "file": "main.py"}},
        "dataset": {"source": {"inline": "[1]\n"}},
    }
    p = profile(**spec)
    found = manifests.files(p, "abc")
    assert found is not None
    data = {
        "modelprofiler-model": "weights",
        "modelprofiler-code": "def init(): ...",
        "modelprofiler-dataset": "[1]\n",
    }
    assert (names.files(p, "abc"), data, [OWNER]) == (
        found["metadata"]["name"],
        found["data"],
        found["metadata"]["ownerReferences"],
    )
    volumes = [
        *deployed(**spec)["spec"]["template"]["spec"]["volumes"],
        *job(**spec)["spec"]["template"]["spec"]["volumes"],
    ]
    mounted = {
        v["name"]: (v["configMap"]["name"], v["configMap"]["items"][0]["path"]) for v in volumes if "configMap" in v
    }
    assert {
        "modelprofiler-model": (names.files(p, "abc"), "model"),
        "modelprofiler-code": (names.files(p, "abc"), "main.py"),
        "modelprofiler-dataset": (names.files(p, "abc"), "dataset"),
    } == mounted


def test_a_profile_that_carries_nothing_inline_needs_no_config_map() -> None:
    """Its sources are ConfigMaps already."""
    assert None is manifests.files(profile(), "abc")


def test_the_size_is_written_as_kubernetes_writes_it() -> None:
    """So that what is read back compares equal."""
    p = profile()
    sizes = [Limits(1000, 1024 * MI), SMALL, Limits(50, 100 * MI + 1)]
    made = [manifests.deployment(p, "a", SETTINGS, incarnation=1, limits=s, host=None) for s in sizes]
    assert [
        {"cpu": "1", "memory": "1Gi"},
        {"cpu": "250m", "memory": "1Gi"},
        {"cpu": "50m", "memory": str(100 * MI + 1)},
    ] == [o["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] for o in made]
