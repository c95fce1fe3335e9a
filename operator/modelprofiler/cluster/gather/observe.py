"""Reads the children of a profile, as the API server lists them, into one immutable `Observation`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.gather.jobs import load_job, reader
from modelprofiler.cluster.gather.objects import PodsByOwner, deployment_of, labels_of
from modelprofiler.cluster.gather.observation import LoadJob, Observation, Server
from modelprofiler.cluster.gather.servers import server

ENDED = ("Succeeded", "Failed")
"""Phases of a pod whose containers have ended: it uses nothing any more."""


def read(
    run_hash: str, container: str, *, deployments: Sequence[Object], jobs: Sequence[Object], pods: Sequence[Object]
) -> Observation:
    """Return what the children of a profile show of a run.

    Parameters
    ----------
    run_hash
        The current run; Deployments and Jobs of any other are stale.
    container
        Name of the profiled container.
    """
    owned = PodsByOwner(pods)
    servers = [server(o, container, owned.of_deployment(o)) for o in deployments if _is_of(o, run_hash)]
    loads: dict[str, list[tuple[Object, Sequence[Object]]]] = {}
    readers = []
    for job in jobs:
        if _is_of(job, run_hash):
            own = owned.of_job(job)
            if labels_of(job).get(names.COMPONENT) == names.READER:
                readers.append(reader(job, own))
            else:
                loads.setdefault(labels_of(job)[names.TRIAL], []).append((job, own))
    known = {o["metadata"]["name"] for o in deployments}
    return Observation(
        servers=tuple(sorted(servers, key=lambda s: s.incarnation)),
        jobs=tuple(sorted((_load(pairs, servers) for pairs in loads.values()), key=lambda j: j.trial)),
        readers=tuple(sorted(readers, key=lambda r: r.trial)),
        leaving=tuple(
            pod["metadata"]["name"]
            for pod in pods
            if labels_of(pod).get(names.COMPONENT) == names.SERVER
            and deployment_of(pod) not in known
            and (pod.get("status") or {}).get("phase") not in ENDED
        ),
        stale=tuple(
            (plural, o["metadata"]["name"])
            for plural, group in (("deployments", deployments), ("jobs", jobs))
            for o in group
            if not _is_of(o, run_hash)
        ),
    )


def _load(pairs: Sequence[tuple[Object, Sequence[Object]]], servers: Sequence[Server]) -> LoadJob:
    """Return a trial's load; the labels of its Jobs name the trial."""
    incarnation = int(pairs[0][0]["metadata"]["annotations"][names.INCARNATION])
    pod = next((server.pod for server in servers if server.incarnation == incarnation), None)
    return load_job(pairs, pod.node if pod is not None else "")


def _is_of(o: Object, run_hash: str) -> bool:
    return labels_of(o).get(names.RUN) == run_hash
