"""Reads runs of a cluster for the commands: the ModelProfile and the ConfigMap with its trials in full."""

from __future__ import annotations

import asyncio
import json

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import PROFILES, Cluster, current_namespace
from modelprofiler.cluster.reports import place_of
from modelprofiler.errors import NotFound, RecordUnreadable, Refused
from modelprofiler.report.record import RunRecord, TrialRecord


def run_of(name: str, namespace: str | None) -> RunRecord:
    """Return a run of the cluster that the kubeconfig names, by default of its current namespace.

    Raises
    ------
    ModelProfilerError
        When there is no cluster, or it has no such profile.
    """
    return asyncio.run(_run(name, namespace))


def profiles_of(name: str | None, namespace: str | None) -> list[Object]:
    """Return a profile as the API server has it, or without a name those of the namespace.

    Raises
    ------
    ModelProfilerError
        When there is no cluster, or it has no such profile.
    """
    return asyncio.run(_profiles(name, namespace))


async def _run(name: str, namespace: str | None) -> RunRecord:
    cluster = await Cluster.connect()
    try:
        return await fetch(cluster, namespace or current_namespace(), name)
    finally:
        await cluster.close()


async def _profiles(name: str | None, namespace: str | None) -> list[Object]:
    cluster = await Cluster.connect()
    try:
        namespace = namespace or current_namespace()
        return [await _profile(cluster, namespace, name)] if name else await cluster.list(PROFILES, namespace)
    finally:
        await cluster.close()


async def fetch(cluster: Cluster, namespace: str, name: str) -> RunRecord:
    """Return the current run of a profile, with those trials that its report has in full.

    Raises
    ------
    NotFound
        When there is no such profile.
    ClusterUnavailable, Refused
        When the API server does not answer, or does not let the profile be read.
    """
    profile = ModelProfile.parse(await _profile(cluster, namespace, name))
    try:
        _, report = await place_of(cluster, namespace, name, profile.metadata.uid)
    except Refused:  # ConfigMaps may not be read: the status has the rows
        return RunRecord(profile)
    if report is None:
        return RunRecord(profile)
    prefix = names.trial_key_prefix(profile.status.run_hash or "")
    records = [_trial(text) for key, text in (report.get("data") or {}).items() if key.startswith(prefix)]
    return RunRecord(profile, {record.trial.index: record for record in records if record is not None})


async def _profile(cluster: Cluster, namespace: str, name: str) -> Object:
    try:
        return await cluster.get(PROFILES, namespace, name)
    except NotFound as error:
        raise NotFound(
            f"there is no ModelProfile {name} in the namespace {namespace} of this cluster: {error}"
        ) from error


def _trial(text: str) -> TrialRecord | None:
    """Return a trial of the report; None where somebody has edited it so that it cannot be read."""
    try:
        data = json.loads(text)
        return TrialRecord.from_dict(data) if isinstance(data, dict) else None
    except (ValueError, RecursionError, RecordUnreadable):
        return None
