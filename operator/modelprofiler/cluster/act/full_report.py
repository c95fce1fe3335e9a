"""Writes a profile's report: every finished trial in full, with samples and the load's result."""

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
from modelprofiler.cluster.reports import place_of
from modelprofiler.errors import Refused
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
) -> str | None:
    """Add a finished trial to the report, or replace it there; return the name of a report that was created.

    It is called before the trial is recorded in the status, so that a crash in between loses nothing. A report that
    the API server refuses (it is full, or all its names belong to others) keeps no trial out of the status.

    Parameters
    ----------
    result
        What the load generator left; None where the report has it already, or there is none.
    measured
        The samples of the trial's usage.

    Raises
    ------
    ClusterUnavailable, Conflict
        When the API server does not answer; then the trial must not be recorded yet.
    """
    try:
        return await _write(cluster, profile, run_hash, trial, result, measured)
    except Refused as error:
        meta = profile.metadata
        log.warning("%s/%s: trial %d is not in the report: %s", meta.namespace, meta.name, trial.index, error)
        return None


async def _write(
    cluster: Cluster,
    profile: ModelProfile,
    run_hash: str,
    trial: Trial,
    result: LoadResult | None,
    measured: Measured | None,
) -> str | None:
    namespace = profile.metadata.namespace
    name, report = await place_of(cluster, namespace, profile.metadata.name, profile.metadata.uid)
    data = (report or {}).get("data") or {}
    key = names.trial_key(run_hash, trial.index)
    samples = (measured.cpu_seconds, measured.memory) if measured is not None else ((), ())
    full = TrialRecord(trial, result, *samples).to_dict()
    if result is None:  # the usage of a trial whose result is in the report already
        full = _recorded(data, key) | full
    # The trials of earlier runs are removed: nobody reads them any more, and a ConfigMap takes at most 1 MiB.
    stale = {k: None for k in data if not k.startswith(names.trial_key_prefix(run_hash))}

    async def put(entry: Object) -> None:
        if report is None:
            body = config_maps.report(profile, run_hash, name, {key: json.dumps(entry, indent=1)})
            await cluster.create(CONFIG_MAPS, namespace, body)
        else:
            await cluster.patch(CONFIG_MAPS, namespace, name, {"data": {**stale, key: json.dumps(entry, indent=1)}})

    try:
        await put(full)
    except Refused:
        await put({"trial": full["trial"]})  # most of an entry is the result of the load generator
    return name if report is None else None


def _recorded(data: Object, key: str) -> Object:
    """Return the entry of a trial in the report; an empty one where somebody has edited it beyond recognition."""
    try:
        entry = json.loads(data.get(key) or "{}")
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
