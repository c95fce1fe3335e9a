"""Metadata of a child: its name, whose it is, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names


def child_metadata(
    profile: ModelProfile,
    run_hash: str,
    component: str,
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """Return the metadata of a child.

    Parameters
    ----------
    component
        What kind of child it is: `names.SERVER`, `names.LOAD` and so on.
    labels, annotations
        Further ones, beyond those that every child has.
    """
    return {
        "name": name,
        "namespace": profile.metadata.namespace,
        "labels": {**names.labels(profile, run_hash, component), **(labels or {})},
        "annotations": {names.PROFILE_NAME: profile.metadata.name, **(annotations or {})},
        "ownerReferences": [names.owner(profile)],
    }
