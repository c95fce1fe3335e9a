"""Events: the history that ``kubectl describe`` shows. One that cannot be recorded is logged and left out."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster.adapter import EVENTS, Cluster
from modelprofiler.core.text import head
from modelprofiler.errors import ModelProfilerError

log = logging.getLogger(__name__)

LONGEST_MESSAGE = 1024
"""Characters of an event's message that the API server takes."""

LONGEST_PROFILE_PART = 230
"""Characters of the profile's name in that of an event, which has at most 253: a dot and a hash of 16 follow."""


async def tell(
    cluster: Cluster, profile: ModelProfile, reason: str, message: str, now: datetime, *, warning: bool = False
) -> None:
    """Record an event on a profile, once: its name is a hash of what it says, so that a second one is not created."""
    meta = profile.metadata
    digest = hashlib.sha256(f"{meta.uid}/{profile.status.run_hash}/{reason}/{message}".encode()).hexdigest()[:16]
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:LONGEST_PROFILE_PART].rstrip('.-')}.{digest}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": profile.api_version,
            "kind": profile.kind,
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": head(message, LONGEST_MESSAGE),
        "source": {"component": "modelprofiler"},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
    try:
        await cluster.create(EVENTS, meta.namespace, event)
    except ModelProfilerError as error:
        log.warning("%s/%s: the event %s was not recorded: %s", meta.namespace, meta.name, reason, error)
