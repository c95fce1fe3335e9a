"""The recommendation as a change to commit: a patch for a workload, a Kustomize component, or Helm values.

Each begins with a comment that says where its numbers come from.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.errors import InvalidInput, ModelProfilerError, Problem
from modelprofiler.report.formats import printable
from modelprofiler.report.provenance import describe_model
from modelprofiler.report.record import RunRecord
from modelprofiler.report.summary import Summary
from modelprofiler.version import __version__

_POD_TEMPLATE = ("spec", "template", "spec")
_WORKLOADS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Deployment": ("apps/v1", _POD_TEMPLATE),
    "StatefulSet": ("apps/v1", _POD_TEMPLATE),
    "DaemonSet": ("apps/v1", _POD_TEMPLATE),
    "ReplicaSet": ("apps/v1", _POD_TEMPLATE),
    "Job": ("batch/v1", _POD_TEMPLATE),
    "CronJob": ("batch/v1", ("spec", "jobTemplate", *_POD_TEMPLATE)),
}
"""Kinds with a pod template: their API version and the path of the pod's spec.

Of other kinds (custom resources) a strategic merge would replace the list of containers."""

KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""A DNS subdomain (RFC 1123), as the names of most objects are."""
_KEY = re.compile(r"[A-Za-z0-9_-]+")
PATCH_FILE = "resources.yaml"


@dataclass(frozen=True, slots=True)
class Workload:
    """The workload that a patch changes.

    Attributes
    ----------
    kind, name
        Its kind, such as Deployment, and its name.
    container
        Name of the container whose resources change.
    namespace
        Written into the patch; absent for the namespace in which the patch is applied.
    """

    kind: str
    name: str
    container: str
    namespace: str | None = None


def workload_of(
    record: RunRecord, text: str | None = None, container: str | None = None, namespace: str | None = None
) -> Workload:
    """Return the workload given as ``Deployment/name``, or else the one that the profile was made from.

    Raises
    ------
    InvalidInput
        With every problem of the names.
    """
    reference = record.profile.spec.server.workload_ref
    if text is None and reference is not None:
        text = f"{reference.kind}/{reference.name}"
        namespace = namespace or record.profile.metadata.namespace
    if text is None:
        raise InvalidInput(
            [
                Problem(
                    "--workload",
                    "is required, because the profile has no workloadRef; write for example Deployment/NAME",
                )
            ]
        )
    kind, slash, name = text.partition("/")
    if not slash:
        raise InvalidInput([Problem("--workload", f"must be KIND/NAME, such as Deployment/digits, not {text[:80]!r}")])
    known = next((k for k in _WORKLOADS if k.lower() == kind.lower()), None)
    problems = []
    if known is None:
        kinds = ", ".join(_WORKLOADS)
        problems.append(Problem("--workload", f"{kind[:80]!r} is not a kind with a pod template; write one of {kinds}"))
    container = container or recommendation_of(record, unverified=True).container_name
    for option, value in (("--workload", name), ("--container", container), ("--workload-namespace", namespace)):
        if value is not None and not KUBERNETES_NAME.fullmatch(value):
            problems.append(Problem(option, f"{value[:80]!r} is not a valid Kubernetes name"))
    if problems or known is None:
        raise InvalidInput(problems)
    return Workload(known, name, container, namespace)


def recommendation_of(record: RunRecord, *, unverified: bool = False) -> ContainerRecommendation:
    """Return the recommendation to commit.

    Raises
    ------
    ModelProfilerError
        When there is none, or it was not verified and `unverified` is not set.
    """
    summary = Summary.of(record)
    if summary.recommendation is None:
        raise ModelProfilerError(f"there is no recommendation to write: {summary.message or summary.title}")
    if summary.recommendation.verification is None and not unverified:
        raise ModelProfilerError(
            f"the recommendation was not verified; use --unverified to write it anyway. {summary.verdict}"
        )
    return summary.recommendation


def strategic_merge(record: RunRecord, workload: Workload, *, unverified: bool = False) -> str:
    """Return a strategic-merge patch, as ``kubectl patch --patch-file`` takes it.

    Raises
    ------
    ModelProfilerError
        When there is no recommendation to write.
    """
    return _header(record) + _dump(_patch(recommendation_of(record, unverified=unverified), workload))


def kustomize(record: RunRecord, workload: Workload, *, unverified: bool = False) -> dict[str, str]:
    """Return the files of a Kustomize component, content by name.

    Raises
    ------
    ModelProfilerError
        When there is no recommendation to write.
    """
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": [{"path": PATCH_FILE}],
    }
    patch = strategic_merge(record, workload, unverified=unverified)
    return {"kustomization.yaml": _dump(component), PATCH_FILE: patch}


def kustomize_in_one(record: RunRecord, workload: Workload, *, unverified: bool = False) -> str:
    """Return the same component as a single kustomization.yaml that contains the patch.

    Raises
    ------
    ModelProfilerError
        When there is no recommendation to write.
    """
    patch = _dump(_patch(recommendation_of(record, unverified=unverified), workload))
    lines = ["apiVersion: kustomize.config.k8s.io/v1alpha1", "kind: Component", "patches:", "- patch: |-"]
    return _header(record) + "\n".join(lines) + "\n" + textwrap.indent(patch, "    ")


def helm_values(record: RunRecord, path: str = "resources", *, unverified: bool = False) -> str:
    """Return values for a chart that has its resources at a path such as ``server.resources``.

    Raises
    ------
    InvalidInput
        When the path is not valid.
    ModelProfilerError
        When there is no recommendation to write.
    """
    keys = path.split(".")
    if not all(_KEY.fullmatch(key) for key in keys):
        raise InvalidInput(
            [Problem("--values-path", f"{path[:80]!r} is not a path of keys; write for example server.resources")]
        )
    values: dict[str, Any] = _resources(recommendation_of(record, unverified=unverified))
    for key in reversed(keys):
        values = {key: values}
    return _header(record) + _dump(values)


def _patch(recommendation: ContainerRecommendation, workload: Workload) -> dict[str, Any]:
    version, path = _WORKLOADS[workload.kind]
    container: dict[str, Any] = {"name": workload.container}
    if recommendation.env:
        container["env"] = [variable.to_dict() for variable in recommendation.env]
    container["resources"] = _resources(recommendation)
    body: Any = {"containers": [container]}
    for key in reversed(path):
        body = {key: body}
    metadata = {"name": workload.name} | ({"namespace": workload.namespace} if workload.namespace else {})
    return {"apiVersion": version, "kind": workload.kind, "metadata": metadata, **body}


def _resources(recommendation: ContainerRecommendation) -> dict[str, Any]:
    """Return requests and limits; a limit that is not recommended is null, which removes an existing one."""
    return {
        "requests": recommendation.requests.to_dict(),
        "limits": dict.fromkeys(recommendation.requests.to_dict()) | recommendation.limits.to_dict(),
    }


def _header(record: RunRecord) -> str:
    """Return the comment that says where the numbers come from.

    It contains text that others wrote, and stays a comment whatever line ends that text has.
    """
    recommendation = recommendation_of(record, unverified=True)
    verdict = Summary.of(record).verdict
    sentences = [_origin(record), verdict if recommendation.verification is not None else f"NOT VERIFIED. {verdict}"]
    sentences.append(recommendation.explanation)
    known = record.profile.status.provenance
    if known is not None and known.cpu_model:
        sentences.append(f"Measured on {known.cpu_model}" + (f", image {known.image}." if known.image else "."))
    lines = []
    for sentence in sentences:
        # YAML ends a line at more characters than "\n"; to split() they are all white space.
        line = printable(" ".join(sentence.split()))
        lines += textwrap.wrap(line, 118, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _origin(record: RunRecord) -> str:
    """Return the sentence that names the profile, its model and the run."""
    profile = record.profile
    name = f"{profile.metadata.namespace}/{profile.metadata.name}"
    model = f" (model {model})" if (model := describe_model(profile.spec)) else ""
    run = f"run {profile.status.run_hash}" if profile.status.run_hash else "a run"
    end = profile.status.completion_time
    finished = f", finished {end:%Y-%m-%d}" if end else ""
    return f"Made by modelprofiler {__version__} from the profile {name}{model}, {run}{finished}."


def _dump(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, default_flow_style=False)
