"""Quotas on numbers of objects: whether a namespace has room for all the objects that a run has at once.

A dry run asks for one object at a time, so that a quota with room for one pod would admit the server's and the load's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.api.resource import ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import PODS, QUOTAS, Cluster
from modelprofiler.cluster.manifests.volumes import sources_of
from modelprofiler.errors import Refused


async def refusal(cluster: Cluster, profile: ModelProfile) -> str:
    """Return which quota on numbers of objects a run does not fit into, with the sum; empty where it fits.

    Where another run has objects in the namespace nothing is said: these are gone when its turn is over.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    namespace = profile.metadata.namespace
    try:
        quotas = await cluster.list(QUOTAS, namespace)
    except Refused:  # an older chart has not given this right; the API server then says so when an object is created
        return ""
    problems = list(_exceeded(quotas, _needs(profile)))
    if problems and await cluster.list(PODS, namespace, f"{names.MANAGED_BY}={names.MANAGER},{names.PROFILE_UID}"):
        return ""
    return "; ".join(problems)


def _needs(profile: ModelProfile) -> dict[str, tuple[int, str]]:
    """Return how many objects a run has at once, by the name of the quota's resource: (number, what they are)."""
    loads = profile.spec.load.parallelism
    load = "the load" if loads == 1 else f"{loads} of the load"
    pods = 1 + loads, f"pods (the server and {load})"
    jobs = (1, "Job (the load)") if loads == 1 else (2, "Jobs (the first load generator and the others)")
    inline = any(source.inline for _, _, source in sources_of(profile))
    files = (2, "ConfigMaps (the report and what the profile has inline)") if inline else (1, "ConfigMap (the report)")
    return {
        "pods": pods,
        "count/pods": pods,
        "count/deployments.apps": (1, "Deployment (the server)"),
        "count/replicasets.apps": (1, "ReplicaSet (that of the server's Deployment)"),
        "count/jobs.batch": jobs,
        "configmaps": files,
        "count/configmaps": files,
    }


def _exceeded(quotas: Iterable[Object], needs: dict[str, tuple[int, str]]) -> Iterator[str]:
    """Yield a sentence for each number that a run would exceed; a quota with scopes may not be about its pods."""
    for quota in quotas:
        spec, status = quota.get("spec") or {}, quota.get("status") or {}
        if spec.get("scopes") or spec.get("scopeSelector"):
            continue
        hard, used = spec.get("hard") or {}, status.get("used") or {}
        for resource, (number, what) in needs.items():
            if resource not in hard:
                continue
            allowed, taken = (int(Quantity(amounts.get(resource) or 0).value) for amounts in (hard, used))
            if taken + number > allowed:
                yield (
                    f"spec: a run has {number} {what} at once, and the ResourceQuota {quota['metadata']['name']} "
                    f"allows {allowed} {resource}, of which {taken} are in use"
                )
