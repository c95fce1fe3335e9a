"""The pod template of the profiled server: made from an entry script or taken from the user, checked, and sized.

Pure: dicts in, dicts out. Nothing here gives the author of a profile more than creating a pod would.
"""

from __future__ import annotations

import copy

from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import ROOT, container_name
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests import pod_security
from modelprofiler.cluster.manifests.cold import start_cold
from modelprofiler.cluster.manifests.copied import fit_for_trials
from modelprofiler.cluster.manifests.pods import (
    HOSTNAME,
    TRIAL_ANNOTATIONS,
    on_node,
    pod_metadata,
)
from modelprofiler.cluster.manifests.scoring import MODEL_DIR, environment, placed, scoring_pod
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.scoring import model_variables
from modelprofiler.core.sources import INLINE_MODEL
from modelprofiler.core.threads import variables_to_set
from modelprofiler.errors import Problem


def privileges(spec: ModelProfileSpec, settings: Settings) -> list[Problem]:
    """Return the privileges that a user's template asks for and the installation does not allow."""
    if spec.server.template is None or settings.allow_privileged:
        return []
    return [
        Problem(f"{ROOT}.{field}", f"{what}; this installation does not allow it (chart value allowPrivileged)")
        for field, what in pod_security.forbidden(spec.server.template)
    ]


def server_pod_as_written(spec: ModelProfileSpec) -> Object:
    """Return the spec of the server's pod as far as the profile itself says it: containers, and where it may run."""
    if spec.server.template is not None:
        pod: Object = spec.server.template.get("spec") or {}
        return pod
    script = spec.server.entry_script
    return placed(script) if script is not None else {}


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
        Mounts the sources of the profile.
    labels
        The pod's only labels: those of the user's template would put it behind the user's own Services.
    host
        Host name of the node that the pod has to run on; None before the run has a node.
    """
    if spec.server.template is not None:
        template = copy.deepcopy(spec.server.template)
    else:
        assert spec.server.entry_script is not None
        template = {"spec": scoring_pod(spec, spec.server.entry_script, settings, files, limits)}
    pod: Object = template["spec"]
    profiled = next(c for c in pod["containers"] if c["name"] == container_name(spec))
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    template["metadata"] = pod_metadata(spec, settings, labels, annotations, TRIAL_ANNOTATIONS)
    _place(pod, host)
    _set_size(profiled, limits)
    if pools := variables_to_set(spec, limits.cpu):
        profiled["env"] = [*(profiled.get("env") or []), *(variable.to_dict() for variable in pools)]
    _keep_last_words(pod, profiled)
    if spec.server.template is not None and spec.model is not None and spec.model.source is not None:
        files.mount("model", spec.model.source, MODEL_DIR, pod, profiled, INLINE_MODEL)
        profiled["env"] = [*(profiled.get("env") or []), *environment(model_variables(MODEL_DIR))]
    start_cold(pod, profiled, settings, limits)
    pod["restartPolicy"] = "Always"
    fit_for_trials(pod)
    if not pod.get("serviceAccountName") and not pod.get("serviceAccount"):
        # Nobody who needs a token uses the default account, whose token would be mounted all the same.
        pod.setdefault("automountServiceAccountToken", False)
    return template


def _place(pod: Object, host: str | None) -> None:
    """Put a pod on the node with a host name, or else prefer a node without the server of another profile.

    Two servers on one node would disturb each other. It is no more than a preference: where only one node has room, the
    scheduler has to say what the pod lacks instead of waiting for another node for ever.
    """
    if host:
        pod["nodeSelector"] = (pod.get("nodeSelector") or {}) | on_node(host)
        return
    term = {
        "labelSelector": {"matchLabels": {names.MANAGED_BY: names.MANAGER, names.COMPONENT: names.SERVER}},
        "namespaceSelector": {},
        "topologyKey": HOSTNAME,
    }
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    affinity = pod.get("affinity") or {}
    anti_affinity = (affinity.get("podAntiAffinity") or {}) if isinstance(affinity, dict) else None
    if not isinstance(anti_affinity, dict) or not isinstance(anti_affinity.get(preferred) or [], list):
        return  # the user's template has no affinity there but something else: the API server refuses it
    terms = [*(anti_affinity.get(preferred) or []), {"weight": 100, "podAffinityTerm": term}]
    pod["affinity"] = {**affinity, "podAntiAffinity": {**anti_affinity, preferred: terms}}


def _keep_last_words(pod: Object, profiled: Object) -> None:
    """Let containers leave the end of their log when they fail: nothing else is ever seen of it."""
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    profiled["terminationMessagePolicy"] = "FallbackToLogsOnError"


def _set_size(container: Object, limits: Limits) -> None:
    size = limits.to_size().to_dict()
    resources = container.get("resources") or {}
    container["resources"] = {
        **resources,
        "requests": (resources.get("requests") or {}) | size,
        "limits": (resources.get("limits") or {}) | size,
    }
    container["resizePolicy"] = [
        {"resourceName": "cpu", "restartPolicy": "NotRequired"},
        {"resourceName": "memory", "restartPolicy": "RestartContainer"},
    ]
