"""The ConfigMaps of a run: what the profile carries inline, and the report."""

from __future__ import annotations

from collections.abc import Mapping

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.fetch import inline_key
from modelprofiler.cluster.manifests.metadata import child_metadata
from modelprofiler.cluster.manifests.volumes import sources_of


def inline_files(profile: ModelProfile, run_hash: str) -> Object | None:
    """Return the ConfigMap with what the profile carries inline, or None when it carries nothing."""
    data = {inline_key(part): source.inline for part, _, source in sources_of(profile) if source.inline}
    if not data:
        return None
    meta = child_metadata(profile, run_hash, names.FILES, names.files(profile, run_hash))
    # Immutable: what was digested when the run began is what each of its trials replays.
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "immutable": True, "data": data}


def report(profile: ModelProfile, run_hash: str, name: str, data: Mapping[str, str]) -> Object:
    """Return the ConfigMap of a name with the finished trials in full."""
    meta = child_metadata(profile, run_hash, names.REPORT, name)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(data)}
