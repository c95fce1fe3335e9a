"""The PersistentVolumeClaims that a profile names: whether they can be mounted, and where.

What is on them only a pod can see: `modelprofiler.cluster.prepare` has one look.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CLAIMS, NODES, PODS, Cluster
from modelprofiler.cluster.manifests.volumes import ClaimSource, sources_on_claims
from modelprofiler.errors import NotFound, Problem, Refused

ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
"""Access modes of volumes that are mounted on one node at a time."""


@dataclass(frozen=True)
class Claims:
    """The claims of a profile, all of which are there."""

    sources: tuple[ClaimSource, ...]
    identity: str
    """Another claim, path or question gives another one; so does a user who asks for everything anew."""
    host: str | None
    """Host name of the node on which a volume that one node alone can have is in use; None: any node will do."""
    together: bool
    """Whether the server and the load mount the same volume, which one node alone can have."""


async def look(cluster: Cluster, profile: ModelProfile) -> Claims | list[Problem]:
    """Look up the claims of a profile, at least one, and find everything that is wrong with them.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    namespace = profile.metadata.namespace
    sources = sources_on_claims(profile)
    found: dict[str, Object] = {}
    for name in dict.fromkeys(source.claim.claim_name for source in sources):
        try:
            found[name] = await cluster.get(CLAIMS, namespace, name)
        except NotFound:
            continue
    problems = [
        Problem(source.path, words)
        for source in sources
        if (words := _unusable(source.claim.claim_name, found.get(source.claim.claim_name), namespace))
    ]
    if problems:
        return problems
    single = {name for name, claim in found.items() if _modes(claim) <= ONE_NODE}
    served = {s.claim.claim_name for s in sources if s.part != "dataset"}
    together = {s.claim.claim_name for s in sources if s.part == "dataset"} & served & single
    problems = [
        Problem(
            source.path,
            f"claim {source.claim.claim_name!r} is ReadWriteOncePod, and both the server's pod and the load pod mount "
            "it; use ReadWriteOnce, or another claim for the dataset",
        )
        for source in sources
        if source.part == "dataset"
        and source.claim.claim_name in together
        and _modes(found[source.claim.claim_name]) == {"ReadWriteOncePod"}
    ]
    nodes = await _nodes_in_use(cluster, profile, single) if single else {}
    problems += _torn(sources, nodes)
    if problems:
        return problems
    host = await _host(cluster, next(iter(nodes.values()))) if nodes else None
    return Claims(tuple(sources), _identity(profile, sources, found), host, bool(together))


def _unusable(name: str, claim: Object | None, namespace: str) -> str:
    if claim is None:
        return f"there is no PersistentVolumeClaim {name!r} in namespace {namespace!r}"
    if claim["metadata"].get("deletionTimestamp"):
        return f"claim {name!r} is being deleted"
    if (claim.get("status") or {}).get("phase") == "Lost":
        return f"claim {name!r} has lost its volume"
    if claim["spec"].get("volumeMode") == "Block":
        return f"claim {name!r} is a block device; files need volumeMode Filesystem"
    return ""


def _modes(claim: Object) -> frozenset[str]:
    given = (claim.get("status") or {}).get("accessModes") or claim["spec"].get("accessModes") or []
    return frozenset(given)


async def _nodes_in_use(cluster: Cluster, profile: ModelProfile, claims: Collection[str]) -> dict[str, str]:
    """Return the node on which a pod that is not ours has each of the claims."""
    found: dict[str, str] = {}
    for pod in await cluster.list(PODS, profile.metadata.namespace):
        meta, spec = pod["metadata"], pod["spec"]
        over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if (
            over
            or not spec.get("nodeName")
            or (meta.get("labels") or {}).get(names.PROFILE_UID) == profile.metadata.uid
        ):
            continue
        for volume in spec.get("volumes") or []:
            name = str((volume.get("persistentVolumeClaim") or {}).get("claimName"))
            if name in claims:
                found[name] = spec["nodeName"]
    return found


def _torn(sources: Sequence[ClaimSource], nodes: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong when the volumes are held on different nodes: all pods of a run stay on one."""
    if len(set(nodes.values())) < 2:
        return []
    where = " and ".join(f"claim {name!r} is in use on node {node}" for name, node in sorted(nodes.items()))
    first = next(s for s in sources if s.claim.claim_name in nodes)
    return [Problem(first.path, f"{where}, each of which one node alone can have; a run needs them on the same")]


async def _host(cluster: Cluster, node: str) -> str:
    try:
        labels = (await cluster.get(NODES, None, node))["metadata"].get("labels") or {}
    except Refused:  # nodes may not be read: its name is most often its host name
        labels = {}
    return labels.get("kubernetes.io/hostname") or node


def _identity(profile: ModelProfile, sources: Sequence[ClaimSource], found: Mapping[str, Object]) -> str:
    script = profile.spec.server.entry_script
    asked = {
        "sources": {s.part: [found[s.claim.claim_name]["metadata"]["uid"], s.claim.inside] for s in sources},
        "file": script.file if script else None,
        "rows": [profile.spec.dataset.format.value, profile.spec.dataset.encoding],
        "rerun": profile.metadata.annotations.get(RERUN_ANNOTATION),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
