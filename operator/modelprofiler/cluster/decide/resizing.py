"""Whether the pods of a run can be resized in place, from what the API server and the kubelet are. Pure."""

from __future__ import annotations

import re

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import Provenance
from modelprofiler.cluster.gather.accept import Accepted

FIRST_KUBELET = (1, 33)
"""The first Kubernetes whose kubelets resize pods without being told to; they may be older than the API server."""

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\D|$)")


def obstacle(accepted: Accepted, provenance: Provenance | None) -> str:
    """Return why no pod of a run can be resized, as a part of a sentence; empty where one may be.

    Parameters
    ----------
    provenance
        Of the run; it names the kubelet once a trial was measured.
    """
    if not accepted.resizes:
        return "the API server has no pods/resize, which came with Kubernetes 1.33"
    kubelet = provenance.kubelet_version if provenance is not None else None
    version = _VERSION.match(kubelet) if kubelet else None
    if version is not None and (int(version[1]), int(version[2])) < FIRST_KUBELET:
        return f"the kubelet has version {kubelet}, and kubelets resize pods from 1.33 on"
    return ""


def notes(spec: ModelProfileSpec, accepted: Accepted, provenance: Provenance | None) -> list[str]:
    """Return a sentence about a run whose pods cannot be resized; none where they would not be in any cluster."""
    why = obstacle(accepted, provenance)
    if not why or spec.search.resize == "Recreate":
        return []
    return [f"every trial starts a new pod, because pods cannot be resized in place here: {why}"]
