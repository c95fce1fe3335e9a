"""The objects that a run creates, whole; pure, so that a test can compare them whole."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import Source
from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.act import template
from modelprofiler.cluster.act.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.sources import INLINE_DATASET
from modelprofiler.load.config import LoadConfig

DATASET_DIR = "/var/modelprofiler/dataset"
CONFIG_DIR = "/etc/modelprofiler"

INLINE_KEYS = {"model": "modelprofiler-model", "code": "modelprofiler-code", "dataset": "modelprofiler-dataset"}


def metadata(profile: ModelProfile, run_hash: str, component: str, name: str, **annotations: str) -> Object:
    """Return the metadata of a child."""
    return {
        "name": name,
        "namespace": profile.metadata.namespace,
        "labels": names.labels(profile, run_hash, component),
        "annotations": {names.PROFILE_NAME: profile.metadata.name, **annotations},
        "ownerReferences": [names.owner(profile)],
    }


def files(profile: ModelProfile, run_hash: str) -> Object | None:
    """Return the ConfigMap with what the profile carries inline, or None when it carries nothing."""
    spec = profile.spec
    sources: dict[str, Source | None] = {
        "model": spec.model.source if spec.model else None,
        "code": spec.server.entry_script.source if spec.server.entry_script else None,
        "dataset": spec.dataset.source,
    }
    data = {INLINE_KEYS[part]: source.inline for part, source in sources.items() if source and source.inline}
    if not data:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(profile, run_hash, names.FILES, names.files(profile, run_hash)),
        "data": data,
    }


def server_pod_labels(profile: ModelProfile, run_hash: str, incarnation: int) -> dict[str, str]:
    """Return the labels by which a server's Deployment and Service find its pod."""
    return names.labels(profile, run_hash, names.SERVER) | {names.INCARNATION: str(incarnation)}


def deployment(
    profile: ModelProfile, run_hash: str, settings: Settings, *, incarnation: int, limits: Limits, host: str | None
) -> Object:
    """Return the Deployment of one start of the server.

    Parameters
    ----------
    incarnation
        Index of the trial that the server is started for.
    limits
        The size it starts at.
    host
        Host name of the node to stay on, or None while any will do.
    """
    name = names.server(profile, run_hash, incarnation)
    labels = server_pod_labels(profile, run_hash, incarnation)
    pod = template.pod_template(
        profile.spec,
        settings,
        limits=limits,
        files=Files.of(profile, run_hash),
        labels=labels,
        host=host,
    )
    pod["metadata"]["annotations"][names.PROFILE_NAME] = profile.metadata.name
    meta = metadata(
        profile,
        run_hash,
        names.SERVER,
        name,
        **{names.CPU: str(limits.cpu), names.MEMORY: str(limits.memory)},
    )
    meta["labels"][names.INCARNATION] = str(incarnation)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 0,
            "strategy": {"type": "Recreate"},
            "selector": {
                "matchLabels": {
                    names.PROFILE_UID: profile.metadata.uid,
                    names.RUN: run_hash,
                    names.INCARNATION: str(incarnation),
                }
            },
            "template": pod,
        },
    }


def service(profile: ModelProfile, run_hash: str, incarnation: int) -> Object:
    """Return the Service the load is sent to.

    It publishes addresses that are not ready: a health route that waits behind a running score must not look like
    errors.
    """
    port = profile.spec.endpoint.http.port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(profile, run_hash, names.SERVER, names.server(profile, run_hash, incarnation)),
        "spec": {
            "selector": server_pod_labels(profile, run_hash, incarnation),
            "publishNotReadyAddresses": True,
            "ports": [{"name": "load", "port": port, "targetPort": port}],
        },
    }


def load_job(
    profile: ModelProfile,
    run_hash: str,
    settings: Settings,
    config: LoadConfig,
    *,
    trial: int,
    purpose: Purpose,
    limits: Limits,
    window: str,
    incarnation: int,
    server_pod: str,
    server_host: str | None,
    deadline_seconds: int,
    together: bool = False,
) -> Object:
    """Return the Job that replays the dataset for one trial.

    What the trial was for is written on the Job, so that an operator that starts anew finishes it as it was begun.
    """
    labels = names.labels(profile, run_hash, names.LOAD) | {names.TRIAL: str(trial)}
    meta = metadata(
        profile,
        run_hash,
        names.LOAD,
        names.load(profile, run_hash, trial),
        **{
            names.CPU: str(limits.cpu),
            names.MEMORY: str(limits.memory),
            names.PURPOSE: purpose.value,
            names.WINDOW: window,
            names.INCARNATION: str(incarnation),
            names.SERVER_POD: server_pod,
        },
    )
    meta["labels"][names.TRIAL] = str(trial)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "Indexed",
            "activeDeadlineSeconds": deadline_seconds,
            "template": {
                "metadata": {
                    "labels": labels | {"sidecar.istio.io/inject": "false"},
                    "annotations": template.TRIAL_ANNOTATIONS
                    | {
                        names.PROFILE_NAME: profile.metadata.name,
                        names.LOAD_CONFIG: config.model_dump_json(by_alias=True, exclude_none=True),
                    },
                },
                "spec": load_pod(profile, run_hash, settings, server_host, together=together),
            },
        },
    }


def load_pod(
    profile: ModelProfile, run_hash: str, settings: Settings, server_host: str | None, *, together: bool = False
) -> Object:
    """Return the spec of a load pod: restricted, without an API token, on another node where there is a choice.

    Parameters
    ----------
    together
        There is none: both pods mount a volume that one node alone can have.
    """
    cpu_limit = {"cpu": settings.load_cpu_limit} if settings.load_cpu_limit else {}
    pod: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        "securityContext": template.RESTRICTED_POD,
        "containers": [
            {
                "name": "load",
                "image": settings.load_image,
                "imagePullPolicy": settings.image_pull_policy,
                "args": ["load", "--config", f"{CONFIG_DIR}/load.json", "--result", "/dev/termination-log"],
                "resources": {
                    "requests": {"cpu": settings.load_cpu, "memory": settings.load_memory},
                    "limits": cpu_limit | {"memory": settings.load_memory},
                },
                "securityContext": template.RESTRICTED,
                "volumeMounts": [
                    {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
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
                            "fieldRef": {"fieldPath": f"metadata.annotations['{names.LOAD_CONFIG}']"},
                        }
                    ]
                },
            },
        ],
    }
    Files.of(profile, run_hash).mount(
        "dataset", profile.spec.dataset.source, DATASET_DIR, pod, pod["containers"][0], INLINE_DATASET
    )
    if settings.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    if server_host and together:
        pod["nodeSelector"] = {"kubernetes.io/hostname": server_host}
    elif server_host:
        elsewhere = {
            "matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [server_host]}]
        }
        pod["affinity"] = {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": elsewhere}]
            }
        }
    return pod
