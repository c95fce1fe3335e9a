"""The pod template of the profiled server: made from an entry script or taken from the user, checked, and sized.

Pure: dicts in, dicts out. Nothing here gives the author of a profile more than creating a pod would.
"""

from __future__ import annotations

import copy

from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import DEFAULT_CONTAINER, container_name
from modelprofiler.api.server import EntryScript
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.pods import (
    HOSTNAME,
    NO_MESH_LABELS,
    RESTRICTED,
    RESTRICTED_POD,
    TRIAL_ANNOTATIONS,
    on_node,
)
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.scoring import READY_PATH, model_variables, scoring_command, scoring_variables
from modelprofiler.core.sources import INLINE_MODEL
from modelprofiler.core.threads import variables_to_set
from modelprofiler.errors import Problem

CODE_DIR = "/var/modelprofiler/code"
MODEL_DIR = "/var/modelprofiler/model"

STOP_SECONDS = 2
"""What a server gets to stop, where its template does not say."""

BASELINE_CAPABILITIES = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""What a container has anyway unless it is dropped: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


def privileges(spec: ModelProfileSpec, settings: Settings) -> list[Problem]:
    """Return the privileges that a user's template asks for and the installation does not allow."""
    if spec.server.template is None or settings.allow_privileged:
        return []
    path = "spec.server.template.spec"
    pod = spec.server.template.get("spec") or {}
    allow = "this installation does not allow it (chart value allowPrivileged)"
    found = [
        Problem(f"{path}.{field}", f"shares the node's namespace; {allow}")
        for field in ("hostNetwork", "hostPID", "hostIPC")
        if pod.get(field)
    ]
    found += [
        Problem(f"{path}.volumes[{i}].hostPath", f"mounts the node's files; {allow}")
        for i, volume in enumerate(pod.get("volumes") or [])
        if isinstance(volume, dict) and "hostPath" in volume
    ]
    for group in ("initContainers", "containers"):
        for i, item in enumerate(pod.get(group) or []):
            context = item.get("securityContext") or {} if isinstance(item, dict) else {}
            if context.get("privileged"):
                found.append(Problem(f"{path}.{group}[{i}].securityContext.privileged", f"is set; {allow}"))
            added = [c for c in (context.get("capabilities") or {}).get("add") or [] if c not in BASELINE_CAPABILITIES]
            if added:
                asked = ", ".join(map(str, added))
                found.append(
                    Problem(f"{path}.{group}[{i}].securityContext.capabilities.add", f"asks for {asked}; {allow}")
                )
    return found


def pod_template(
    spec: ModelProfileSpec,
    settings: Settings,
    *,
    limits: Limits,
    files: Files,
    labels: dict[str, str],
    host: str | None,
) -> Object:
    """Return the server's pod template at a size.

    Parameters
    ----------
    limits
        Requests and limits of the profiled container; the other containers stay as they are.
    files
        Mounts what the profile names.
    labels
        The pod's only labels: copied ones would put it behind the user's own Services.
    host
        Value of ``kubernetes.io/hostname`` of the node to stay on, once there is one.
    """
    if spec.server.template is not None:
        template = copy.deepcopy(spec.server.template)
    else:
        assert spec.server.entry_script is not None
        template = _scoring_template(spec, spec.server.entry_script, settings, files)
    pod: Object = template["spec"]
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    template["metadata"] = {"labels": labels | NO_MESH_LABELS, "annotations": annotations | TRIAL_ANNOTATIONS}
    if host:
        pod["nodeSelector"] = (pod.get("nodeSelector") or {}) | on_node(host)
    else:
        _keep_apart(pod)
    profiled = next(c for c in pod["containers"] if c["name"] == container_name(spec))
    _size(profiled, limits)
    if pools := variables_to_set(spec, limits.cpu):
        profiled["env"] = [*(profiled.get("env") or []), *(variable.to_dict() for variable in pools)]
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        # A sidecar that fails has last words too; they are all that is ever seen of its log.
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    profiled["terminationMessagePolicy"] = "FallbackToLogsOnError"
    if spec.server.template is not None:
        _mount_model(spec, pod, profiled, files)
    pod["restartPolicy"] = "Always"
    # Nobody is served by it when it goes, and the next trial waits until it is gone; a user's own value has a reason.
    pod.setdefault("terminationGracePeriodSeconds", STOP_SECONDS)
    return template


def _keep_apart(pod: Object) -> None:
    """Prefer a node where no other profile's server runs: two would disturb each other.

    Not more than prefer: where only one node has the room, the pod is to say so by its numbers, not to wait for ever.
    """
    term = {
        "labelSelector": {"matchLabels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: names.SERVER}},
        "namespaceSelector": {},
        "topologyKey": HOSTNAME,
    }
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    affinity = pod.get("affinity") or {}
    apart = (affinity.get("podAntiAffinity") or {}) if isinstance(affinity, dict) else None
    if not isinstance(apart, dict) or not isinstance(apart.get(preferred) or [], list):
        return  # not an affinity: the API server says so
    terms = [*(apart.get(preferred) or []), {"weight": 100, "podAffinityTerm": term}]
    pod["affinity"] = {**affinity, "podAntiAffinity": {**apart, preferred: terms}}


def _size(container: Object, limits: Limits) -> None:
    size = limits.to_size().to_dict()
    given = container.get("resources") or {}
    container["resources"] = {
        **given,
        "requests": (given.get("requests") or {}) | size,
        "limits": (given.get("limits") or {}) | size,
    }
    container["resizePolicy"] = [
        {"resourceName": "cpu", "restartPolicy": "NotRequired"},
        {"resourceName": "memory", "restartPolicy": "RestartContainer"},
    ]


def _mount_model(spec: ModelProfileSpec, pod: Object, container: Object, files: Files) -> None:
    """Mount the model into a user's own container, at a path that two variables name."""
    if spec.model is None or spec.model.source is None:
        return
    files.mount("model", spec.model.source, MODEL_DIR, pod, container, INLINE_MODEL)
    container["env"] = [*(container.get("env") or []), *_env(model_variables(MODEL_DIR))]


def _env(variables: dict[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def _scoring_template(spec: ModelProfileSpec, script: EntryScript, settings: Settings, files: Files) -> Object:
    """Return the pod of an entry script: azureml-inference-server-http in a restricted container."""
    port = spec.endpoint.http.port
    model_dir = MODEL_DIR if spec.model is not None and spec.model.source is not None else None
    env = _env(scoring_variables(script, CODE_DIR, "/tmp", model_dir))  # noqa: S108 - the same volume
    env += [variable.to_dict() for variable in script.environment.env]
    secrets = [s.to_dict() for s in script.environment.image_pull_secrets]
    if script.environment.image is None:
        secrets += [{"name": name} for name in settings.image_pull_secrets]
    container = {
        "name": DEFAULT_CONTAINER,
        "image": script.environment.image or settings.scoring_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": scoring_command(script, port, CODE_DIR, model_dir),
        "workingDir": "/tmp",  # noqa: S108 - the same volume
        "env": env,
        "ports": [{"name": "score", "containerPort": port}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of the pod's own
        "securityContext": RESTRICTED,
        # Only until it is ready: a probe during the load would cost CPU, and wait behind a running score.
        "startupProbe": {
            "httpGet": {"path": READY_PATH, "port": port},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": max(1, int(settings.ready_timeout_seconds)),
        },
    }
    pod: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": RESTRICTED_POD,
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}],
    }
    files.mount("code", script.source, CODE_DIR, pod, container, script.file)
    if spec.model is not None and spec.model.source is not None:
        files.mount("model", spec.model.source, MODEL_DIR, pod, container, INLINE_MODEL)
    if secrets:
        pod["imagePullSecrets"] = secrets
    return {"spec": pod}
