"""Whether the API server resizes running pods: it has the subresource `pods/resize` from Kubernetes 1.33 on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import DISCOVERY, Cluster
from modelprofiler.errors import ModelProfilerError

log = logging.getLogger(__name__)

KEPT_SECONDS = 600.0
"""The subresource comes with an upgrade of the API server, which takes minutes: its discovery is read once a run, or a
few times."""


class Resizing:
    """Reads the discovery of the API server, and keeps what it says for a while."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster, self._clock = cluster, clock
        self._kept: tuple[datetime, bool] | None = None

    async def is_served(self) -> bool:
        """Return whether there is a way to resize pods; True where that is not known.

        A resize that is refused costs a fresh pod, as in a cluster without any: so nothing waits for this, and what
        could not be read is read again for the next trial.
        """
        if self._kept is not None and self._clock() - self._kept[0] < timedelta(seconds=KEPT_SECONDS):
            return self._kept[1]
        try:
            served = _resources(await self._cluster.get(DISCOVERY, None, "v1"))
        except ModelProfilerError as error:
            log.info("the discovery of the API server cannot be read: %s", error)
            return True
        if "pods" not in served:  # what answers is no discovery
            return True
        self._kept = self._clock(), "pods/resize" in served
        return self._kept[1]


def _resources(body: Object) -> set[str]:
    """Return the names of the resources of an APIResourceList."""
    listed = body.get("resources")
    resources = listed if isinstance(listed, list) else []
    return {str(resource.get("name")) for resource in resources if isinstance(resource, dict)}
