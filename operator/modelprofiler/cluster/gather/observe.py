"""Reads the children of a profile, as the API server lists them, into one immutable `Observation`. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from modelprofiler.api.objects import Object
from modelprofiler.cluster import names
from modelprofiler.cluster.gather.jobs import load_job
from modelprofiler.cluster.gather.objects import labels_of
from modelprofiler.cluster.gather.observation import Observation
from modelprofiler.cluster.gather.servers import server


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
    of_server, of_trial = _pods_by_label(pods, run_hash, names.INCARNATION), _pods_by_label(pods, run_hash, names.TRIAL)
    servers = [
        server(o, container, of_server[labels_of(o)[names.INCARNATION]]) for o in deployments if _is_of(o, run_hash)
    ]
    loads = [load_job(o, of_trial[labels_of(o)[names.TRIAL]]) for o in jobs if _is_of(o, run_hash)]
    return Observation(
        servers=tuple(sorted(servers, key=lambda s: s.incarnation)),
        jobs=tuple(sorted(loads, key=lambda j: j.trial)),
        stale=tuple(
            (plural, o["metadata"]["name"])
            for plural, group in (("deployments", deployments), ("jobs", jobs))
            for o in group
            if not _is_of(o, run_hash)
        ),
    )


def _is_of(o: Object, run_hash: str) -> bool:
    return labels_of(o).get(names.RUN) == run_hash


def _pods_by_label(pods: Sequence[Object], run_hash: str, label: str) -> dict[str, list[Object]]:
    """Return the pods of a run that have a label, by its value."""
    groups: dict[str, list[Object]] = defaultdict(list)
    for pod in pods:
        if _is_of(pod, run_hash) and label in labels_of(pod):
            groups[labels_of(pod)[label]].append(pod)
    return groups
