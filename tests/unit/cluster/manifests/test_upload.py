"""The whole claim for the files that a script brings, and the whole pod that copies them onto it."""

from __future__ import annotations

import pytest
from tests.unit.cluster.expected import RESTRICTED, RESTRICTED_POD
from tests.unit.cluster.objects import Object

from modelprofiler.cluster.manifests.upload import claim, copy_pod

MANAGED = {"app.kubernetes.io/managed-by": "modelprofiler"}


@pytest.mark.parametrize(("storage_class", "expected"), [(None, {}), ("fast", {"storageClassName": "fast"})])
def test_a_claim_has_room_for_the_files_in_the_storage_class_that_is_named(
    storage_class: str | None, expected: Object
) -> None:
    """Or in the cluster's default."""
    assert {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c", "labels": MANAGED | {"app.kubernetes.io/component": "files"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}, **expected},
    } == claim("c", "64Mi", storage_class)


def test_the_copying_pod_has_the_claim_and_no_rights_and_ends_by_itself() -> None:
    """It goes with its claim, too."""
    assert {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "c-1",
            "labels": MANAGED | {"app.kubernetes.io/component": "copy", "sidecar.istio.io/inject": "false"},
            "ownerReferences": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "c", "uid": "u"}],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 300,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": RESTRICTED_POD,
            "containers": [
                {
                    "name": "copy",
                    "image": "python",
                    "command": ["sleep", "300"],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "64Mi"},
                        "limits": {"cpu": "1", "memory": "256Mi"},
                    },
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "files", "mountPath": "/var/modelprofiler/files"}],
                }
            ],
            "volumes": [{"name": "files", "persistentVolumeClaim": {"claimName": "c"}}],
        },
    } == copy_pod({"metadata": {"name": "c", "uid": "u"}}, "python", name="c-1", longest_seconds=300)
