"""The whole Deployment of a server."""

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

from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.core.axis import Limits

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
    return deployment(profile(**spec), "abc", SETTINGS, incarnation=3, limits=LIMITS, host=host)


def test_the_deployment_of_an_entry_script_is_a_restricted_scoring_server() -> None:
    """The whole object."""
    manifest = deployed(model=MODEL)
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
    assert expected == manifest


def test_the_size_is_written_as_kubernetes_writes_it() -> None:
    """So that what is read back compares equal."""
    p = profile()
    sizes = [Limits(1000, 1024 * MI), SMALL, Limits(50, 100 * MI + 1)]
    manifests = [deployment(p, "a", SETTINGS, incarnation=1, limits=s, host=None) for s in sizes]
    assert [
        {"cpu": "1", "memory": "1Gi"},
        {"cpu": "250m", "memory": "1Gi"},
        {"cpu": "50m", "memory": str(100 * MI + 1)},
    ] == [o["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] for o in manifests]
