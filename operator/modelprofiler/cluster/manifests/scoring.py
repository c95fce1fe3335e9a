"""The pod of an entry script: azureml-inference-server-http in a restricted container."""

from __future__ import annotations

from collections.abc import Mapping

from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import DEFAULT_CONTAINER
from modelprofiler.api.server import EntryScript
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster.manifests.packages import PROGRAMS, add_packages
from modelprofiler.cluster.manifests.pods import RESTRICTED, RESTRICTED_POD
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.requirements import is_installed
from modelprofiler.core.scoring import READY_PATH, scoring_command, scoring_variables
from modelprofiler.core.sources import INLINE_MODEL

CODE_DIR = "/var/modelprofiler/code"
MODEL_DIR = "/var/modelprofiler/model"

SCRATCH_DIR = "/tmp"  # noqa: S108 - a volume of the pod's own: the rest of its file system is read-only
SCRATCH_SIZE = "256Mi"
"""Chosen, not measured: ample for the caches of libraries. The kubelet evicts a pod that fills it."""


def environment(variables: Mapping[str, str]) -> list[Object]:
    """Return variables as a container has them."""
    return [{"name": name, "value": value} for name, value in variables.items()]


def placed(script: EntryScript) -> Object:
    """Return the fields of a pod's spec that say where the server of an entry script runs."""
    placement = script.placement
    if placement is None:
        return {}
    fields: Object = placement.to_dict()
    return {name: value for name, value in fields.items() if value}


def scoring_pod(
    spec: ModelProfileSpec, script: EntryScript, settings: Settings, files: Files, limits: Limits
) -> Object:
    """Return the spec of the pod that serves an entry script, before its size is set and it is placed.

    Parameters
    ----------
    limits
        The size that it will get, which what comes before the server follows.
    """
    port = spec.endpoint.http.port
    model_dir = MODEL_DIR if spec.model is not None and spec.model.source is not None else None
    env = environment(scoring_variables(script, CODE_DIR, SCRATCH_DIR, model_dir))
    env += [variable.to_dict() for variable in script.environment.env]
    secrets = [s.to_dict() for s in script.environment.image_pull_secrets]
    if script.environment.image is None:
        secrets += [{"name": name} for name in settings.image_pull_secrets]
    container = {
        "name": DEFAULT_CONTAINER,
        "image": script.environment.image or settings.scoring_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": scoring_command(
            script, port, CODE_DIR, model_dir, programs=PROGRAMS if is_installed(script) else None
        ),
        "workingDir": SCRATCH_DIR,
        "env": env,
        "ports": [{"name": "score", "containerPort": port}],
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH_DIR}],
        "securityContext": RESTRICTED,
        # There is no readiness probe: during the load it would cost CPU, and wait behind a running score.
        "startupProbe": {
            "httpGet": {"path": READY_PATH, "port": port},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": max(1, int(settings.ready_timeout_seconds)),
        },
    }
    pod: Object = {
        **placed(script),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": RESTRICTED_POD,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": SCRATCH_SIZE}}],
    }
    files.mount("code", script.source, CODE_DIR, pod, container, script.file)
    if spec.model is not None and spec.model.source is not None:
        files.mount("model", spec.model.source, MODEL_DIR, pod, container, INLINE_MODEL)
    if secrets:
        pod["imagePullSecrets"] = secrets
    if script.environment.env_from:
        container["envFrom"] = [group.to_dict() for group in script.environment.env_from]
    if is_installed(script):
        add_packages(pod, container, script, settings, limits, tuple(files.versions))
    return pod
