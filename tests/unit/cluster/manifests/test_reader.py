"""The whole Job of a node reader."""

from __future__ import annotations

from tests.unit.cluster.expected import OWNER, RESTRICTED, RESTRICTED_POD, SAFE, SETTINGS, TEMPLATE
from tests.unit.cluster.objects import UID, profile

from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.reader import reader_job

LABELS = {
    "app.kubernetes.io/managed-by": "modelprofiler",
    "app.kubernetes.io/component": "reader",
    "modelprofiler.io/profile-uid": UID,
    "modelprofiler.io/run": "abc",
}


def test_the_reader_is_small_restricted_and_on_the_servers_node() -> None:
    """The whole object: no token, no volume, no right, and an end of its own should nobody delete it."""
    expected = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": names.reader(profile(), "abc", 4),
            "namespace": "team",
            "labels": LABELS,
            "annotations": {"modelprofiler.io/profile": "digits", "modelprofiler.io/started-for-trial": "4"},
            "ownerReferences": [OWNER],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": 7200,
            "template": {
                "metadata": {"labels": LABELS | {"sidecar.istio.io/inject": "false"}, "annotations": SAFE},
                "spec": {
                    "nodeSelector": {"kubernetes.io/hostname": "host-1"},
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 2,
                    "imagePullSecrets": [{"name": "pull"}],
                    "securityContext": RESTRICTED_POD,
                    "containers": [
                        {
                            "name": "reader",
                            "image": "operator:1",
                            "imagePullPolicy": "IfNotPresent",
                            "args": ["reader", "--port", "8079"],
                            "ports": [{"name": "reader", "containerPort": 8079}],
                            "resources": {
                                "requests": {"cpu": "50m", "memory": "48Mi"},
                                "limits": {"memory": "48Mi"},
                            },
                            "securityContext": RESTRICTED,
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                        }
                    ],
                    "volumes": [],
                },
            },
        },
    }
    assert expected == reader_job(profile(), "abc", SETTINGS, trial=4, host="host-1")


def test_it_tolerates_what_the_server_tolerates_and_has_a_limit_where_quotas_count_them() -> None:
    """It could not run next to the server otherwise."""
    tolerations = [{"key": "gpu", "operator": "Exists"}]
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "tolerations": tolerations}}
    tainted = profile(server={"template": template})
    settings = SETTINGS.model_copy(update={"load_cpu_limit": "2"})
    pod = reader_job(tainted, "abc", settings, trial=1, host="host-1")["spec"]["template"]["spec"]
    assert (tolerations, "2") == (pod["tolerations"], pod["containers"][0]["resources"]["limits"]["cpu"])
