"""Events: what ``kubectl describe`` tells as a story. Best effort; each happens once, however often it is told."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster.adapter import EVENTS, Cluster
from modelprofiler.errors import ModelProfilerError

log = logging.getLogger(__name__)

LONGEST_NOTE = 1024


async def tell(
    cluster: Cluster, profile: ModelProfile, reason: str, message: str, now: datetime, *, warning: bool = False
) -> None:
    """Record an event on a profile; telling the same again changes nothing, since its name follows from it."""
    meta = profile.metadata
    digest = hashlib.sha256(f"{meta.uid}/{profile.status.run_hash}/{reason}/{message}".encode()).hexdigest()[:16]
    when = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:230].rstrip('.-')}.{digest}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": profile.api_version,
            "kind": profile.kind,
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message[:LONGEST_NOTE],
        "source": {"component": "modelprofiler"},
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
    }
    try:
        await cluster.create(EVENTS, meta.namespace, event)
    except ModelProfilerError as error:
        log.warning("%s/%s: the event %s was not recorded: %s", meta.namespace, meta.name, reason, error)
