"""The ConfigMap ``<name>-report``: every finished trial in full, with what the status has no room for."""

from __future__ import annotations

import base64
import json
import logging

from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import Trial
from modelprofiler.cluster import manifests, names
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.errors import NotFound
from modelprofiler.load.summary import LoadResult

log = logging.getLogger(__name__)


async def write(
    cluster: Cluster, profile: ModelProfile, run_hash: str, trial: Trial, result: LoadResult | None
) -> None:
    """Add a finished trial to the report, or replace it; written before the status, so that nothing is lost."""
    key = f"{run_hash}.trial-{trial.index:03d}.json"
    entry = {key: json.dumps(_full(trial, result), indent=1)}
    namespace, name = profile.metadata.namespace, names.report(profile.metadata.name)
    try:
        found = await cluster.get(CONFIG_MAPS, namespace, name)
    except NotFound:
        report = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": manifests.metadata(profile, run_hash, names.REPORT, name),
            "data": entry,
        }
        await cluster.create(CONFIG_MAPS, namespace, report)
        return
    owners = {o.get("uid") for o in found["metadata"].get("ownerReferences") or []}
    if profile.metadata.uid not in owners:
        log.warning("%s/%s belongs to somebody else; the report is not written", namespace, name)
        return
    if result is None and key in (found.get("data") or {}):
        before = json.loads(found["data"][key])
        entry = {key: json.dumps({**before, **_full(trial, None)}, indent=1)}
    # Of earlier runs only the rows of the current one are of use, and a ConfigMap holds 1 MiB.
    old = {k: None for k in found.get("data") or {} if not k.startswith(run_hash)}
    await cluster.patch(CONFIG_MAPS, namespace, name, {"data": {**old, **entry}})


def _full(trial: Trial, result: LoadResult | None) -> dict[str, object]:
    full: dict[str, object] = {"trial": trial.to_dict()}
    if result is not None:
        full["load"] = {
            "kind": str(result.kind),
            "started": result.started,
            "warmupStarted": result.warmup_started,
            "windowStarted": result.window_started,
            "windowEnded": result.window_ended,
            "ended": result.ended,
            "generatorCpuPercent": result.cpu_percent,
            "sendLagP99Seconds": result.send_lag_p99,
            # As the load package writes it: `modelprofiler.load.summary.LoadResult.decode` reads it.
            "result": base64.b64encode(result.encode().encode()).decode(),
        }
    return full
