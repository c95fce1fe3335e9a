"""Where a profile's report is: in the ConfigMap ``<name>-report``, or where somebody else has that, in the next."""

from __future__ import annotations

from modelprofiler.api.objects import Object, controller_of
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CONFIG_MAPS, Cluster
from modelprofiler.errors import NameTaken, NotFound


async def place_of(cluster: Cluster, namespace: str, profile: str, uid: str) -> tuple[str, Object | None]:
    """Return the name of a profile's report, and the report; None where there is none yet.

    Raises
    ------
    NameTaken
        When others have every name that it may have.
    ClusterUnavailable, Refused
        When the API server does not answer, or does not let ConfigMaps be read.
    """
    usual = names.report(profile)
    for name in names.alternatives(usual):
        try:
            report = await cluster.get(CONFIG_MAPS, namespace, name)
        except NotFound:
            return name, None
        if controller_of(report).get("uid") == uid:
            return name, report
    raise NameTaken(f"all names that the report {usual!r} may have are taken by objects of others; delete them")
