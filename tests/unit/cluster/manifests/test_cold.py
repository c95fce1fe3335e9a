"""A server's files are dropped from the page cache before it starts, by a container with no more rights than it has."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.unit.cluster.expected import LIMITS, SETTINGS, SIZE
from tests.unit.cluster.objects import MI, Object

from modelprofiler.cluster.manifests.cold import start_cold
from modelprofiler.core.axis import Limits

CLAIM = {"name": "model", "persistentVolumeClaim": {"claimName": "m"}}
FETCHED = {"name": "model", "emptyDir": {}}


def cold(
    volume: Object, *mounts: Object, pod: Object | None = None, limits: Limits = LIMITS, **settings: Any
) -> list[Object]:
    """Return the init containers of a pod whose server mounts a volume."""
    server: Object = {"name": "server", "volumeMounts": [*mounts] or [{"name": "model", "mountPath": "/model"}]}
    spec: Object = {"containers": [server], "volumes": [volume], **copy.deepcopy(pod or {})}
    start_cold(spec, server, SETTINGS.model_copy(update={"cold_start": True, **settings}), limits)
    return list(spec.get("initContainers") or [])


def test_the_container_is_restricted_and_reads_what_the_server_mounts() -> None:
    """The whole container."""
    assert cold(CLAIM, {"name": "model", "mountPath": "/m", "subPath": "v1"}) == [
        {
            "name": "modelprofiler-cold-start",
            "image": "operator:1",
            "imagePullPolicy": "IfNotPresent",
            "args": ["uncache", "/var/modelprofiler/cold/0"],
            "resources": {"requests": SIZE, "limits": SIZE},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [
                {"name": "model", "mountPath": "/var/modelprofiler/cold/0", "readOnly": True, "subPath": "v1"}
            ],
        }
    ]


def test_it_runs_after_the_container_that_fetches_the_model() -> None:
    """Whoever writes a file has its pages."""
    fetch = {"name": "fetch", "volumeMounts": [{"name": "model", "mountPath": "/to"}]}
    names = [container["name"] for container in cold(FETCHED, pod={"initContainers": [fetch]})]
    assert ["fetch", "modelprofiler-cold-start"] == names


@pytest.mark.parametrize(
    ("user", "pod", "expected"),
    [
        ("the pod's", {"securityContext": {"runAsUser": 1000}}, (1000, True)),
        ("root", {"securityContext": {"runAsUser": 0}}, (0, False)),
        ("nobody in particular", {}, (None, True)),
    ],
)
def test_it_is_the_user_that_the_server_is(user: str, pod: Object, expected: tuple[Any, Any]) -> None:
    """Who may read the server's files; a kubelet starts no root where the container says that it is none."""
    (container,) = cold(CLAIM, pod=pod)
    security = container["securityContext"]
    assert (user, expected) == (user, (security.get("runAsUser"), security["runAsNonRoot"]))


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "model", "configMap": {"name": "m"}},
        {"name": "model", "emptyDir": {"medium": "Memory"}},
        FETCHED,
        {"name": "other", "persistentVolumeClaim": {"claimName": "m"}},
        {"name": "model"},
    ],
)
def test_a_server_without_files_on_disk_needs_no_cold_start(volume: Object) -> None:
    """Nothing of it can be in the page cache for somebody else."""
    assert [] == cold(volume)


def test_it_has_enough_to_start_next_to_a_small_server() -> None:
    """Requests and limits stay equal: the pod's quality of service is as in production."""
    (container,) = cold(CLAIM, limits=Limits(10, 16 * MI))
    requests = {"cpu": "100m", "memory": "48Mi"}
    assert {"requests": requests, "limits": requests} == container["resources"]


def test_an_installer_decides_about_it() -> None:
    """Which is so by default: the chart's trials.coldStart."""
    assert [] == cold(CLAIM, cold_start=False)
