"""The ConfigMap ``<name>-report``: every finished trial in full, with what the status has no room for."""

from __future__ import annotations

import json
import logging

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.trial import Trial
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.cluster.gather.observation import Measured
from modelprofiler.cluster.manifests import config_maps
from modelprofiler.errors import NotFound, Refused
from modelprofiler.load.result import LoadResult
from modelprofiler.report.record import TrialRecord

log = logging.getLogger(__name__)


async def write(
    cluster: Cluster,
    profile: ModelProfile,
    run_hash: str,
    trial: Trial,
    result: LoadResult | None,
    measured: Measured | None = None,
) -> None:
    """Add a finished trial to the report, or replace it; written before the status, so that nothing is lost.

    A report that the API server does not take (it is full, or somebody owns its name) does not keep a trial from being
    recorded: the status has the row.

    Raises
    ------
    ClusterUnavailable, Conflict
        When the API server does not answer; then the trial is not recorded yet.
    """
    namespace, name = profile.metadata.namespace, names.report(profile.metadata.name)
    try:
        found = await _found(cluster, namespace, name)
        if found is not None and profile.metadata.uid not in _owners(found):
            log.warning("%s/%s belongs to somebody else; the report is not written", namespace, name)
            return
        data = (found or {}).get("data") or {}
        key = f"{run_hash}.trial-{trial.index:03d}.json"
        samples = (measured.cpu_seconds, measured.memory) if measured is not None else ((), ())
        full = TrialRecord(trial, result, *samples).to_dict()
        if result is None:
            full = _before(data, key) | full
        # Of earlier runs only the rows of the current one are of use, and a ConfigMap holds 1 MiB.
        old = {k: None for k in data if not k.startswith(run_hash)}
        try:
            await _put(cluster, profile, run_hash, found is None, old | {key: json.dumps(full, indent=1)})
        except Refused:
            row = {"trial": full["trial"]}  # without what the load generator handed back, which is most of it
            await _put(cluster, profile, run_hash, found is None, old | {key: json.dumps(row)})
    except Refused as error:
        log.warning("%s/%s: the report is not written: %s", namespace, name, error)


async def _found(cluster: Cluster, namespace: str, name: str) -> Object | None:
    try:
        return await cluster.get(CONFIG_MAPS, namespace, name)
    except NotFound:
        return None


async def _put(cluster: Cluster, profile: ModelProfile, run_hash: str, new: bool, data: Object) -> None:
    namespace, name = profile.metadata.namespace, names.report(profile.metadata.name)
    if not new:
        await cluster.patch(CONFIG_MAPS, namespace, name, {"data": data})
        return
    await cluster.create(CONFIG_MAPS, namespace, config_maps.report(profile, run_hash, data))


def _owners(found: Object) -> set[str]:
    return {str(owner.get("uid")) for owner in found["metadata"].get("ownerReferences") or []}


def _before(data: Object, key: str) -> Object:
    """Return what the report has of a trial; nothing where somebody has edited it beyond recognition."""
    try:
        before = json.loads(data.get(key) or "{}")
    except ValueError:
        return {}
    return before if isinstance(before, dict) else {}
