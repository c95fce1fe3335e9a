"""The pod template of a running workload, made into the template of a profile's server. Pure.

The copy must not take part in what the workload does: it loses what ties its pods to one another and to their own
volumes. Labels are left out of every template (`template`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelprofiler.api.objects import Object
from modelprofiler.api.pod_template import ROOT, misshapen
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.trial import Size
from modelprofiler.core.search.workload import Workload
from modelprofiler.errors import Problem

PATH = "spec.server.workloadRef"

DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
"""Which container of a pod kubectl takes where none is named, and the profile does the same."""

KNATIVE_CONTAINER = "user-container"
"""Name that Knative gives to a container without one."""
KNATIVE_FIELDS = ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds")
"""Fields of a Knative revision that no pod has.

https://knative.dev/docs/serving/reference/serving-api/
"""

KSERVE_MODEL = "internal.serving.kserve.io/storage-initializer-sourceuri"
"""Annotation by which KServe's webhook adds the download of the model to a pod."""
KSERVE_LABEL = "serving.kserve.io/inferenceservice"
"""Label of the pods that this webhook is asked about; no Service of KServe selects by it.

https://github.com/kserve/kserve/blob/master/config/webhook/manifests.yaml
"""


@dataclass(frozen=True)
class Copied:
    """A workload whose pods can be copied."""

    template: Object
    """For `spec.server.template`."""
    container: str
    """Name of the profiled container."""
    workload: Workload


def copied(body: Object, container: str | None, pod_labels: Mapping[str, str]) -> Copied | list[Problem]:
    """Return the copy of a workload's pod template, or why there is none.

    Parameters
    ----------
    body
        The workload, as the API server has it.
    container
        Name of the profiled container; None: the one that kubectl would take, or else the first.
    pod_labels
        Labels that the installation and the profile give to the pods of a run.
    """
    name = f"{body.get('kind')} {body['metadata']['name']}"
    spec = body.get("spec")
    written = spec.get("template") if isinstance(spec, dict) else None
    pod = written.get("spec") if isinstance(written, dict) else None
    if not isinstance(written, dict) or not isinstance(pod, dict) or not pod.get("containers"):
        return [Problem(PATH, _no_pod(name, spec if isinstance(spec, dict) else {}))]
    template: Object = {"metadata": {}, "spec": copy.deepcopy(pod)}
    if annotations := (written.get("metadata") or {}).get("annotations"):
        template["metadata"]["annotations"] = dict(annotations)
    _name_containers(template["spec"])
    if problems := misshapen(template):  # the API server lets a custom resource have anything there
        return [Problem(PATH, f"{name}: {p.path.removeprefix(ROOT).lstrip('.')}: {p.message}") for p in problems]
    if problem := _missing_model(name, template, pod_labels):
        return [problem]
    chosen = container or _default_container(template)
    profiled = next((c for c in template["spec"]["containers"] if c.get("name") == chosen), None)
    if profiled is None:
        there = ", ".join(str(c.get("name")) for c in template["spec"]["containers"])
        return [Problem("spec.server.containerName", f"{name} has no container {chosen!r}; it has {there}")]
    notes = (*_without_ties(template["spec"]), *_with_own_volumes(template["spec"], spec or {}))
    workload = Workload(name, *_take_size(profiled), _replicas(body), notes)
    return Copied(template, chosen, workload)


def _no_pod(name: str, spec: Mapping[str, Any]) -> str:
    reference = spec.get("workloadRef")
    if isinstance(reference, dict) and reference.get("name"):
        return f"{name} takes its pods from {reference.get('kind')} {reference['name']}: name that one"
    return f"{name} has no spec.template with containers, so there are no pods to copy"


def _name_containers(pod: Object) -> None:
    """Give a Knative container its name, and take away what only Knative knows."""
    containers = pod["containers"]
    if isinstance(containers, list) and len(containers) == 1 and isinstance(containers[0], dict):
        containers[0].setdefault("name", KNATIVE_CONTAINER)
    for field in KNATIVE_FIELDS:
        pod.pop(field, None)


def _missing_model(name: str, template: Object, pod_labels: Mapping[str, str]) -> Problem | None:
    """Return that KServe's webhook would not add the model, which it does by a label of the pod."""
    if KSERVE_MODEL not in (template["metadata"].get("annotations") or {}) or KSERVE_LABEL in pod_labels:
        return None
    return Problem(
        PATH,
        f"the model of {name} is downloaded by a container that KServe's webhook adds to pods with the label "
        f"{KSERVE_LABEL}: write this label, with the name of the InferenceService, into spec.podMetadata.labels; no "
        "Service of KServe selects pods by it",
    )


def _default_container(template: Object) -> str:
    named = (template["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER_ANNOTATION)
    containers = template["spec"]["containers"]
    return str(named if any(c.get("name") == named for c in containers) else containers[0].get("name"))


def _without_ties(pod: Object) -> list[str]:
    """Take out what ties the pods of a workload to one another; return a sentence for each."""
    notes = []
    affinity = pod.get("affinity")
    spread = pod.pop("topologySpreadConstraints", None)
    if isinstance(affinity, dict) and affinity.pop("podAntiAffinity", None):
        spread = True
    if spread:
        notes.append("rules that spread the workload's replicas are left out of trial pods, which are none of them")
    ports = [p for c in pod["containers"] for p in c.get("ports") or () if isinstance(p, dict) and p.pop("hostPort", 0)]
    if ports:
        notes.append("host ports are left out of trial pods, because the workload's own pods have them")
    return notes


def _with_own_volumes(pod: Object, spec: Mapping[str, Any]) -> list[str]:
    """Give a copy volumes of its own where a StatefulSet gives each replica one; return a sentence about it."""
    claims = [c for c in spec.get("volumeClaimTemplates") or () if isinstance(c, dict)]
    volumes = [
        {
            "name": (claim.get("metadata") or {}).get("name"),
            "ephemeral": {"volumeClaimTemplate": {"spec": claim.get("spec") or {}}},
        }
        for claim in claims
    ]
    if not volumes:
        return []
    pod["volumes"] = [*(pod.get("volumes") or []), *volumes]
    names = ", ".join(str(v["name"]) for v in volumes)
    return [f"volume {names} of a trial pod is new and empty, as that of a new replica, and is deleted with the pod"]


def _take_size(container: Object) -> tuple[Size, Size]:
    """Take CPU and memory out of a container, whose size each trial sets; return its requests and limits."""
    resources = container.get("resources") or {}
    sizes = []
    for kind in ("requests", "limits"):
        amounts = dict(resources.get(kind) or {})
        size = {name: amounts.pop(name, None) for name in ("cpu", "memory")}
        sizes.append(Size(**{name: Quantity(v) for name, v in size.items() if v is not None}))
        if kind in resources:
            resources[kind] = amounts
    return sizes[0], sizes[1]


def _replicas(body: Object) -> int | None:
    """Return how many pods a workload is to have; None where it does not say."""
    spec, status = body.get("spec") or {}, body.get("status") or {}
    number = spec.get("replicas", status.get("desiredNumberScheduled"))
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
