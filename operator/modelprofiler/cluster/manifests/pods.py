"""Pods that help a run: restricted, run once, and without any right that they do not need.

The load generator and the reader of claims run one command of our own image, with its configuration in an annotation;
the pod that takes files is a plain restricted pod. The server is neither: `template` makes its pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelprofiler.api.objects import Object
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster import names
from modelprofiler.cluster.settings import Settings

CONFIG_DIR = "/etc/modelprofiler"

HOSTNAME = "kubernetes.io/hostname"
"""Label of a node by which pods are placed; it is most often, but not always, the node's name."""

RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
RESTRICTED_POD: Object = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "fsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""With `RESTRICTED`, what the Pod Security Standard "restricted" asks of a pod; 65532 is "nonroot" in our images."""

NO_MESH_LABELS = {"sidecar.istio.io/inject": "false"}
TRIAL_ANNOTATIONS = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
}
"""On every pod of a run: a trial that the autoscaler moves is lost, and a mesh's proxy would be measured with it."""


@dataclass(frozen=True)
class Helper:
    """One kind of helper pod: what it runs and what it needs for that."""

    command: str
    """Command of the image; the name of the container, and of its configuration file, as well."""
    config_annotation: str
    """Annotation of the pod that holds the configuration, which the container reads from a file."""
    stop_seconds: int
    """How long it gets to stop."""
    arguments: Sequence[str] = ()
    """Further arguments of the command."""
    placement: Mapping[str, object] = field(default_factory=dict)
    """nodeSelector, affinity and tolerations."""


def restricted_pod(container: Object, volumes: Sequence[Object], *, stop_seconds: int) -> Object:
    """Return the spec of a pod that runs one container once, with no more rights than it needs."""
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": stop_seconds,
        "securityContext": RESTRICTED_POD,
        "containers": [{**container, "securityContext": RESTRICTED}],
        "volumes": [*volumes],
    }


def helper_pod(helper: Helper, settings: Settings) -> Object:
    """Return the spec of a helper pod; whoever needs more volumes mounts them."""
    file = f"{helper.command}.json"
    cpu_limit = {"cpu": settings.load_cpu_limit} if settings.load_cpu_limit else {}
    container: Object = {
        "name": helper.command,
        "image": settings.load_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": [helper.command, "--config", f"{CONFIG_DIR}/{file}", *helper.arguments],
        "resources": {
            "requests": {"cpu": settings.load_cpu, "memory": settings.load_memory},
            "limits": cpu_limit | {"memory": settings.load_memory},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "config", "mountPath": CONFIG_DIR, "readOnly": True}],
    }
    config = {"name": "config", "downwardAPI": {"items": [_file(file, helper.config_annotation)]}}
    pod = {**restricted_pod(container, [config], stop_seconds=helper.stop_seconds), **helper.placement}
    if settings.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return pod


def pod_metadata(
    spec: ModelProfileSpec,
    settings: Settings,
    labels: Mapping[str, str],
    *annotations: Mapping[str, str],
) -> Object:
    """Return the metadata of a pod of a run: ours, with what the installation and the profile add to it.

    Parameters
    ----------
    labels
        Those by which the operator finds the pod, which nothing replaces.
    annotations
        Further ones; of equal keys the later one counts, and those of the profile before all.
    """
    added = spec.pod_metadata
    merged: dict[str, str] = {}
    for some in annotations:
        merged |= some
    return {
        "labels": {**NO_MESH_LABELS, **settings.pod_labels, **(added.labels if added else {}), **labels},
        "annotations": {**merged, **settings.pod_annotations, **(added.annotations if added else {})},
    }


def helper_job(
    spec: ModelProfileSpec,
    settings: Settings,
    metadata: Object,
    pod: Object,
    *,
    annotations: Mapping[str, str],
    deadline_seconds: int,
    pods: int = 1,
) -> Object:
    """Return the Job that runs a helper pod once, and not again when it fails.

    Parameters
    ----------
    spec, settings
        The profile and the installation, which may add labels and annotations to the pod.
    metadata
        That of the Job; the pod gets its labels, and the name of its profile.
    pod
        Spec of the pod, from `helper_pod`.
    annotations
        Of the pod: its configuration.
    pods
        How many there are at once.
    """
    profile = {names.PROFILE_NAME: metadata["annotations"][names.PROFILE_NAME]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "completions": pods,
            "parallelism": pods,
            "activeDeadlineSeconds": deadline_seconds,
            "template": {
                "metadata": pod_metadata(spec, settings, metadata["labels"], TRIAL_ANNOTATIONS, profile, annotations),
                "spec": pod,
            },
        },
    }


def on_node(host: str) -> Object:
    """Return the node selector of a pod that has to be on the node with a host name."""
    return {HOSTNAME: host}


def _file(name: str, annotation: str) -> Object:
    return {"path": name, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
