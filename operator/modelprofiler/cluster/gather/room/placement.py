"""Which nodes take a pod, as the scheduler decides it: selectors, required node affinity, taints and cordons. Pure.

Only what keeps a pod off a node for good is looked at here; `capacity` asks whether a node has room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelprofiler.api.objects import Object

KEEPS_OFF = ("NoSchedule", "NoExecute")
"""Effects of a taint that keep pods off a node; PreferNoSchedule does not.

https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

CORDON = "node.kubernetes.io/unschedulable"
"""The taint that a cordoned node has."""
CORDONED = "cordoned"

UNREADY = {
    "node.kubernetes.io/not-ready": "not ready",
    "node.kubernetes.io/unreachable": "not reachable",
    "node.cloudprovider.kubernetes.io/uninitialized": "new, and not initialized yet",
}
"""Taints that a node gets by its state, and what they say.

https://kubernetes.io/docs/reference/labels-annotations-taints/
"""

INSTANCE_TYPE = "node.kubernetes.io/instance-type"
ARCHITECTURE = "kubernetes.io/arch"
SHOWN_NODES = 3
"""Nodes of which a message says why they do not take a pod; a cluster may have a thousand of them."""


@dataclass(frozen=True)
class Site:
    """A node, as far as it matters to where pods may run."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, Any], ...] = ()
    cordoned: bool = False
    kind: str = ""
    """Nodes of the same kind are alike: the instance type, or else the architecture and the number of CPUs."""

    @classmethod
    def of(cls, node: Object) -> Site:
        """Return what a Node says of itself."""
        spec, labels = node.get("spec") or {}, node["metadata"].get("labels") or {}
        cpus = ((node.get("status") or {}).get("capacity") or {}).get("cpu")
        kind = labels.get(INSTANCE_TYPE) or f"{labels.get(ARCHITECTURE, '')} {cpus or ''}".strip()
        return cls(
            name=node["metadata"]["name"],
            labels=labels,
            taints=tuple(taint for taint in spec.get("taints") or () if taint.get("effect") in KEEPS_OFF),
            cordoned=bool(spec.get("unschedulable")),
            kind=kind,
        )


@dataclass(frozen=True)
class Placement:
    """What a pod's spec says about the node that it may run on."""

    node_name: str | None = None
    selector: Mapping[str, Any] = field(default_factory=dict)
    terms: Sequence[Mapping[str, Any]] | None = None
    """Terms of the required node affinity, of which one has to match; None: there is none."""
    tolerations: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, pod: Object) -> Placement:
        """Return that of a pod's spec; its shape has been checked by `modelprofiler.api.pod_template`."""
        affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        return cls(
            node_name=pod.get("nodeName"),
            selector=pod.get("nodeSelector") or {},
            terms=None if required is None else required.get("nodeSelectorTerms") or (),
            tolerations=pod.get("tolerations") or (),
        )

    def obstacle(self, site: Site) -> str:
        """Return why a node does not take the pod, in a few words about the node; empty where it does."""
        if self.node_name:
            return "" if site.name == self.node_name else f"not the node {self.node_name}, which nodeName asks for"
        return self._by_labels(site) or self._by_state(site)

    def _by_labels(self, site: Site) -> str:
        missing = [f"{key}={value}" for key, value in self.selector.items() if site.labels.get(key) != value]
        if missing:
            return f"without the label {', '.join(missing)}, which nodeSelector asks for"
        if self.terms is not None and not any(_term_matches(term, site) for term in self.terms):
            return "outside the required node affinity"
        return ""

    def _by_state(self, site: Site) -> str:
        cordon = {"key": CORDON, "effect": "NoSchedule"}
        if site.cordoned and not self._tolerates(cordon):
            return CORDONED
        taint = next((taint for taint in site.taints if not self._tolerates(taint)), None)
        if taint is None:
            return ""
        key, value = taint.get("key"), taint.get("value")
        if key == CORDON:
            return CORDONED
        written = f"{key}={value}" if value else f"{key}"
        return UNREADY.get(str(key)) or f"tainted with {written}:{taint.get('effect')}, which the pod does not tolerate"

    def _tolerates(self, taint: Mapping[str, Any]) -> bool:
        return any(_tolerates(toleration, taint) for toleration in self.tolerations)


ANYWHERE = Placement()
"""Of a pod that asks for nothing."""


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Return whether a toleration matches a taint: by effect, key and value, each of which may be left open."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def _term_matches(term: Mapping[str, Any], site: Site) -> bool:
    """Return whether a node matches all expressions of a term; a term without any matches no node."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    names = {"metadata.name": site.name}
    return all(_matches(e, site.labels) for e in expressions) and all(_matches(f, names) for f in fields)


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether labels satisfy an expression; one that the API server would refuse keeps no pod off a node."""
    key, values = str(expression.get("key")), list(expression.get("values") or ())
    value = labels.get(key)
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(operator, value, values)
    return True


def _compares(operator: str, value: str | None, values: Sequence[Any]) -> bool:
    """Return whether a label is a whole number above or below another one."""
    try:
        have, bound = int(str(value)), int(str(values[0]))
    except (ValueError, IndexError):
        return False
    return have > bound if operator == "Gt" else have < bound


def nobody_takes(placement: Placement, sites: Sequence[Site]) -> str:
    """Return in one sentence why none of the nodes takes a pod."""
    if not sites:
        return "the cluster has no node that says what CPU and memory it has"
    if {placement.obstacle(site) for site in sites} == {CORDONED}:
        names = _some([site.name for site in sites])
        return f"every node is cordoned ({names}); the profile is checked again until one of them is uncordoned"
    return f"no node takes the server's pod: {obstacles(placement, sites)}"


def obstacles(placement: Placement, sites: Iterable[Site]) -> str:
    """Return which nodes do not take a pod and why, as the end of a sentence; empty where all do."""
    by_reason: dict[str, list[str]] = {}
    for site in sites:
        if why := placement.obstacle(site):
            by_reason.setdefault(why, []).append(site.name)
    parts = sorted(f"{_some(names)} ({why})" for why, names in by_reason.items())
    more = f"; and nodes with {len(parts) - SHOWN_NODES} other reasons" if len(parts) > SHOWN_NODES else ""
    return "; ".join(parts[:SHOWN_NODES]) + more


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - SHOWN_NODES} more" if len(names) > SHOWN_NODES else ""
    return f"{', '.join(names[:SHOWN_NODES])}{more}"
