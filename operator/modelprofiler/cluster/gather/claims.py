"""The sources that only pods read: of PersistentVolumeClaims, whether pods can mount them, and on which node.

Only a pod can see the files on them: a Job reads them (`modelprofiler.cluster.gather.prepare`). It is also the first to
install the packages of an entry script.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from modelprofiler.api.objects import Object
from modelprofiler.api.resource import RERUN_ANNOTATION, ModelProfile
from modelprofiler.api.server import EntryScript
from modelprofiler.cluster import names
from modelprofiler.cluster.adapter import CLAIMS, NODES, PODS, Cluster
from modelprofiler.cluster.manifests.pods import HOSTNAME
from modelprofiler.cluster.manifests.volumes import ClaimSource, sources_in_pods, sources_on_claims
from modelprofiler.core.requirements import is_installed
from modelprofiler.errors import NotFound, Problem, Refused
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.secret_headers import PATH as HEADERS
from modelprofiler.load.secret_headers import secret_headers
from modelprofiler.load.tls import CLIENT_PATH, client_secret

ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
"""Access modes of volumes that only one node at a time can mount."""


@dataclass(frozen=True)
class Claims:
    """The sources of a profile that only pods read; its claims exist and can be mounted."""

    sources: tuple[ClaimSource, ...]
    """Those on claims."""
    identity: str
    """Identifies what there is to read: another claim or path changes it, and so does the annotation to run again."""
    host: str | None
    """Host name of the node on which somebody already uses a volume that only one node can mount; None: any node."""
    together: bool
    """Whether the server and the load mount the same volume and only one node can mount it."""
    others: tuple[str, ...] = ()
    """Paths of the fields of the others: Secrets, addresses, Parquet files in ConfigMaps, and headers from Secrets."""
    installs: bool = False
    """Whether packages are installed."""

    @property
    def reads(self) -> bool:
        """Whether files are read."""
        return bool(self.sources or self.others)

    @property
    def pod(self) -> str:
        """The pod of the Job, for messages."""
        does = (["reads the files"] if self.reads else []) + (["installs the packages"] if self.installs else [])
        return f"the pod that {' and '.join(does)}"


async def look(cluster: Cluster, profile: ModelProfile) -> Claims | list[Problem]:
    """Look up the claims of a profile, and find everything that is wrong with them.

    At least one of its sources is one that only pods read, or it has packages to install or headers from Secrets.

    Raises
    ------
    ClusterUnavailable
        When the API server does not answer.
    """
    sources = sources_on_claims(profile)
    claims = await _existing(cluster, profile.metadata.namespace, {s.claim.claim_name for s in sources})
    if problems := _unusable(sources, claims, profile.metadata.namespace):
        return problems
    on_one_node = {name for name, claim in claims.items() if _access_modes(claim) <= ONE_NODE}
    shared = _claims_of(sources, "dataset") & _claims_of(sources, "model", "code")
    nodes = await _nodes_in_use(cluster, profile, on_one_node) if on_one_node else {}
    if problems := [*_not_shareable(sources, claims, shared), *_on_different_nodes(sources, nodes)]:
        return problems
    return Claims(
        sources=tuple(sources),
        identity=_identity(profile, sources, claims),
        host=await _host(cluster, next(iter(nodes.values()))) if nodes else None,
        together=bool(shared & on_one_node),
        others=(*_other_sources(profile), *_headers(profile)),
        installs=is_installed(profile.spec.server.entry_script),
    )


def _other_sources(profile: ModelProfile) -> list[str]:
    return [path for _, path, source in sources_in_pods(profile) if source.persistent_volume_claim is None]


def _headers(profile: ModelProfile) -> list[str]:
    endpoint = profile.spec.endpoint.http
    headers = [f"{HEADERS}[{number}].valueFrom" for number in secret_headers(endpoint)]
    return [*headers, CLIENT_PATH] if client_secret(endpoint) is not None else headers


async def _existing(cluster: Cluster, namespace: str, claim_names: Collection[str]) -> dict[str, Object]:
    """Return the claims that exist, by name."""
    claims = {}
    for name in sorted(claim_names):
        try:
            claims[name] = await cluster.get(CLAIMS, namespace, name)
        except NotFound:
            continue
    return claims


def _unusable(sources: Sequence[ClaimSource], claims: Mapping[str, Object], namespace: str) -> list[Problem]:
    problems = []
    for source in sources:
        name = source.claim.claim_name
        if message := _claim_problem(name, claims.get(name), namespace):
            problems.append(Problem(source.path, message))
    return problems


def _claim_problem(name: str, claim: Object | None, namespace: str) -> str:
    """Return why a claim cannot be mounted; empty when it can."""
    if claim is None:
        return f"there is no PersistentVolumeClaim {name!r} in namespace {namespace!r}"
    if claim["metadata"].get("deletionTimestamp"):
        return f"claim {name!r} is being deleted"
    if (claim.get("status") or {}).get("phase") == "Lost":
        return f"claim {name!r} has lost its volume"
    if claim["spec"].get("volumeMode") == "Block":
        return f"claim {name!r} is a block device; files need volumeMode Filesystem"
    return ""


def _claims_of(sources: Sequence[ClaimSource], *parts: str) -> set[str]:
    return {source.claim.claim_name for source in sources if source.part in parts}


def _access_modes(claim: Object) -> frozenset[str]:
    """Return the access modes of the claim's volume, or before it is bound those that the claim asks for."""
    return frozenset((claim.get("status") or {}).get("accessModes") or claim["spec"].get("accessModes") or [])


def _not_shareable(
    sources: Sequence[ClaimSource], claims: Mapping[str, Object], shared: Collection[str]
) -> list[Problem]:
    """Return the claims that the server's pod and the load pod share although only one pod can mount them."""
    return [
        Problem(
            source.path,
            f"claim {source.claim.claim_name!r} is ReadWriteOncePod, and both the server's pod and the load pod mount "
            "it; use ReadWriteOnce, or another claim for the dataset",
        )
        for source in sources
        if source.part == "dataset"
        and source.claim.claim_name in shared
        and _access_modes(claims[source.claim.claim_name]) == {"ReadWriteOncePod"}
    ]


async def _nodes_in_use(cluster: Cluster, profile: ModelProfile, claims: Collection[str]) -> dict[str, str]:
    """Return the node on which a pod that is not the profile's own uses each of the claims, by claim."""
    nodes: dict[str, str] = {}
    for pod in await cluster.list(PODS, profile.metadata.namespace):
        labels, spec = pod["metadata"].get("labels") or {}, pod["spec"]
        has_ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if has_ended or not spec.get("nodeName") or labels.get(names.PROFILE_UID) == profile.metadata.uid:
            continue
        for volume in spec.get("volumes") or []:
            name = str((volume.get("persistentVolumeClaim") or {}).get("claimName"))
            if name in claims:
                nodes[name] = spec["nodeName"]
    return nodes


def _on_different_nodes(sources: Sequence[ClaimSource], nodes: Mapping[str, str]) -> list[Problem]:
    """Return that volumes of one node each are in use on different nodes: all pods of a run stay on one node."""
    if len(set(nodes.values())) < 2:
        return []
    where = " and ".join(f"claim {name!r} is in use on node {node}" for name, node in sorted(nodes.items()))
    first = next(source for source in sources if source.claim.claim_name in nodes)
    message = f"{where}, and only one node at a time can mount each; a run needs them on the same node"
    return [Problem(first.path, message)]


async def _host(cluster: Cluster, node: str) -> str:
    try:
        labels = (await cluster.get(NODES, None, node))["metadata"].get("labels") or {}
    except Refused:  # nodes may not be read: a node's name is most often its host name
        labels = {}
    return labels.get(HOSTNAME) or node


def _identity(profile: ModelProfile, sources: Sequence[ClaimSource], claims: Mapping[str, Object]) -> str:
    """Return a hash of everything that the result of reading the claims depends on."""
    script = profile.spec.server.entry_script
    question = {
        "others": {
            part: source.to_dict()
            for part, _, source in sources_in_pods(profile)
            if source.persistent_volume_claim is None
        },
        "sources": {s.part: [claims[s.claim.claim_name]["metadata"]["uid"], s.claim.inside] for s in sources},
        "file": script.file if script else None,
        "rows": RowFormat.of(profile.spec.dataset).to_dict(),
        "promise": Promise.of(profile.spec).to_dict(),
        "rerun": profile.metadata.annotations.get(RERUN_ANNOTATION),
        **({"headers": _headers_asked(profile)} if _headers(profile) else {}),
        **({"packages": _packages(script)} if script is not None and is_installed(script) else {}),
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def _headers_asked(profile: ModelProfile) -> Object:
    """Return which keys of which Secrets are headers, and which Secret has the client's certificate."""
    endpoint = profile.spec.endpoint.http
    headers: Object = {number: place.to_dict() for number, place in secret_headers(endpoint).items()}
    secret = client_secret(endpoint)
    return headers if secret is None else headers | {"clientCertificate": secret}


def _packages(script: EntryScript) -> Object:
    """Return what the packages depend on that are installed.

    The installation's own image and index are not in it: a run keeps the versions it began with when these change.
    """
    asked = script.environment.to_dict()
    return {name: asked.get(name) for name in ("image", "requirements", "pythonVersion", "packageIndex")}
