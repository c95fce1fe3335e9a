"""The server of a trial: its Deployment. The load is sent to the address of its pod."""

from __future__ import annotations

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests import template
from modelprofiler.cluster.manifests.metadata import child_metadata
from modelprofiler.cluster.manifests.volumes import Files
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits


def server_pod_labels(profile: ModelProfile, run_hash: str, incarnation: int) -> dict[str, str]:
    """Return the labels by which a server's Deployment finds its pod."""
    return names.labels(profile, run_hash, names.SERVER) | {names.INCARNATION: str(incarnation)}


def deployment(
    profile: ModelProfile,
    run_hash: str,
    settings: Settings,
    *,
    incarnation: int,
    limits: Limits,
    host: str | None,
    inline: str | None = None,
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
    inline
        See `Files.of`.
    """
    labels = server_pod_labels(profile, run_hash, incarnation)
    files = Files.of(profile, run_hash, settings, inline)
    pod = template.pod_template(profile.spec, settings, limits=limits, files=files, labels=labels, host=host)
    pod["metadata"]["annotations"][names.PROFILE_NAME] = profile.metadata.name
    meta = child_metadata(
        profile,
        run_hash,
        names.SERVER,
        names.server(profile, run_hash, incarnation),
        labels={names.INCARNATION: str(incarnation)},
        annotations=names.size_annotations(limits),
    )
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
